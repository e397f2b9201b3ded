"""What a run leaves for people: ``metrics.csv`` and the curves, after every epoch."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from osteon.io.whole import written_whole
from osteon.training.checkpoint import Progress
from osteon.training.folder import TrainingPaths

Row = dict[str, float]


def write_metrics(path: Path, history: Sequence[Row]) -> None:
    """Write one row an epoch, whole: after a kill the table holds exactly the epochs of the checkpoint."""
    with written_whole(path) as part, part.open("w", newline="", encoding="utf-8") as stream:
        # an older version may have begun the run, with fewer columns
        names = list(dict.fromkeys(key for row in history for key in row))
        writer = csv.DictWriter(stream, fieldnames=names)
        writer.writeheader()
        for row in history:
            writer.writerow({key: f"{value:.6g}" for key, value in row.items()})


def draw_curves(path: Path, history: Sequence[Row]) -> None:
    """Draw loss, Dice of each class, and learning rate against epochs."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    epochs = [row["epoch"] for row in history]
    figure = Figure(figsize=(11, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(epochs, [row["train_loss"] for row in history], label="training")
    left.plot(epochs, [row["loss"] for row in history], label="validation")
    left.set(xlabel="epoch", ylabel="loss", yscale="log")
    for key in history[0]:
        if key.startswith("dice_"):
            right.plot(epochs, [row[key] for row in history], label=key.removeprefix("dice_"))
    right.plot(epochs, [row["iou"] for row in history], label="IoU, mean", linestyle=":", color="0.4")
    right.set(xlabel="epoch", ylabel="validation Dice", ylim=(0, 1))
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    with written_whole(path) as part:
        FigureCanvasAgg(figure).print_figure(part, dpi=100, format="png")


def record(paths: TrainingPaths, progress: Progress) -> None:
    """Write what a run leaves for people."""
    write_metrics(paths.metrics, progress.history)
    draw_curves(paths.curves, progress.history)
