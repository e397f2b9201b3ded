"""Phantoms on disk: one as DICOM and NIfTI, many in the SPIDER layout."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from osteon.anatomy import Task
from osteon.errors import UsageError
from osteon.io import write
from osteon.io.dicom import write_dicom_series
from osteon.io.whole import folder_written_whole
from osteon.synthesis.leg_phantom import LegPhantom, make_leg_phantom
from osteon.synthesis.scanner import ScanGeometry
from osteon.synthesis.spine.phantom import SHAPE, SPACING_MM, Phantom, make_phantom
from osteon.synthesis.spine.variety import make_varied_phantom
from osteon.synthesis.spine.vertebra import VertebraLabel


@dataclass(frozen=True)
class PhantomPaths:
    """Where `write_phantom` puts a phantom."""

    folder: Path

    @property
    def dicom(self) -> Path:
        """Folder of the DICOM series."""
        return self.folder / "dicom"

    @property
    def scan(self) -> Path:
        """The scan as NIfTI."""
        return self.folder / "scan.nii.gz"

    @property
    def labels(self) -> Path:
        """The label map, on the scan's grid."""
        return self.folder / "labels.nii.gz"


def write_phantom(phantom: Phantom | LegPhantom, folder: str | Path, *, seed: int) -> PhantomPaths:
    """Write a phantom as a DICOM series and as NIfTI with its labels.

    Parameters
    ----------
    phantom : Phantom or LegPhantom
    folder : path
        Made if need be; files of these names in it are replaced.
    seed : int
        DICOM's unique identifiers are derived from it.
    """
    paths = PhantomPaths(Path(folder))
    what = "legs" if isinstance(phantom, LegPhantom) else "lumbar spine"
    write_dicom_series(phantom.scan, paths.dicom, description=f"Osteon phantom, {what}", seed=seed)
    write(phantom.scan, paths.scan)
    write(phantom.labels, paths.labels)
    return paths


def write_phantom_cohort(
    folder: str | Path,
    *,
    count: int,
    seed: int,
    contrasts: Sequence[str] = ("t1", "t2"),
    shape: tuple[int, int, int] = SHAPE,
    spacing_mm: tuple[float, float, float] = SPACING_MM,
    vertebra: VertebraLabel = "body",
) -> Path:
    """Write phantoms of the task ``lumbar-spine`` in the SPIDER layout.

    ``images/N_t1.mha`` and ``images/N_t2.mha`` are two scans of subject N (from 1), with labels in ``masks/`` under the
    same names. Subject N is the phantom of seed ``1000 * seed + N``.

    Parameters
    ----------
    folder : path
        Must not exist or be empty; appears whole.
    count : int
        Number of subjects.
    seed : int
    contrasts : sequence of str
        One scan of every subject in each (`osteon.synthesis.spine.look.CONTRASTS`).
    shape, spacing_mm, vertebra
        As for `make_phantom`. ``(96, 128, 8)`` at ``(2.5, 2.5, 8)`` mm is small enough for tests.

    Raises
    ------
    UsageError
        If ``count`` is not positive or the folder holds something.
    """
    task = Task.load("lumbar-spine")

    def made(subject_seed: int, contrast: str) -> Phantom:
        return make_phantom(
            task, seed=subject_seed, contrast=contrast, shape=shape, spacing_mm=spacing_mm, vertebra=vertebra
        )

    return _write_spider(folder, count, _of_each(count, seed, contrasts, made))


def write_varied_spines(folder: str | Path, *, count: int, seed: int) -> Path:
    """Write spines of all ages and states, each scanned once, in any contrast, in the SPIDER layout.

    Parameters
    ----------
    folder, count, seed
        As for `write_phantom_cohort`; contrast and grid are drawn (`make_varied_phantom`).

    Raises
    ------
    UsageError
        If ``count`` is not positive or the folder holds something.
    """
    task = Task.load("lumbar-spine")

    def phantoms() -> Iterator[tuple[str, Phantom]]:
        for subject in range(1, count + 1):
            contrast, phantom = make_varied_phantom(task, seed=1000 * seed + subject)
            yield f"{subject}_{contrast}", phantom

    return _write_spider(folder, count, phantoms())


def write_leg_cohort(
    folder: str | Path,
    *,
    count: int,
    seed: int,
    protocols: Sequence[str] = ("t1-gre", "dixon-water"),
    geometry: ScanGeometry | None = None,
    spacing_mm: tuple[float, float, float] = (2.0, 2.0, 2.0),
) -> Path:
    """Write phantoms of the task ``leg-bones`` in the SPIDER layout, as `write_phantom_cohort` does for spines.

    Parameters
    ----------
    folder, count, seed
        As for `write_phantom_cohort`.
    protocols : sequence of str
        One scan of every subject in each.
    geometry, spacing_mm
        As for `make_leg_phantom`.

    Raises
    ------
    UsageError
        If ``count`` is not positive, the folder holds something, or a protocol is not known.
    """

    def made(subject_seed: int, protocol: str) -> LegPhantom:
        return make_leg_phantom(seed=subject_seed, protocol=protocol, geometry=geometry, spacing_mm=spacing_mm)

    return _write_spider(folder, count, _of_each(count, seed, protocols, made))


def _of_each(
    count: int, seed: int, looks: Sequence[str], made: Callable[[int, str], Phantom | LegPhantom]
) -> Iterator[tuple[str, Phantom | LegPhantom]]:
    """Name and phantom of every subject in every look."""
    for subject in range(1, count + 1):
        for look in looks:
            yield f"{subject}_{look}", made(1000 * seed + subject, look)


def _write_spider(folder: str | Path, count: int, phantoms: Iterable[tuple[str, Phantom | LegPhantom]]) -> Path:
    folder = Path(folder)
    if count < 1:
        raise UsageError(f"A cohort of {count} phantoms is none; ask for at least 1.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} exists and is not an empty folder; it is left as it is. Choose another place.")
    with folder_written_whole(folder) as part:
        for name, phantom in phantoms:
            write(phantom.scan, part / "images" / f"{name}.mha")
            write(phantom.labels, part / "masks" / f"{name}.mha")
    return folder
