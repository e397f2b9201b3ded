"""Session: the network, the averaged network, the optimiser and the device of one run."""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence

import numpy as np
import torch
from lightning_fabric import Fabric
from safetensors.torch import save_file
from torch import Tensor, nn

from osteon.errors import TrainingError
from osteon.io.whole import written_whole
from osteon.networks.encoder import encoder_of
from osteon.networks.forward import channels_last
from osteon.networks.imagenet import load_imagenet
from osteon.networks.model import Model
from osteon.training.batches import Batch, Source, batches_ahead
from osteon.training.checkpoint import Progress, load_checkpoint, save_checkpoint
from osteon.training.config import TrainingConfig
from osteon.training.data import PreparedCase
from osteon.training.folder import TrainingPaths
from osteon.training.loss import SegmentationLoss, place_loss
from osteon.training.optimisation import learning_rate, optimiser_for
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
        channels_last(self.network)
        self.average = copy.deepcopy(self.network).to(self.fabric.device)
        optimiser = optimiser_for(self.network.parameters(), config.optimiser)
        self.wrapped, self.optimiser = self.fabric.setup(self.network, optimiser)
        if config.network.place:
            self.wrapped.mark_forward_method("logits_and_place")
        self.loss = SegmentationLoss(config.loss, len(config.classes), config.class_weights).to(self.fabric.device)
        self.fresh: tuple[str, ...] = ()  # classes that the starting model does not know

    def start(self) -> str:
        """Fill the network, or its encoder, with its first weights; returns their origin."""
        if self.config.start is not None:
            digest = start_from(self.network, self.config)
            rows = head_rows(Model.load(self.config.start), self.config.classes)[1:]
            self.fresh = tuple(name for name, row in zip(self.config.classes, rows, strict=True) if row is None)
        elif (encoder := encoder_of(self.network)) is not None and self.config.encoder.weights != "random":
            digest = load_imagenet(encoder, self.config.encoder.weights)
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
        if (encoder := encoder_of(self.network)) is not None:
            encoder.requires_grad_(not frozen)
            encoder.train(not frozen)
        # dropout is a function of the seed and the epoch, so that a resumed run drops the same
        torch.manual_seed(int(np.random.SeedSequence([config.seed, progress.epoch]).generate_state(1)[0]))
        total = 0.0
        for step, batch in enumerate(batches_ahead(source, progress.epoch, config.steps)):
            done = progress.epoch * config.steps + step
            rate = learning_rate(done, config.steps, config.epochs, config.optimiser)
            for group in self.optimiser.param_groups:
                group["lr"] = rate
            total += self._learn(batch, done)
        scores = self.judged(validation)
        progress.epoch += 1
        row = {"epoch": float(progress.epoch), "learning_rate": rate, "train_loss": total / config.steps, **scores}
        progress.history.append(row | {"seconds": time.perf_counter() - begin})
        progress.since_better_loss += 1
        if scores["loss"] < progress.best_loss:
            progress.best_loss, progress.since_better_loss = scores["loss"], 0
        if scores["f1"] > progress.best_dice:
            progress.best_dice, progress.best_epoch = scores["f1"], progress.epoch

    def judged(self, validation: Sequence[PreparedCase]) -> dict[str, float]:
        """How good the averaged network is now (`validate`)."""
        return validate(self.average, validation, self.config, self.loss)

    def keep(self, paths: TrainingPaths, progress: Progress) -> None:
        """Write what the epoch left, best weights first, the checkpoint after them.

        Killed in between, the epoch is repeated and writes the same best weights again.
        """
        if progress.best_epoch == progress.epoch:
            with written_whole(paths.best) as part:
                save_file({n: t.detach().cpu().contiguous() for n, t in self.average.state_dict().items()}, part)
        save_checkpoint(paths.checkpoint, self.network, self.average, self.optimiser, progress)
        record(paths, progress)

    def _learn(self, batch: Batch, done: int) -> float:
        """Gradient of a batch, and with the last of ``accumulate`` batches a step."""
        every = self.config.optimiser.accumulate
        if done % every == 0:
            self.optimiser.zero_grad()
        loss = self._loss(batch)
        self.fabric.backward(loss / every)
        if (done + 1) % every == 0:
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.config.optimiser.clip_norm)
            self.optimiser.step()
            self._follow(done // every)
        return float(loss.detach())

    def _loss(self, batch: Batch) -> Tensor:
        slices, target, place, annotated = (part.to(self.fabric.device) for part in batch)
        if self.config.network.place:
            logits, said = self.wrapped.logits_and_place(slices)
            said_loss: Tensor = self.config.loss.place_weight * place_loss(said, place)
            return self.loss(logits, target, annotated) + said_loss  # type: ignore[no-any-return]
        return self.loss(self.wrapped(slices), target, annotated)  # type: ignore[no-any-return]

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
