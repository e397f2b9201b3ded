"""Osteon: from MRI to labelled bones, meshes and measurements.

Every name is loaded when it is first used, so that ``import osteon`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from osteon.anatomy import Task
    from osteon.cohort import Cohort
    from osteon.crossvalidation import crossval
    from osteon.io import read, write
    from osteon.measurement import measure
    from osteon.metrics.evaluate import evaluate
    from osteon.networks.model import Model
    from osteon.pipeline import segment
    from osteon.training import finetune, train
    from osteon.volume import LabelMap, Volume

    __version__: str

__all__ = [
    "Cohort",
    "LabelMap",
    "Model",
    "Task",
    "Volume",
    "crossval",
    "evaluate",
    "finetune",
    "measure",
    "read",
    "segment",
    "train",
    "write",
]

_HOME = {
    "Cohort": "osteon.cohort",
    "LabelMap": "osteon.volume",
    "Model": "osteon.networks.model",
    "Task": "osteon.anatomy",
    "Volume": "osteon.volume",
    "crossval": "osteon.crossvalidation",
    "evaluate": "osteon.metrics",
    "finetune": "osteon.training",
    "measure": "osteon.measurement",
    "read": "osteon.io",
    "segment": "osteon.pipeline",
    "train": "osteon.training",
    "write": "osteon.io",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version  # which most commands never need

        return version("osteon")
    if name not in _HOME:
        raise AttributeError(f"module 'osteon' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
