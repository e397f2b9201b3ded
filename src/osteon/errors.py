"""What a user can do wrong, as exceptions whose message says what was found, where, and what to do.

The terminal prints the message of an `OsteonError` and no traceback; its ``exit_code`` is the command's.
"""

from __future__ import annotations


class OsteonError(Exception):
    """A user's mistake or an input that cannot be used."""

    exit_code = 3


class UsageError(OsteonError):
    """The command or the call itself is wrong: an unknown name, a contradiction, an output in the way."""

    exit_code = 2


class ReadError(OsteonError):
    """A file or folder cannot be read as what it should be."""


class GeometryError(OsteonError):
    """A grid is impossible (NaN, zero spacing, shear) or two grids that must agree do not."""


class TaskError(OsteonError):
    """A task is unknown, or its table contradicts itself, or labels do not belong to it."""


class CohortError(OsteonError):
    """A cohort, its manifest or its split cannot be used."""


class ModelError(OsteonError):
    """A model folder or a weight file cannot be used."""


class TrainingError(OsteonError):
    """A training configuration or run folder cannot be used."""


class WriteError(OsteonError):
    """A result cannot be written: no space, no right to write there."""


class UnexpectedError(OsteonError):
    """Osteon itself failed on one of several cases; ``__cause__`` is the exception, a bug or a lack of memory."""

    exit_code = 1
