"""Curves for TensorBoard, where a configuration asks for them: files in the run folder, nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from osteon.errors import TrainingError

Note = Callable[[Mapping[str, float]], None]


@contextmanager
def scalars(wanted: bool, folder: Path, done: int) -> Iterator[Note]:
    """A function that notes a row of ``metrics.csv``; it does nothing where that is not wanted.

    Parameters
    ----------
    wanted : bool
    folder : Path
        Of TensorBoard's files.
    done : int
        Epochs before this start; what an earlier start noted of later ones is taken back.

    Raises
    ------
    TrainingError
        If TensorBoard is not installed.
    """
    if not wanted:
        yield lambda _: None
        return
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise TrainingError(
            "tensorboard = true needs the package tensorboard. Install it with: pip install tensorboard, or leave the "
            "key out of the configuration."
        ) from error
    with SummaryWriter(str(folder), purge_step=done + 1) as writer:

        def note(row: Mapping[str, float]) -> None:
            for name, value in row.items():
                if name != "epoch":
                    writer.add_scalar(name, value, int(row["epoch"]))
            writer.flush()

        yield note
