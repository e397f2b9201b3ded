"""Train one network on one fold of a cohort."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from osteon.cohort import Cohort, Fold
from osteon.errors import TrainingError
from osteon.networks.model import Model
from osteon.run import Run
from osteon.synthesis.bodies import Bodies
from osteon.synthesis.body import Body
from osteon.training.cases import PreparedCase, prepare_cases
from osteon.training.config import TrainingConfig
from osteon.training.devices import refuse_too_many, seats
from osteon.training.epochs import Assignment, Lesson, companion, learned
from osteon.training.first import blind_to_sides
from osteon.training.folder import TrainingPaths, claim, refuse_leak
from osteon.training.outcome import counted, worse_than_start, write_outcome
from osteon.training.record import record


def train(
    cohort: Cohort,
    folder: str | Path,
    *,
    config: TrainingConfig,
    fold: Fold,
    also: Sequence[Cohort | Bodies] = (),
    resume: bool = False,
    device: str = "auto",
    said: Callable[[str], None] = lambda _: None,
) -> Model:
    """Train a network and write the model with the best validation Dice.

    With the same seed, cohort, configuration and versions the weights are the same, byte for byte on a CPU with the
    same number of threads, also when the run was killed and resumed.

    Parameters
    ----------
    cohort : Cohort
    folder : path
        Run folder (`TrainingPaths`).
    config : TrainingConfig
    fold : Fold
        Its test subjects are never read.
    also : sequence of Cohort and Bodies
        Cohorts of the same task, such as phantoms, whose cases are added to the training side (but those of the last
        ``config.sampling.judging`` subjects of each to the validation side); bodies, from which slices are made while
        training (``config.sampling.synthetic`` says what share).
    resume : bool
        Continue from the last checkpoint in ``folder``; starts anew if there is none.
    device : "auto", "cpu", "cuda" or "mps"
    said : callable
        Gets one line an epoch.

    Raises
    ------
    TrainingError
        If the folder holds another run, or nothing can be learned from the fold.
    """
    if config.network.planned:
        from osteon.training.nnunet.training import train_nnunet

        return train_nnunet(
            cohort, folder, config=config, fold=fold, also=also, resume=resume, device=device, said=said
        )
    paths = TrainingPaths(Path(folder))
    cohort.task.value_of_class(config.classes)  # what a result could not be written with is refused now, not after days
    cohorts = (cohort, *(extra for extra in also if isinstance(extra, Cohort)))
    bodies = [body for extra in also if isinstance(extra, Bodies) for body in extra.bodies]
    refuse_leak(cohort, fold, cohorts[1:])
    claim(paths, config, fold, (cohort, *also), resume)
    refuse_too_many(device, config.devices)
    arguments = {"cohort": cohort.folder, "also": [c.folder for c in also], "device": device, "resume": resume}
    run = Run("train", arguments, config.seed)
    run.facts |= {"configuration": config.model_dump(), "fold": fold.model_dump()}
    run.facts["cohorts_sha256"] = [c.digest() for c in (cohort, *also)]
    _doubt(blind_to_sides(config, cohort.task), run, said)
    try:
        with run.stage("prepare"):
            lesson = _lesson(cohorts, bodies, fold, config, paths.scratch, said)
        said(f"{_counted(lesson, config)}, {config.epochs} epochs at most{_limit(config)}.")
        task = Assignment(config, device, lesson, paths, resume and paths.checkpoint.is_file())
        with run.stage("train"), seats(config.devices, companion, task.of) as seat:
            progress = learned(seat, task.of(seat), said, run.facts)
    finally:
        shutil.rmtree(paths.scratch, ignore_errors=True)
    record(paths, progress)  # of a run that was killed right after its last checkpoint
    run.facts["best"] = progress.history[progress.best_epoch - 1]
    _doubt(worse_than_start(progress), run, said)
    model = write_outcome(paths, config, cohorts, bodies, progress)
    run.write(paths.folder)
    return model


def _doubt(sentence: str | None, run: Run, said: Callable[[str], None]) -> None:
    if sentence is not None:
        run.warn(sentence)
        said(sentence)


def _lesson(
    cohorts: Sequence[Cohort],
    bodies: Sequence[Body],
    fold: Fold,
    config: TrainingConfig,
    scratch: Path,
    said: Callable[[str], None],
) -> Lesson:
    """Cases and bodies, prepared, if something can be learned and judged."""
    if config.synthetic_crops and not bodies:
        raise TrainingError("sampling.synthetic asks for slices of bodies; give a folder of bodies with --also.")
    if bodies and not config.synthetic_crops:
        raise TrainingError("Bodies were given, but sampling.synthetic leaves no slice of a batch to them; raise it.")
    training = _training_cases(cohorts, fold, config, scratch, said)
    validation = _validation_cases(cohorts, fold, config, scratch, said)
    if not any(case.labelled_slices.size for case in validation):
        raise TrainingError("No validation case holds a class to learn; split the cohort with validation subjects.")
    return Lesson(training, validation, bodies)


def _counted(lesson: Lesson, config: TrainingConfig) -> str:
    parts = [counted(lesson.training, "training case", "training cases")] if config.real_crops else []
    parts += [counted(lesson.bodies, "body", "bodies")] if lesson.bodies else []
    return ", ".join([*parts, counted(lesson.validation, "validation case", "validation cases")])


def _limit(config: TrainingConfig) -> str:
    limits = ((config.minutes, "minutes"), (config.processor_minutes, "minutes of the processor"))
    return "".join(f", {minutes:g} {what} at most" for minutes, what in limits if minutes is not None)


def _training_cases(
    cohorts: Sequence[Cohort], fold: Fold, config: TrainingConfig, scratch: Path, said: Callable[[str], None]
) -> list[PreparedCase]:
    """Cases of the training subjects and of the further cohorts; none are read where none are learned from."""
    if not config.real_crops:
        return []
    training = prepare_cases(cohorts[0], cohorts[0].of_subjects(fold.train), config, scratch, said)
    for other in cohorts[1:]:
        judging = _judging(other, config)
        teaching = [case for case in other.cases if case.subject not in judging]
        training += prepare_cases(other, teaching, config, scratch, said)
    return training


def _validation_cases(
    cohorts: Sequence[Cohort], fold: Fold, config: TrainingConfig, scratch: Path, said: Callable[[str], None]
) -> list[PreparedCase]:
    """Cases of the validation subjects, and those that the further cohorts give."""
    cases = prepare_cases(cohorts[0], cohorts[0].of_subjects(fold.validation), config, scratch, said)
    for other in cohorts[1:]:
        cases += prepare_cases(other, other.of_subjects(_judging(other, config)), config, scratch, said)
    return cases


def _judging(other: Cohort, config: TrainingConfig) -> list[str]:
    """Subjects of a further cohort on which the epochs are judged: its last ones."""
    number = config.sampling.judging
    if number >= len(other.subjects):
        raise TrainingError(
            f"sampling.judging takes {number} subjects of {other.folder.name}, which has {len(other.subjects)}: none "
            "are left to learn from. Lower it."
        )
    return other.subjects[len(other.subjects) - number :]
