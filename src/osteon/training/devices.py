"""Several devices of one machine: a process for each, of which the calling one is the first.

Lightning's launchers start the program again, or run all of it in child processes; either way a caller's progress bar
and notebook would be lost. So the further processes are started here, and Fabric finds them there.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments import ClusterEnvironment
from lightning_fabric.strategies import DDPStrategy
from torch import distributed

from osteon.errors import TrainingError
from osteon.training.seat import ALONE, Seat

PATIENCE = timedelta(minutes=10)
"""How long one process waits for the others before it gives up."""


class _Seated(ClusterEnvironment):  # type: ignore[misc]
    """Tells Fabric that the processes are there already."""

    creates_processes_externally = True
    main_address = "127.0.0.1"

    def __init__(self, seat: Seat) -> None:
        super().__init__()
        self.seat = seat

    @property
    def main_port(self) -> int:
        return self.seat.port

    @staticmethod
    def detect() -> bool:
        return False

    def world_size(self) -> int:
        return self.seat.of

    def set_world_size(self, size: int) -> None:
        """It is known."""

    def global_rank(self) -> int:
        return self.seat.rank

    def set_global_rank(self, rank: int) -> None:
        """It is known."""

    def local_rank(self) -> int:
        return self.seat.rank

    def node_rank(self) -> int:
        return 0


def fabric_for(device: str, precision: Any, seat: Seat, some_unused: bool) -> Fabric:
    """Fabric for one device, or for this process' among several; ``some_unused``: parts may stand still at times."""
    if seat.of == 1:
        return Fabric(accelerator=device, devices=1, precision=precision)
    strategy = DDPStrategy(cluster_environment=_Seated(seat), timeout=PATIENCE, find_unused_parameters=some_unused)
    fabric = Fabric(accelerator=device, devices=seat.of, strategy=strategy, precision=precision)
    fabric.launch()
    return fabric


def refuse_too_many(device: str, devices: int) -> None:
    """Raise `TrainingError` where there are not so many devices; a CPU takes any number of processes."""
    cuda = device == "cuda" or (device == "auto" and torch.cuda.is_available())
    if cuda and devices > torch.cuda.device_count():
        raise TrainingError(
            f"devices = {devices}, but this machine has {torch.cuda.device_count()} CUDA devices. Lower it."
        )
    mps = device == "mps" or (device == "auto" and not cuda and torch.backends.mps.is_available())
    if mps and devices > 1:
        raise TrainingError("An Apple GPU is one device: leave devices at 1, or train with --device cpu.")


@contextmanager
def seats(number: int, work: Callable[..., None], given: Callable[[Seat], Any]) -> Iterator[Seat]:
    """The first of so many seats; on each of the others, a process of its own does ``work(seat, given(seat))``.

    Parameters
    ----------
    number : int
    work : callable
        A function of a module, which a fresh process can import.
    given : callable
        What it is told; it must be picklable.

    Raises
    ------
    TrainingError
        If one of the others fails; the message says why.
    """
    if number == 1:
        yield ALONE
        return
    threads = torch.get_num_threads()
    torch.set_num_threads(max(1, threads // number))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    context, others = get_context("spawn"), []
    try:
        for rank in range(1, number):
            seat, (ours, theirs) = Seat(rank, number, port), context.Pipe()
            arguments = (theirs, torch.get_num_threads(), work, seat, given(seat))
            process = context.Process(target=_seated, args=arguments, daemon=True)
            process.start()
            theirs.close()
            others.append((process, ours))
        for _, ours in others:
            _listen(ours, "ready")
        yield Seat(0, number, port)
        for _, ours in others:
            _listen(ours, "done")
    except Exception as error:
        # whoever failed first closed the connection that the others then complain about
        for _, ours in others:
            if ours.poll(1):
                _listen(ours, "done")
        raise error
    finally:
        for process, _ in others:
            process.terminate()
            process.join()
        if distributed.is_initialized():
            distributed.destroy_process_group()
        torch.set_num_threads(threads)


def _listen(other: Connection, expected: str) -> None:
    """Wait for a word of another process; `TrainingError` if it is a complaint, or none comes."""
    try:
        said = other.recv()
    except EOFError as error:
        raise TrainingError(
            "A further process of the training did not start, or was ended. If train is called in a script, put the "
            "call below: if __name__ == '__main__':"
        ) from error
    if said not in ("ready", expected):
        raise TrainingError(f"A further process of the training stopped: {said}")


def _seated(first: Connection, threads: int, work: Callable[..., None], seat: Seat, given: Any) -> None:
    """What a further process does."""
    torch.set_num_threads(threads)
    first.send("ready")
    try:
        work(seat, given)
        first.send("done")
    except KeyboardInterrupt:
        pass
    except Exception as error:
        first.send(f"{type(error).__name__}: {error}")
    finally:
        if distributed.is_initialized():
            distributed.destroy_process_group()
