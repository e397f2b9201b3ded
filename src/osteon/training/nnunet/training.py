"""Train nnU-Net on one fold of a cohort: the same folder, tables and model as any other training."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from osteon.anatomy import Task
from osteon.cohort import Cohort, Fold
from osteon.cohort.nnunet import DATASET, SPLITS
from osteon.cohort.nnunet_export import export_nnunet
from osteon.cohort.split import Split
from osteon.errors import TrainingError
from osteon.networks.model import Model
from osteon.networks.network_spec import PLANNED
from osteon.networks.nnunet.extra import nnunet_module
from osteon.networks.nnunet.importing import Wanted, import_nnunet
from osteon.run import Run
from osteon.synthesis.bodies import Bodies
from osteon.training.checkpoint import Progress
from osteon.training.config import TrainingConfig
from osteon.training.folder import TrainingPaths, claim
from osteon.training.nnunet.job import DATASET_ID, Job
from osteon.training.nnunet.process import run_job
from osteon.training.outcome import counted
from osteon.training.record import record

MOST_WORKERS = 12
LEFT_RIGHT, ALONG_BODY = 0, 2
"""Axes of a scan in RAS."""


def train_nnunet(
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
    """Let nnU-Net plan and train a network; `osteon.training.train` calls this for ``nnunet-2d`` and ``nnunet-3d``.

    Of the configuration it takes name, classes, seed, ``epochs`` of ``steps`` batches or ``minutes``, what is done to
    the answer, and the table ``nnunet``; nnU-Net decides everything else. Its test subjects are not even looked at by
    the planning.

    Parameters
    ----------
    cohort : Cohort
    folder : path
        Run folder (`TrainingPaths`); nnU-Net works in ``nnunet`` below it.
    config : TrainingConfig
    fold : Fold
    also : sequence of Cohort and Bodies
        Nothing else is supported: nnU-Net learns from one dataset.
    resume : bool
    device : "auto", "cpu", "cuda" or "mps"
    said : callable
        Gets one line a stage and an epoch.

    Raises
    ------
    TrainingError
        If the folder holds another run, or nnU-Net fails; the message says why.
    ModelError
        If nnU-Net is not installed.
    """
    if also:
        raise TrainingError("nnU-Net learns from one cohort; leave --also out, or join the cohorts.")
    nnunet_module("paths")  # missing packages are said before any work
    paths = TrainingPaths(Path(folder))
    cohort.task.value_of_class(config.classes)
    claim(paths, config, fold, (cohort,), resume)
    run = Run("train", {"cohort": cohort.folder, "device": device, "resume": resume}, config.seed)
    run.facts |= {"configuration": config.model_dump(), "fold": fold.model_dump(), "cohorts_sha256": [cohort.digest()]}
    job = _job(paths, cohort, config, device)
    with run.stage("prepare"):
        _export(cohort, job, config, fold, said)
    progress = Progress(history=_history(job))

    def heard(event: dict[str, Any]) -> None:
        if event["event"] == "stage":
            said(f"nnU-Net: {event['name']}")
        elif event["event"] == "plan":
            run.facts["plan"] = event
            said(f"nnU-Net planned patches of {event['patch_size']} and batches of {event['batch_size']}")
        else:
            progress.history = _history(job)
            record(paths, progress)
            said(_line(progress.history[-1]))

    with run.stage("train"):
        run_job(job, heard)
    model = _outcome(paths, job, cohort, config, fold, progress)
    run.facts["last"] = progress.history[-1]
    run.write(paths.folder)
    return model


def unmirrored_axes(task: Task) -> tuple[int, ...]:
    """Axes of a scan in RAS that must not be mirrored: where sides, or levels, would change their names."""
    axes = [LEFT_RIGHT] if any(structure.mirror for structure in task.structures) else []
    return tuple([*axes, ALONG_BODY] if task.levels else axes)


def _job(paths: TrainingPaths, cohort: Cohort, config: TrainingConfig, device: str) -> Job:
    import torch

    chosen = device if device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    cores = min(MOST_WORKERS, os.cpu_count() or 1)
    given = config.nnunet.workers
    return Job(
        folder=(paths.folder / "nnunet").resolve(),
        dataset=f"Dataset{DATASET_ID:03}_Osteon",
        configuration=PLANNED[config.network.name],
        planner=config.nnunet.planner,
        memory_gb=config.nnunet.memory_gb,
        workers=given or min(cores, len(cohort.cases)),
        # on a CPU the network is what is waited for, and without further processes the order of batches is certain
        augmenters=given or (0 if chosen == "cpu" else cores),
        seed=config.seed,
        epochs=config.epochs,
        steps=config.steps,
        minutes=config.minutes,
        processor_minutes=config.processor_minutes,
        device=chosen,
        unmirrored=unmirrored_axes(cohort.task),
        mirrored_use=config.nnunet.mirrored_use,
    )


def _export(cohort: Cohort, job: Job, config: TrainingConfig, fold: Fold, said: Callable[[str], None]) -> None:
    """Write the fold as nnU-Net's raw data, its test subjects apart."""
    if job.raw.is_dir():
        return
    unlike = [case.name for case in cohort.of_subjects(fold.train) if set(case.annotated) != _annotated(cohort, fold)]
    if unlike:
        said(
            f"warning: in {counted(unlike, 'case', 'cases')} not every structure was annotated "
            f"({', '.join(unlike[:3])} ...); nnU-Net has no partial labels and learns that these are not there."
        )
    split = Split(kind="holdout", seed=config.seed, cohort_sha256=cohort.digest(), folds=(fold,))
    kept = set(fold.train + fold.validation + fold.test)
    manifest = cohort.manifest.model_copy(update={"cases": tuple(c for c in cohort.cases if c.subject in kept)})
    export_nnunet(Cohort(cohort.folder, manifest, cohort.task), job.raw, folds=split, classes=config.classes)
    dataset = json.loads((job.raw / DATASET).read_text(encoding="utf-8"))
    # so that nnU-Net sees all scans the same way up, and no mirroring turns what was not to be mirrored
    dataset["overwrite_image_reader_writer"] = "NibabelIOWithReorient"
    (job.raw / DATASET).write_text(json.dumps(dataset, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if not fold.validation:
        said("The fold has no validation subjects: the Dice of each epoch is that of training subjects.")
        folds = json.loads((job.raw / SPLITS).read_text(encoding="utf-8"))
        folds[0]["val"] = folds[0]["train"]
        (job.raw / SPLITS).write_text(json.dumps(folds, indent=1) + "\n", encoding="utf-8")


def _annotated(cohort: Cohort, fold: Fold) -> set[str]:
    return {name for case in cohort.of_subjects(fold.train) for name in case.annotated}


def _history(job: Job) -> list[dict[str, float]]:
    return json.loads(job.history.read_text(encoding="utf-8")) if job.history.is_file() else []


def _line(row: dict[str, float]) -> str:
    dice = ", ".join(f"{key.removeprefix('dice_')} {row[key]:.3f}" for key in row if key.startswith("dice_"))
    return (
        f"epoch {row['epoch']:.0f}: loss {row['train_loss']:.3f}, validation {row['loss']:.3f}, "
        f"Dice of patches {dice}; {row['seconds']:.0f} s"
    )


def _outcome(
    paths: TrainingPaths, job: Job, cohort: Cohort, config: TrainingConfig, fold: Fold, progress: Progress
) -> Model:
    wanted = Wanted(
        name=config.name,
        task=cohort.task,
        configuration=job.configuration,
        title=config.title,
        licence=config.licence,
        postprocessing=config.postprocessing,
    )
    cases = counted(cohort.of_subjects(fold.train), "case", "cases")
    minutes = sum(row["seconds"] for row in progress.history) / 60
    card = (
        f"# {config.title}\n\nLicence of the weights: {config.licence}\n\n"
        f"Trained by nnU-Net ({config.network.name}) from Osteon on {cases} of "
        f"{counted(fold.train, 'subject', 'subjects')} of `{cohort.folder.name}` (task `{cohort.task.name}`), seed "
        f"{config.seed}, {len(progress.history)} epochs of {config.steps} batches, {minutes:.0f} minutes; the weights "
        "are those of the last epoch. How good it is: evaluate it on test subjects.\n"
    )
    return import_nnunet(job.results, paths.model, wanted, card)
