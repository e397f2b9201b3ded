"""How much memory there is and was: asked of the system, without a package for it."""

from __future__ import annotations

import mmap
import sys
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from osteon.errors import OsteonError

STATUS, MEMINFO = Path("/proc/self/status"), Path("/proc/meminfo")

CONTAINER = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory.stat"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
        "/sys/fs/cgroup/memory/memory.stat",
    ),
)
"""Limit, use and what of that can be given back, of version 2 and 1 of Linux's control groups."""


def free_memory_mb() -> float | None:
    """Memory that this process may still take: of the machine, its container and its own limit; None if unknown."""
    if sys.platform == "win32":
        return _free_on_windows_mb()
    known = [mb for mb in (_of_the_machine_mb(), _of_the_container_mb(), _of_its_own_limit_mb()) if mb is not None]
    return min(known, default=None)


def require_memory(needed_mb: float, what: str) -> None:
    """Refuse work that would not fit, before it begins.

    Parameters
    ----------
    needed_mb : float
        Beyond what is taken already.
    what : str
        Begins the sentence.

    Raises
    ------
    OsteonError
        If less is free.
    """
    free_mb = free_memory_mb()
    if free_mb is not None and free_mb < needed_mb:
        raise OsteonError(
            f"{what} needs about {needed_mb / 1000:.1f} GB more memory, and {free_mb / 1000:.1f} GB are free. Close "
            "other programs, ask the cluster for more memory, or give a scan with fewer or larger voxels."
        )


def peak_memory_mb() -> float:
    """Largest resident memory of this process so far, in MB."""
    if sys.platform == "win32":
        return _peak_on_windows_mb()
    if STATUS.is_file():  # getrusage's would be at least that of the process that started this one
        return _field_kb(STATUS, "VmHWM:") / 2**10
    import resource  # not there on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10  # macOS counts bytes, Linux KiB


def zeros_as_written(shape: Sequence[int], dtype: np.dtype[Any] | type[np.integer[Any]] = np.uint8) -> NDArray[Any]:
    """Zeros that take memory only where something is written later, in steps of a page (4 kB).

    For large arrays numpy asks Linux for pages of 2 MB, so that a few voxels in each slice take all of the array.
    """
    size = prod(shape) * np.dtype(dtype).itemsize
    if sys.platform != "linux" or size == 0:
        return np.zeros(shape, dtype)
    pages = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    return np.frombuffer(pages, dtype).reshape(shape)


def _of_the_machine_mb() -> float | None:
    return _field_kb(MEMINFO, "MemAvailable:") / 2**10 if MEMINFO.is_file() else None


def _of_the_container_mb() -> float | None:
    for limit, used, statistics in CONTAINER:
        try:
            most = int(Path(limit).read_text(encoding="ascii"))  # "max" where there is none
            taken = int(Path(used).read_text(encoding="ascii"))
            rows = dict(line.split() for line in Path(statistics).read_text(encoding="ascii").splitlines())
        except (OSError, ValueError):
            continue
        given_back = int(rows.get("total_inactive_file", rows.get("inactive_file", 0)))
        return (most - taken + given_back) / 2**20
    return None


def _of_its_own_limit_mb() -> float | None:
    import resource

    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    if most == resource.RLIM_INFINITY or not STATUS.is_file():
        return None
    return most / 2**20 - _field_kb(STATUS, "VmSize:") / 2**10


def _field_kb(file: Path, name: str) -> float:
    line = next(line for line in file.read_text(encoding="ascii").splitlines() if line.startswith(name))
    return float(line.split()[1])


def _free_on_windows_mb() -> float:
    """AvailPhys of Windows' MEMORYSTATUSEX."""
    import ctypes

    status = (ctypes.c_uint64 * 8)()  # two 32-bit numbers (its size, the load), then seven of 64 bits: total, free, ...
    ctypes.c_uint32.from_buffer(status).value = ctypes.sizeof(status)
    getattr(ctypes, "windll").kernel32.GlobalMemoryStatusEx(ctypes.byref(status))  # noqa: B009 - only Windows' has it
    return float(status[2]) / 2**20


def _peak_on_windows_mb() -> float:
    """PeakWorkingSetSize of Windows' PROCESS_MEMORY_COUNTERS."""
    import ctypes

    # two 32-bit numbers (its size, page faults), then eight as wide as a pointer, of which the first is the peak
    counters = (ctypes.c_size_t * (8 + 8 // ctypes.sizeof(ctypes.c_size_t)))()
    ctypes.c_uint32.from_buffer(counters).value = ctypes.sizeof(counters)
    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009 - only Windows' ctypes has it
    kernel.GetCurrentProcess.restype = ctypes.c_void_p
    process = ctypes.c_void_p(kernel.GetCurrentProcess())
    kernel.K32GetProcessMemoryInfo(process, ctypes.byref(counters), ctypes.c_uint32(ctypes.sizeof(counters)))
    return float(counters[8 // ctypes.sizeof(ctypes.c_size_t)]) / 2**20
