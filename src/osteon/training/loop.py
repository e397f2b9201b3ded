"""Train one network on one fold of a cohort."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from lightning_fabric import Fabric
from safetensors.torch import load_file, save_file
from torch import nn

from osteon.cohort import Cohort, Fold
from osteon.errors import TrainingError
from osteon.io.whole import written_whole
from osteon.networks import build
from osteon.networks.imagenet import load_imagenet
from osteon.networks.model import Model, ModelSpec, write_model
from osteon.networks.resnet import ResNetEncoder
from osteon.run import Run
from osteon.training.checkpoint import Progress, load_checkpoint, save_checkpoint
from osteon.training.config import OptimiserConfig, TrainingConfig
from osteon.training.data import PreparedCase, Sampler, prepare_cases
from osteon.training.folder import TrainingPaths, claim, refuse_leak
from osteon.training.loss import SegmentationLoss
from osteon.training.record import draw_curves, write_metrics
from osteon.training.validation import validate


def train(
    cohort: Cohort,
    folder: str | Path,
    *,
    config: TrainingConfig,
    fold: Fold,
    also: Sequence[Cohort] = (),
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
    also : sequence of Cohort
        Cohorts of the same task, such as phantoms, all of whose cases are added to the training side.
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
    paths = TrainingPaths(Path(folder))
    cohort.task.value_of_class(config.classes)  # what a result could not be written with is refused now, not after days
    refuse_leak(cohort, fold, also)
    claim(paths, config, fold, (cohort, *also), resume)
    arguments = {"cohort": cohort.folder, "also": [c.folder for c in also], "device": device, "resume": resume}
    run = Run("train", arguments, config.seed)
    run.facts |= {"configuration": config.model_dump(), "fold": fold.model_dump()}
    run.facts["cohorts_sha256"] = [c.digest() for c in (cohort, *also)]
    session = _Session(config, device)
    with run.stage("prepare"):
        training = prepare_cases(cohort, cohort.of_subjects(fold.train), config, said)
        for other in also:
            training += prepare_cases(other, other.cases, config, said)
        validation = prepare_cases(cohort, cohort.of_subjects(fold.validation), config, said)
    if not any(case.labelled_slices.size for case in validation):
        raise TrainingError("No validation case holds a class to learn; split the cohort with validation subjects.")
    said(f"{len(training)} training cases, {len(validation)} validation cases, {config.epochs} epochs at most.")
    progress = session.restore(paths) if resume and paths.checkpoint.is_file() else Progress()
    if progress.epoch == 0:
        run.facts["encoder_weights_sha256"] = session.start()
    sampler = Sampler(training, config)
    with run.stage("train"):
        while progress.epoch < config.epochs and progress.since_better_loss < config.patience:
            session.epoch(sampler, validation, progress)
            session.keep(paths, progress)
            said(_line(progress))
    record(paths, progress)  # of a run that was killed right after its last checkpoint
    run.facts["best"] = progress.history[progress.best_epoch - 1]
    model = _write(paths, config, (cohort, *also), progress)
    run.write(paths.folder)
    return model


class _Session:
    """Network, averaged network, optimiser and device of one run."""

    def __init__(self, config: TrainingConfig, device: str) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        self.fabric = Fabric(accelerator=device, devices=1, precision=config.precision)
        if self.fabric.device.type == "cpu":
            torch.use_deterministic_algorithms(True)
        self.network = build(
            config.network.name,
            in_channels=config.preprocessing.channels,
            classes=len(config.classes) + 1,
            width=config.network.width,
        )
        # channels last is the faster layout for convolutions on CPUs and on tensor cores
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.network).to(self.fabric.device)
        how = config.optimiser
        optimiser = torch.optim.AdamW(self.network.parameters(), how.learning_rate, weight_decay=how.weight_decay)
        self.wrapped, self.optimiser = self.fabric.setup(self.network, optimiser)
        self.loss = SegmentationLoss(config.loss)

    def start(self) -> str:
        """Fill the network, or its encoder, with its first weights; returns their origin."""
        if self.config.start is not None:
            digest = start_from(self.network, self.config)
        elif self.config.encoder.weights != "random":
            digest = load_imagenet(encoder_of(self.network), self.config.encoder.weights)
        else:
            return "random"
        self.average.load_state_dict(self.network.state_dict())
        return digest

    def restore(self, paths: TrainingPaths) -> Progress:
        """Continue from the checkpoint."""
        return load_checkpoint(paths.checkpoint, self.network, self.average, self.optimiser)

    def epoch(self, sampler: Sampler, validation: list[PreparedCase], progress: Progress) -> None:
        """Train and validate once; the row is added to the history."""
        begin, config = time.perf_counter(), self.config
        frozen = progress.epoch < config.encoder.frozen_epochs
        self.network.train()
        encoder_of(self.network).requires_grad_(not frozen)
        if frozen:
            encoder_of(self.network).eval()
        total = 0.0
        for step in range(config.steps):
            done = progress.epoch * config.steps + step
            rate = learning_rate(done, config.steps, config.epochs, config.optimiser)
            for group in self.optimiser.param_groups:
                group["lr"] = rate
            total += self._step(*sampler.batch(progress.epoch, step))
            self._follow(done)
        scores = validate(self.average, validation, config, self.loss)
        progress.epoch += 1
        row = {"epoch": float(progress.epoch), "learning_rate": rate, "train_loss": total / config.steps, **scores}
        progress.history.append(row | {"seconds": time.perf_counter() - begin})
        progress.since_better_loss += 1
        if scores["loss"] < progress.best_loss:
            progress.best_loss, progress.since_better_loss = scores["loss"], 0
        if scores["f1"] > progress.best_dice:
            progress.best_dice, progress.best_epoch = scores["f1"], progress.epoch

    def keep(self, paths: TrainingPaths, progress: Progress) -> None:
        """Write what the epoch left, best weights first, the checkpoint after them.

        Killed in between, the epoch is repeated and writes the same best weights again.
        """
        if progress.best_epoch == progress.epoch:
            with written_whole(paths.best) as part:
                save_file({n: t.detach().cpu().contiguous() for n, t in self.average.state_dict().items()}, part)
        save_checkpoint(paths.checkpoint, self.network, self.average, self.optimiser, progress)
        record(paths, progress)

    def _step(self, slices: torch.Tensor, target: torch.Tensor) -> float:
        slices, target = slices.to(self.fabric.device), target.to(self.fabric.device)
        self.optimiser.zero_grad()
        loss = self.loss(self.wrapped(slices), target)
        self.fabric.backward(loss)
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.config.optimiser.clip_norm)
        self.optimiser.step()
        return float(loss.detach())

    @torch.no_grad()
    def _follow(self, step: int) -> None:
        """Move the averaged weights (and batch statistics) towards the current ones."""
        # a short memory at first, so that the random start is soon forgotten
        decay = min(self.config.optimiser.average, (1 + step) / (10 + step))
        current = self.network.state_dict()
        for name, value in self.average.state_dict().items():
            if value.is_floating_point():
                value.lerp_(current[name].to(value.dtype), 1 - decay)
            else:
                value.copy_(current[name])


def start_from(network: nn.Module, config: TrainingConfig) -> str:
    """Give a network the weights of the model ``config.start``; returns their SHA-256.

    Raises
    ------
    TrainingError
        If the model's network, channels or classes are others than the configuration's.
    """
    model = Model.load(str(config.start))
    theirs = (model.spec.network, model.spec.preprocessing.channels, model.spec.classes)
    ours = (config.network, config.preprocessing.channels, config.classes)
    for what, a, b in zip(("network", "preprocessing.channels", "classes"), theirs, ours, strict=True):
        if a != b:
            raise TrainingError(f"start: the model {config.start} has {what} = {a}, this configuration has {b}.")
    network.load_state_dict(model.network().state_dict())
    return model.spec.weights_sha256


def record(paths: TrainingPaths, progress: Progress) -> None:
    """Write what a run leaves for people."""
    write_metrics(paths.metrics, progress.history)
    draw_curves(paths.curves, progress.history)


def encoder_of(network: nn.Module) -> ResNetEncoder:
    """The contracting path of a network."""
    encoder = network.get_submodule("encoder")
    if not isinstance(encoder, ResNetEncoder):
        raise TrainingError(f"{type(network).__name__} has no encoder that could be frozen or pre-trained.")
    return encoder


def learning_rate(step: int, steps: int, epochs: int, how: OptimiserConfig) -> float:
    """Learning rate of a step: linear warm-up, then half a cosine down to ``final_share``."""
    warmup = how.warmup_epochs * steps
    if step < warmup:
        return how.learning_rate * (step + 1) / warmup
    share = (step - warmup) / max(1, epochs * steps - warmup)
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, share)))
    return how.learning_rate * (how.final_share + (1 - how.final_share) * cosine)


def _write(paths: TrainingPaths, config: TrainingConfig, cohorts: Sequence[Cohort], progress: Progress) -> Model:
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
    return write_model(paths.model, spec, load_file(paths.best), _card(config, cohorts, progress), cohorts[0].task)


def _card(config: TrainingConfig, cohorts: Sequence[Cohort], progress: Progress) -> str:
    data = " and ".join(
        f"`{c.folder.name}` ({len(c.cases)} cases of {len(c.subjects)} subjects, task `{c.task.name}`)" for c in cohorts
    )
    best = progress.history[progress.best_epoch - 1]
    dice = "\n".join(f"| {k.removeprefix('dice_')} | {v:.3f} |" for k, v in best.items() if k.startswith("dice_"))
    return (
        f"# {config.title}\n\nLicence of the weights: {config.licence}\n\n"
        f"Trained with Osteon on {data}, seed {config.seed}, {progress.epoch} epochs; the weights are those of "
        f"epoch {progress.best_epoch}, which had the best "
        f"validation Dice:\n\n| class | validation Dice |\n|---|---|\n{dice}\n\n"
        "Validation subjects chose the epoch, so these numbers flatter; evaluate on test subjects.\n"
    )


def _line(progress: Progress) -> str:
    row = progress.history[-1]
    dice = ", ".join(f"{key.removeprefix('dice_')} {row[key]:.3f}" for key in row if key.startswith("dice_"))
    return (
        f"epoch {progress.epoch}: loss {row['train_loss']:.3f}, validation {row['loss']:.3f}, Dice {dice}; "
        f"{row['seconds']:.0f} s"
    )
