"""Session: the network, the averaged network, the optimiser and the device of one run."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from osteon.io.whole import written_whole
from osteon.networks.encoder import encoder_of
from osteon.networks.forward import channels_last
from osteon.networks.imagenet import load_imagenet
from osteon.networks.model import Model
from osteon.training.average import Follower
from osteon.training.batches import Batch, Source, batches_ahead
from osteon.training.cases import PreparedCase
from osteon.training.checkpoint import Progress, load_checkpoint, save_checkpoint
from osteon.training.clock import Clock, now, since
from osteon.training.config import TrainingConfig
from osteon.training.devices import fabric_for
from osteon.training.folder import TrainingPaths
from osteon.training.loss import SegmentationLoss, place_loss
from osteon.training.optimisation import learning_rate, optimiser_for
from osteon.training.precision import spare_shallow
from osteon.training.record import record
from osteon.training.seat import ALONE, Seat
from osteon.training.shared import gathered, joined, made_equal, share_statistics
from osteon.training.starting import head_rows, start_from
from osteon.training.validation import judged, scores


class Session:
    """Network, averaged network, optimiser and device of one run.

    Parameters
    ----------
    config : TrainingConfig
    device : "auto", "cpu", "cuda" or "mps"
    seat : Seat
        Of several processes with a session each, all do the same; the first one writes.
    """

    def __init__(self, config: TrainingConfig, device: str, seat: Seat = ALONE) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        self.seat = seat
        self.fabric = fabric_for(device, config.precision, seat, some_unused=config.encoder.frozen_epochs > 0)
        if self.fabric.device.type == "cpu":
            torch.use_deterministic_algorithms(True)
        self.network = config.network.built(config.preprocessing.channels, len(config.classes) + 1)
        channels_last(self.network)
        self.average = copy.deepcopy(self.network).to(self.fabric.device)
        if config.precision == "bf16-mixed" and self.fabric.device.type == "cpu":
            spare_shallow(self.network)
        if seat.of > 1:
            share_statistics(self.network)
        optimiser = optimiser_for(self.network.parameters(), config.optimiser)
        self.wrapped, self.optimiser = self.fabric.setup(self.network, optimiser)
        self.follower = Follower(self.average, self.network, config.optimiser.average)
        if config.network.place:
            self.wrapped.mark_forward_method("logits_and_place")
        self.loss = SegmentationLoss(config.loss, len(config.classes), config.class_weights).to(self.fabric.device)
        self.clock = Clock(config.minutes, config.processor_minutes)
        self.fresh: tuple[str, ...] = ()  # classes that the starting model does not know

    def start(self, source: Source) -> str:
        """Fill the network, or its encoder, with its first weights; returns their origin.

        Parameters
        ----------
        source : Source
            Shows the encoder what it will see, where that helps its weights (`load_imagenet`).
        """
        if self.config.start is not None:
            digest = start_from(self.network, self.config)
            rows = head_rows(Model.load(self.config.start), self.config.classes)[1:]
            self.fresh = tuple(name for name, row in zip(self.config.classes, rows, strict=True) if row is None)
        elif (encoder := encoder_of(self.network)) is not None and self.config.encoder.weights != "random":
            digest = load_imagenet(encoder, self.config.encoder.weights, pictures=source.batch(0, 0).slices)
        else:
            digest = "random"
        if self.seat.of > 1:
            made_equal(self.network)
        self.average.load_state_dict(self.network.state_dict())
        return digest

    def restore(self, paths: TrainingPaths) -> Progress:
        """Continue from the checkpoint."""
        return load_checkpoint(paths.checkpoint, self.network, self.average, self.optimiser)

    def epoch(self, source: Source, validation: Sequence[PreparedCase], progress: Progress) -> None:
        """Train and validate once; the row is added to the history."""
        begin, config = now(), self.config
        frozen = progress.epoch < config.encoder.frozen_epochs
        self.network.train()
        if (encoder := encoder_of(self.network)) is not None:
            encoder.requires_grad_(not frozen)
            encoder.train(not frozen)
        # dropout is a function of the seed and the epoch, so that a resumed run drops the same
        entropy = [config.seed, progress.epoch, *([self.seat.rank] if self.seat.rank else [])]
        torch.manual_seed(int(np.random.SeedSequence(entropy).generate_state(1)[0]))
        self.clock.start(progress.history)
        loss, rate = self._steps(source, progress.epoch)
        found = self.judged(validation)
        progress.epoch += 1
        row = {"epoch": float(progress.epoch), "learning_rate": rate, "train_loss": loss, **found}
        row |= {f"validation_{name}": seconds for name, seconds in self.clock.judging_s.items()} | since(begin)
        progress.history.append(row)
        self.clock.start(progress.history)
        progress.since_better_loss += 1
        if found["loss"] < progress.best_loss:
            progress.best_loss, progress.since_better_loss = found["loss"], 0
        if found["f1"] > progress.best_dice:
            progress.best_dice, progress.best_epoch = found["f1"], progress.epoch

    def judged(self, validation: Sequence[PreparedCase]) -> dict[str, float]:
        """How good the averaged network is now (`scores`); each process is given its own share of the cases."""
        begin = now()
        mine = [judged(self.average, case, self.config, self.loss) for case in validation]
        found = scores(gathered(mine) if self.seat.of > 1 else mine, self.config.classes)
        self.clock.judging_s = since(begin)
        return found

    @property
    def spent(self) -> float:
        """Share of the run's minutes that is spent (`Clock.spent`), by the first process' clock."""
        return self.fabric.broadcast(self.clock.spent) if self.clock.limited else 0.0

    def keep(self, paths: TrainingPaths, progress: Progress) -> None:
        """Write what the epoch left, best weights first, the checkpoint after them.

        Killed in between, the epoch is repeated and writes the same best weights again.
        """
        if progress.best_epoch == progress.epoch:
            with written_whole(paths.best) as part:
                save_file({n: t.detach().cpu().contiguous() for n, t in self.average.state_dict().items()}, part)
        save_checkpoint(paths.checkpoint, self.network, self.average, self.optimiser, progress)
        record(paths, progress)

    def _steps(self, source: Source, epoch: int) -> tuple[float, float]:
        """Learn from an epoch's batches, as far as there is time; returns the mean loss and the last learning rate."""
        losses: list[float] = []
        config = self.config
        for step, batch in enumerate(batches_ahead(source, epoch, config.steps)):
            done, spent = epoch * config.steps + step, self.spent
            if spent >= 1 and len(losses) >= config.optimiser.accumulate:
                break
            rate = learning_rate(done, config.steps, config.epochs, config.optimiser, spent)
            for group in self.optimiser.param_groups:
                group["lr"] = rate
            losses.append(self._learn(batch, done))
        return sum(losses) / len(losses), rate

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
            self.follower.follow(done // every)
        return float(loss.detach())

    def _loss(self, batch: Batch) -> Tensor:
        slices, target, place, annotated = (part.to(self.fabric.device) for part in batch)
        placed = self.config.network.place
        logits, said = self.wrapped.logits_and_place(slices) if placed else (self.wrapped(slices), place)
        if self.seat.of > 1:
            logits, said, target, place = (joined(part) for part in (logits.float(), said.float(), target, place))
            annotated = joined(annotated.byte()).bool()
        loss: Tensor = self.loss(logits, target, annotated)
        return loss + self.config.loss.place_weight * place_loss(said, place) if placed else loss
