"""A folder of a thousand DICOM slices to one NIfTI file, against SimpleITK's series reader and dcm2niix."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813 (its own documentation calls it so)

from osteon.bench.measured import Asked, Comparison, Way, alternately
from osteon.errors import OsteonError
from osteon.io import convert, read
from osteon.io.dicom import write_dicom_series
from osteon.volume import Volume

SHAPE = (512, 512, 1000)
DCM2NIIX = "dcm2niix"
STATUS = Path("/proc/self/status")
"""Where Linux says how large a process was at most."""

IN_A_FRESH_PROCESS = """
import sys
from osteon.bench.reading import by_osteon, by_simpleitk, peak_mb
from osteon.io import dicom, nifti  # otherwise imported on the way
before = peak_mb()
{way}(*sys.argv[1:])
print(peak_mb() - before)
"""


def dicom_folder(asked: Asked, folder: Path, shape: tuple[int, int, int] = SHAPE) -> Comparison:
    """Convert a folder of slices; both ways have to give the same voxels.

    The memory is what a fresh process takes at most beyond what it had after its imports, in volumes.

    Parameters
    ----------
    asked : Asked
    folder : Path
        Empty; twice the volume and the slices are written there.
    shape : (3,) tuple of int
    """
    source = folder / "slices"
    noise = np.random.default_rng(asked.seed).integers(0, 1000, shape[::-1], dtype=np.uint16).T
    write_dicom_series(Volume(noise, np.diag([0.8, 0.8, 1.5, 1.0])), source, description="benchmark", seed=asked.seed)
    volume_mb = noise.nbytes / 2**20
    del noise
    ways = {"osteon convert": by_osteon, "SimpleITK's series reader": by_simpleitk}
    here = ways | ({"dcm2niix": by_dcm2niix} if shutil.which(DCM2NIIX) else {})
    timed = [Way(name, partial(way, source, folder / f"{way.__name__}.nii")) for name, way in here.items()]
    size = " x ".join(str(n) for n in shape)
    done = alternately(f"a DICOM folder of {size} voxels to .nii", timed, asked.repeats, _same_voxels)
    missing = () if len(here) > len(ways) else ("dcm2niix is not installed here (pip install dcm2niix).",)
    if not STATUS.is_file():
        return replace(done, notes=("Memory is measured on Linux only.", *missing))
    peaks = [f"{_peak_mb(way.__name__, source, folder) / volume_mb:.2f} ({name})" for name, way in ways.items()]
    return replace(done, notes=(f"Peak memory beyond the imports, in volumes: {', '.join(peaks)}.", *missing))


def by_osteon(source: str | Path, out: str | Path) -> Path:
    """Convert as ``osteon convert`` does."""
    convert(source, out, overwrite=True)
    return Path(out)


def by_simpleitk(source: str | Path, out: str | Path) -> Path:
    """Convert as SimpleITK's own example does: names by GDCM, then the series reader."""
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(source)))
    sitk.WriteImage(reader.Execute(), str(out))
    return Path(out)


def by_dcm2niix(source: str | Path, out: str | Path) -> Path:
    """Convert as its command does by default, but for one file without compression (and no BIDS sidecar)."""
    out = Path(out)
    command = [DCM2NIIX, "-z", "n", "-b", "n", "-w", "1", "-f", out.stem, "-o", str(out.parent), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or not out.is_file():
        raise OsteonError(f"dcm2niix failed: {done.stdout.strip()} {done.stderr.strip()}")
    return out


def peak_mb() -> float:
    """Largest resident memory of this process by its own count: getrusage's would be at least its parent's."""
    (line,) = (line for line in STATUS.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def _peak_mb(way: str, source: Path, folder: Path) -> float:
    command = [sys.executable, "-c", IN_A_FRESH_PROCESS.format(way=way), str(source), str(folder / "measured.nii")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OsteonError(f"The benchmark's run failed: {done.stderr.strip()}")
    return float(done.stdout.splitlines()[-1])


def _same_voxels(ours: object, theirs: object) -> bool:
    # dcm2niix writes rows from the back to the front
    first, second = (read(str(path)).reoriented("RAS") for path in (ours, theirs))
    return first.grid.matches(second.grid) and bool(np.array_equal(first.array, second.array))
