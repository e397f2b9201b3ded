"""What a run leaves: the model with its card."""

from __future__ import annotations

from collections.abc import Sequence

from safetensors.torch import load_file

from osteon.cohort import Cohort
from osteon.networks.model import Model, ModelSpec, write_model
from osteon.synthesis.body import Body
from osteon.training.checkpoint import Progress
from osteon.training.config import TrainingConfig
from osteon.training.folder import TrainingPaths


def write_outcome(
    paths: TrainingPaths,
    config: TrainingConfig,
    cohorts: Sequence[Cohort],
    bodies: Sequence[Body],
    progress: Progress,
) -> Model:
    """Write the model of the best epoch, with a first card."""
    spec = ModelSpec(
        name=config.name,
        title=config.title,
        task=cohorts[0].task.name,
        classes=config.classes,
        network=config.network,
        preprocessing=config.preprocessing,
        postprocessing=config.postprocessing,
        licence=config.licence,
        weights_sha256="",
    )
    card = _card(config, cohorts, bodies, progress)
    return write_model(paths.model, spec, load_file(paths.best), card, cohorts[0].task)


def worse_than_start(progress: Progress) -> str | None:
    """A sentence for a run in which no epoch was better than the model it started from; None for any other."""
    if progress.start_dice is None or progress.best_dice > progress.start_dice:
        return None
    return (
        "No epoch was better on the validation subjects than the model that this training began with (mean Dice "
        f"{progress.best_dice:.3f} against {progress.start_dice:.3f}): go on using that one, or give more subjects "
        "to learn from and to judge by, or a lower learning rate."
    )


def counted(things: Sequence[object], one: str, many: str) -> str:
    """``1 body``, ``2 bodies``."""
    return f"{len(things)} {one if len(things) == 1 else many}"


def _card(config: TrainingConfig, cohorts: Sequence[Cohort], bodies: Sequence[Body], progress: Progress) -> str:
    named = [
        f"`{c.folder.name}` ({counted(c.cases, 'case', 'cases')} of {counted(c.subjects, 'subject', 'subjects')}, "
        f"task `{c.task.name}`)"
        for c in cohorts
    ]
    data = named if config.real_crops else []
    if bodies:
        sources = ", ".join(sorted({body.source for body in bodies}))
        data = [*data, f"slices made from {counted(bodies, 'body', 'bodies')} ({sources})"]
    judged = "" if config.real_crops else f"; no scan was trained on, scans of {named[0]} chose the epoch"
    best = progress.history[progress.best_epoch - 1]
    dice = "\n".join(f"| {k.removeprefix('dice_')} | {v:.3f} |" for k, v in best.items() if k.startswith("dice_"))
    return (
        f"# {config.title}\n\nLicence of the weights: {config.licence}\n\n"
        f"Trained with Osteon on {' and '.join(data)}{judged}, seed {config.seed}, {progress.epoch} epochs; "
        f"the weights are those of epoch {progress.best_epoch}, which had the best "
        f"validation Dice:\n\n| class | validation Dice |\n|---|---|\n{dice}\n\n"
        "Validation subjects chose the epoch, so these numbers flatter; evaluate on test subjects.\n"
    ) + (f"\n{doubt}\n" if (doubt := worse_than_start(progress)) else "")
