"""Train one network on one fold of a cohort."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from osteon.cohort import Cohort, Fold
from osteon.errors import TrainingError
from osteon.networks.model import Model
from osteon.run import Run
from osteon.synthesis.bodies import Bodies
from osteon.synthesis.body import Body
from osteon.training.batches import Mixed, Source
from osteon.training.checkpoint import Progress
from osteon.training.config import TrainingConfig
from osteon.training.data import PreparedCase, Sampler, prepare_cases
from osteon.training.folder import TrainingPaths, claim, refuse_leak
from osteon.training.outcome import counted, write_outcome
from osteon.training.record import record
from osteon.training.session import Session
from osteon.training.synthetic import SyntheticSource


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
    arguments = {"cohort": cohort.folder, "also": [c.folder for c in also], "device": device, "resume": resume}
    run = Run("train", arguments, config.seed)
    run.facts |= {"configuration": config.model_dump(), "fold": fold.model_dump()}
    run.facts["cohorts_sha256"] = [c.digest() for c in (cohort, *also)]
    session = Session(config, device)
    with run.stage("prepare"):
        training = _training_cases(cohorts, fold, config, said)
        validation = _validation_cases(cohorts, fold, config, said)
    if not any(case.labelled_slices.size for case in validation):
        raise TrainingError("No validation case holds a class to learn; split the cohort with validation subjects.")
    source = _source(training, bodies, config, str(session.fabric.device))
    learned = [counted(training, "training case", "training cases")] if config.real_crops else []
    learned += [counted(bodies, "body", "bodies")] if bodies else []
    learned.append(counted(validation, "validation case", "validation cases"))
    said(f"{', '.join(learned)}, {config.epochs} epochs at most.")
    progress = session.restore(paths) if resume and paths.checkpoint.is_file() else Progress()
    if progress.epoch == 0:
        run.facts["first_weights_sha256"] = session.start()
        if session.fresh:
            said(f"{config.start} does not know {', '.join(session.fresh)}; their last layer starts at random.")
        if config.start is not None:
            run.facts["before"] = session.judged(validation)
            said(f"before training: validation {_scores(run.facts['before'])}.")
    with run.stage("train"):
        while progress.epoch < config.epochs and progress.since_better_loss < config.patience:
            session.epoch(source, validation, progress)
            session.keep(paths, progress)
            said(_line(progress))
    record(paths, progress)  # of a run that was killed right after its last checkpoint
    run.facts["best"] = progress.history[progress.best_epoch - 1]
    model = write_outcome(paths, config, cohorts, bodies, progress)
    run.write(paths.folder)
    return model


def _training_cases(
    cohorts: Sequence[Cohort], fold: Fold, config: TrainingConfig, said: Callable[[str], None]
) -> list[PreparedCase]:
    """Cases of the training subjects and of the further cohorts; none are read where none are learned from."""
    if not config.real_crops:
        return []
    training = prepare_cases(cohorts[0], cohorts[0].of_subjects(fold.train), config, said)
    for other in cohorts[1:]:
        judging = _judging(other, config)
        training += prepare_cases(other, [case for case in other.cases if case.subject not in judging], config, said)
    return training


def _validation_cases(
    cohorts: Sequence[Cohort], fold: Fold, config: TrainingConfig, said: Callable[[str], None]
) -> list[PreparedCase]:
    """Cases of the validation subjects, and those that the further cohorts give."""
    cases = prepare_cases(cohorts[0], cohorts[0].of_subjects(fold.validation), config, said)
    for other in cohorts[1:]:
        cases += prepare_cases(other, other.of_subjects(_judging(other, config)), config, said)
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


def _source(training: list[PreparedCase], bodies: Sequence[Body], config: TrainingConfig, device: str) -> Source:
    """Crops of cases, slices of bodies, or both, as ``config.sampling.synthetic`` says."""
    if config.synthetic_crops and not bodies:
        raise TrainingError("sampling.synthetic asks for slices of bodies; give a folder of bodies with --also.")
    if bodies and not config.synthetic_crops:
        raise TrainingError("Bodies were given, but sampling.synthetic leaves no slice of a batch to them; raise it.")
    sources: list[Source] = []
    if config.real_crops:
        sources.append(Sampler(training, config))
    if config.synthetic_crops:
        sources.append(SyntheticSource(bodies, config, device))
    return Mixed(sources, device)


def _line(progress: Progress) -> str:
    row = progress.history[-1]
    return f"epoch {progress.epoch}: loss {row['train_loss']:.3f}, validation {_scores(row)}; {row['seconds']:.0f} s"


def _scores(row: dict[str, float]) -> str:
    dice = ", ".join(f"{key.removeprefix('dice_')} {row[key]:.3f}" for key in row if key.startswith("dice_"))
    return f"{row['loss']:.3f}, Dice {dice}"
