"""Session: the network, the averaged network, the optimiser and the device of one run."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Sequence

import torch
from lightning_fabric import Fabric
from safetensors.torch import save_file
from torch import Tensor, nn

from osteon.errors import TrainingError
from osteon.io.whole import written_whole
from osteon.networks.imagenet import load_imagenet
from osteon.networks.model import Model
from osteon.networks.resnet import ResNetEncoder
from osteon.training.batches import Batch, Source, batches_ahead
from osteon.training.checkpoint import Progress, load_checkpoint, save_checkpoint
from osteon.training.config import OptimiserConfig, TrainingConfig
from osteon.training.data import PreparedCase
from osteon.training.folder import TrainingPaths
from osteon.training.loss import SegmentationLoss, place_loss
from osteon.training.record import record
from osteon.training.validation import validate


class Session:
    """Network, averaged network, optimiser and device of one run."""

    def __init__(self, config: TrainingConfig, device: str) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        self.fabric = Fabric(accelerator=device, devices=1, precision=config.precision)
        if self.fabric.device.type == "cpu":
            torch.use_deterministic_algorithms(True)
        self.network = config.network.built(config.preprocessing.channels, len(config.classes) + 1)
        # channels last is the faster layout for convolutions on CPUs and on tensor cores
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.network).to(self.fabric.device)
        how = config.optimiser
        optimiser = torch.optim.AdamW(self.network.parameters(), how.learning_rate, weight_decay=how.weight_decay)
        self.wrapped, self.optimiser = self.fabric.setup(self.network, optimiser)
        self.wrapped.mark_forward_method("logits_and_place")
        self.loss = SegmentationLoss(config.loss, len(config.classes)).to(self.fabric.device)
        self.fresh: tuple[str, ...] = ()  # classes that the starting model does not know

    def start(self) -> str:
        """Fill the network, or its encoder, with its first weights; returns their origin."""
        if self.config.start is not None:
            digest = start_from(self.network, self.config)
            rows = head_rows(Model.load(self.config.start), self.config.classes)[1:]
            self.fresh = tuple(name for name, row in zip(self.config.classes, rows, strict=True) if row is None)
        elif self.config.encoder.weights != "random":
            digest = load_imagenet(encoder_of(self.network), self.config.encoder.weights)
        else:
            return "random"
        self.average.load_state_dict(self.network.state_dict())
        return digest

    def restore(self, paths: TrainingPaths) -> Progress:
        """Continue from the checkpoint."""
        return load_checkpoint(paths.checkpoint, self.network, self.average, self.optimiser)

    def epoch(self, source: Source, validation: list[PreparedCase], progress: Progress) -> None:
        """Train and validate once; the row is added to the history."""
        begin, config = time.perf_counter(), self.config
        frozen = progress.epoch < config.encoder.frozen_epochs
        self.network.train()
        encoder_of(self.network).requires_grad_(not frozen)
        if frozen:
            encoder_of(self.network).eval()
        total = 0.0
        for step, batch in enumerate(batches_ahead(source, progress.epoch, config.steps)):
            done = progress.epoch * config.steps + step
            rate = learning_rate(done, config.steps, config.epochs, config.optimiser)
            for group in self.optimiser.param_groups:
                group["lr"] = rate
            total += self._step(batch)
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

    def _step(self, batch: Batch) -> float:
        slices, target, place, annotated = (part.to(self.fabric.device) for part in batch)
        self.optimiser.zero_grad()
        if self.config.network.place:
            logits, said = self.wrapped.logits_and_place(slices)
            loss = self.loss(logits, target, annotated) + self.config.loss.place_weight * place_loss(said, place)
        else:
            loss = self.loss(self.wrapped(slices), target, annotated)
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

    The head is mapped by name: a class of the model's, or else of the group that it belongs to there, brings its row of
    the last layer along; other classes keep their random rows.

    Raises
    ------
    TrainingError
        If the model's network or channels are others than the configuration's.
    """
    model = Model.load(str(config.start))
    theirs = (model.spec.network, model.spec.preprocessing.channels)
    ours = (config.network, config.preprocessing.channels)
    for what, a, b in zip(("network", "preprocessing.channels"), theirs, ours, strict=True):
        if a != b:
            raise TrainingError(f"start: the model {config.start} has {what} = {a}, this configuration has {b}.")
    weights = model.network().state_dict()
    ours_first, rows = network.state_dict(), head_rows(model, config.classes)
    for name in last_layers(config):
        weights[name] = _mapped(ours_first[name], weights[name], rows)
    network.load_state_dict(weights)
    return model.spec.weights_sha256


def head_rows(model: Model, classes: Sequence[str]) -> list[int | None]:
    """Row of a model's last layer for the background and each of some classes; None for a class it does not know."""
    parents = {structure.name: structure.parent for structure in model.task.structures}
    index = {name: row for row, name in enumerate(model.spec.classes, start=1)}
    return [0, *(index.get(name, index.get(parents.get(name) or "")) for name in classes)]


def last_layers(config: TrainingConfig) -> list[str]:
    """Names of the weights that have a row for each class, whatever the network: those that grow with the classes."""
    with torch.device("meta"):  # shapes without memory or random numbers
        two, three = (config.network.built(config.preprocessing.channels, n).state_dict() for n in (2, 3))
    return [name for name, weights in two.items() if weights.shape != three[name].shape]


def _mapped(ours: Tensor, theirs: Tensor, rows: list[int | None]) -> Tensor:
    """Our weights of a last layer, with their rows where they have one."""
    found = ours.clone()
    for row, source in enumerate(rows):
        if source is not None:
            found[row] = theirs[source]
    return found


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
