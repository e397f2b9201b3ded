"""The epochs of a training, as every one of its processes goes through them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from osteon.synthesis.body import Body
from osteon.training.batches import Mixed, Source
from osteon.training.cases import PreparedCase
from osteon.training.checkpoint import Progress
from osteon.training.config import TrainingConfig
from osteon.training.data import Sampler
from osteon.training.folder import TrainingPaths
from osteon.training.seat import Seat
from osteon.training.session import Session
from osteon.training.synthetic import SyntheticSource
from osteon.training.tensorboard import scalars


@dataclass(frozen=True)
class Lesson:
    """What is learned from, and what the epochs are judged on."""

    training: Sequence[PreparedCase]
    validation: Sequence[PreparedCase]
    bodies: Sequence[Body]


@dataclass(frozen=True)
class Assignment:
    """What a process of a training is told.

    Parameters
    ----------
    config : TrainingConfig
    device : "auto", "cpu", "cuda" or "mps"
    lesson : Lesson
    paths : TrainingPaths
    begun : bool
        Whether there is a checkpoint to go on from.
    """

    config: TrainingConfig
    device: str
    lesson: Lesson
    paths: TrainingPaths
    begun: bool

    def of(self, seat: Seat) -> Assignment:
        """That of one process: every n-th validation case; all draw from all that is learned from."""
        return replace(self, lesson=replace(self.lesson, validation=self.lesson.validation[seat.rank :: seat.of]))


def companion(seat: Seat, task: Assignment) -> None:
    """What a further process of a training does: the same as the first, without a word."""
    learned(seat, task, lambda _: None, {})


def learned(seat: Seat, task: Assignment, said: Callable[[str], None], facts: dict[str, Any]) -> Progress:
    """Train until the epochs, the patience or the minutes end; the first process writes and reports.

    Parameters
    ----------
    seat : Seat
    task : Assignment
        This process' own.
    said : callable
        Gets one line an epoch.
    facts : dict
        Gets what the first weights were and how good.
    """
    config, lesson, paths = task.config, task.lesson, task.paths
    session = Session(config, task.device, seat)
    source = _source(lesson, config, str(session.fabric.device), seat)
    progress = session.restore(paths) if task.begun else Progress()
    if progress.epoch == 0:
        facts["first_weights_sha256"] = session.start(source)
        if session.fresh:
            said(f"{config.start} does not know {', '.join(session.fresh)}; their last layer starts at random.")
        if config.start is not None:
            facts["before"] = session.judged(lesson.validation)
            progress.start_dice = facts["before"]["f1"]
            said(f"before training: validation {_scores(facts['before'])}.")
    session.clock.start(progress.history)
    with scalars(config.tensorboard and seat.rank == 0, paths.tensorboard, progress.epoch) as note:
        while _goes_on(session, progress):
            session.epoch(source, lesson.validation, progress)
            if seat.rank == 0:
                session.keep(paths, progress)
            note(progress.history[-1])
            said(_line(progress))
    return progress


def _goes_on(session: Session, progress: Progress) -> bool:
    """Whether another epoch is due: some are left, one of the last was better, and there is time to learn and judge."""
    config = session.config
    if progress.epoch >= config.epochs or progress.since_better_loss >= config.patience:
        return False
    return progress.epoch == 0 or session.spent < 1


def _source(lesson: Lesson, config: TrainingConfig, device: str, seat: Seat) -> Source:
    """Crops of cases, slices of bodies, or both, as ``config.sampling.synthetic`` says."""
    sources: list[Source] = []
    if config.real_crops:
        sources.append(Sampler(lesson.training, config, seat))
    if config.synthetic_crops:
        sources.append(SyntheticSource(lesson.bodies, config, device, seat))
    return Mixed(sources, device)


def _line(progress: Progress) -> str:
    row = progress.history[-1]
    return f"epoch {progress.epoch}: loss {row['train_loss']:.3f}, validation {_scores(row)}; {row['seconds']:.0f} s"


def _scores(row: dict[str, float]) -> str:
    dice = ", ".join(f"{key.removeprefix('dice_')} {row[key]:.3f}" for key in row if key.startswith("dice_"))
    return f"{row['loss']:.3f}, Dice {dice}"
