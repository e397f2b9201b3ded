"""nnU-Net's trainer, told by Osteon: length in epochs or minutes, seeds, axes that are never mirrored, progress.

The class bears nnU-Net's own name, which goes into folders and checkpoints: so nnU-Net's commands can use them, too.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer as Original

from osteon.io.whole import written_whole
from osteon.networks.nnunet.release import read_checkpoint
from osteon.training.clock import Clock, now, since
from osteon.training.nnunet.job import Job

Tell = Callable[..., None]

DICE_LOSS = 1.0
"""nnU-Net's loss has the Dice subtracted from nothing; with this it is what is missing to one, as everywhere here."""


class TimeIsUp(Exception):  # noqa: N818 - it is no error
    """The minutes of a job are spent."""


class nnUNetTrainer(Original):  # type: ignore[misc]  # noqa: N801
    """nnU-Net's own recipe; see the module. Created as nnU-Net's, then told what to `follow`."""

    def follow(self, job: Job, tell: Tell) -> None:
        """Take over what a job says about length and seed."""
        self.job, self.tell = job, tell
        self.clock = Clock(job.minutes, job.processor_minutes)
        self.num_epochs = 10**6 if self.clock.limited else job.epochs
        self.num_iterations_per_epoch = job.steps
        self.num_val_iterations_per_epoch = max(1, job.steps // 5)  # nnU-Net's own proportion
        self.save_every = 1  # a killed run loses one epoch at most
        self.history: list[dict[str, float]] = []
        self.row: dict[str, float] = {}

    def configure_rotation_dummyDA_mirroring_and_inital_patch_size(self) -> Any:  # noqa: N802 - nnU-Net's name
        """Without mirroring where it would make left right, or the lowest vertebra the highest."""
        rotation, flat, patch, _ = super().configure_rotation_dummyDA_mirroring_and_inital_patch_size()
        order = [2 - int(axis) for axis in self.plans_manager.transpose_forward]  # its reader turns k, j, i
        seen = order[-len(self.configuration_manager.patch_size) :]
        axes = tuple(number for number, axis in enumerate(seen) if axis not in self.job.unmirrored)
        self.inference_allowed_mirroring_axes = (axes or None) if self.job.mirrored_use else None
        return rotation, flat, patch, axes or None

    def run_training(self) -> None:
        """As nnU-Net does, until the time is up."""
        try:
            super().run_training()
        except TimeIsUp:
            self.on_train_end()

    def on_train_epoch_start(self) -> None:
        """Draw each epoch's random numbers from seed and epoch, so that a resumed run goes on as an unbroken one."""
        super().on_train_epoch_start()
        self.clock.start(self.history)
        self.began = now()
        seed = int(np.random.SeedSequence([self.job.seed, self.current_epoch]).generate_state(1)[0])
        np.random.seed(seed)  # noqa: NPY002 - nnU-Net draws from numpy's global state
        random.seed(seed)
        torch.manual_seed(seed)
        if self.clock.limited:  # nnU-Net's polynomial, over time instead of epochs
            left = max(0.0, 1 - self.clock.spent)
            for group in self.optimizer.param_groups:
                group["lr"] = self.initial_lr * left**0.9
        self.row = {"epoch": self.current_epoch + 1.0, "learning_rate": float(self.optimizer.param_groups[0]["lr"])}

    def on_train_epoch_end(self, train_outputs: list[dict[str, Any]]) -> None:
        """Note the training loss."""
        super().on_train_epoch_end(train_outputs)
        self.row["train_loss"] = DICE_LOSS + float(np.mean([step["loss"] for step in train_outputs]))

    def on_validation_epoch_end(self, val_outputs: list[dict[str, Any]]) -> None:
        """Note loss and Dice over the validation patches (nnU-Net's "pseudo Dice")."""
        super().on_validation_epoch_end(val_outputs)
        hit, false, missed = (sum(step[key] for step in val_outputs) for key in ("tp_hard", "fp_hard", "fn_hard"))
        with np.errstate(invalid="ignore"):
            dice = 2 * hit / (2 * hit + false + missed)
        self.row["loss"] = DICE_LOSS + float(np.mean([step["loss"] for step in val_outputs]))
        self.row["f1"] = _mean(dice)
        self.row["iou"] = _mean(dice / (2 - dice))
        names = [name for name, value in self.dataset_json["labels"].items() if value != 0]
        self.row |= {f"dice_{name}": float(value) for name, value in zip(names, dice, strict=True)}

    def on_epoch_end(self) -> None:
        """Tell how far it is, and stop where the next epoch would be late."""
        super().on_epoch_end()
        took = since(self.began)
        self.row |= took
        self.history.append(self.row)
        with written_whole(self.job.history) as part:
            part.write_text(json.dumps(self.history), encoding="utf-8")
        self.tell("epoch", number=self.current_epoch)
        self.clock.start(self.history)
        if self.clock.spent_after(took) > 1:
            raise TimeIsUp

    def save_checkpoint(self, filename: str) -> None:
        """Whole or not at all."""
        with written_whole(Path(filename)) as part:
            super().save_checkpoint(str(part))

    def load_checkpoint(self, filename_or_checkpoint: Any) -> None:
        """Only what holds no code; then as nnU-Net does."""
        read_checkpoint(Path(filename_or_checkpoint))
        super().load_checkpoint(filename_or_checkpoint)
        rows = json.loads(self.job.history.read_text(encoding="utf-8")) if self.job.history.is_file() else []
        self.history = rows[: self.current_epoch]


def _mean(values: Sequence[float]) -> float:
    """Mean of the classes that were there."""
    known = [float(value) for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")
