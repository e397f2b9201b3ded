"""DICOM series: what a folder holds, and one of them as a volume."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from osteon.errors import OsteonError, ReadError
from osteon.io.checks import checked_volume
from osteon.io.dicom.headers import Frame, frames_of, is_image, read_header
from osteon.io.dicom.pixels import pixels_of
from osteon.io.dicom.stack import stacked
from osteon.volume import Volume


@dataclass(frozen=True)
class Series:
    """One DICOM series of a folder.

    Parameters
    ----------
    number : int
        Place in the list, from 1; a series can be chosen by it.
    description, modality : str
        As the scanner wrote them; empty where it did not.
    images : int
        Slices.
    matrix : (columns, rows, slices) tuple of int
    spacing_mm : (3,) tuple of float, or None
        Voxel edges, where the series is one volume.
    problem : str, optional
        Why it cannot be read as one volume.
    uid : str
        Never printed.
    """

    number: int
    description: str
    modality: str
    images: int
    matrix: tuple[int, int, int]
    spacing_mm: tuple[float, float, float] | None
    problem: str | None
    uid: str = field(repr=False)

    def __str__(self) -> str:
        size = " x ".join(str(n) for n in self.matrix)
        spacing = f" of {' x '.join(f'{s:.2f}' for s in self.spacing_mm)} mm" if self.spacing_mm else ""
        name = self.description or "without a description"
        return f"series {self.number}, {name} ({self.modality or 'modality not stated'}): {size} voxels{spacing}"


@dataclass
class _Found:
    """The files of one series UID."""

    uid: str
    header: Any
    files: list[tuple[Path, Any]] = field(default_factory=list)

    @property
    def description(self) -> str:
        return str(self.header.get("SeriesDescription") or "").strip()

    @property
    def images(self) -> int:
        return sum(int(header.get("NumberOfFrames") or 1) for _, header in self.files)

    def frames(self) -> list[Frame]:
        return [frame for path, header in self.files for frame in frames_of(path, header)]


def list_series(folder: str | Path) -> list[Series]:
    """Every series of images in a folder (or, if it holds none itself, below it), in the scanner's order.

    Raises
    ------
    ReadError
        If there is no DICOM image.
    """
    folder = Path(folder)
    return [_described(number, found, folder) for number, found in enumerate(_find(folder), start=1)]


def read_dicom(path: str | Path, *, series: str | None = None) -> Volume:
    """Read a DICOM series.

    Parameters
    ----------
    path : str or Path
        A folder; or a file, which stands for the series it belongs to in its folder.
    series : str, optional
        Number in the list, description, or UID; needed where the folder holds several series.

    Returns
    -------
    Volume
        i is the column, j the row, k the slice, sorted along the slice normal; stored integers where no rescale slope
        or intercept applies, float32 otherwise.

    Raises
    ------
    ReadError, GeometryError
        If it is not one volume; the message says why.
    """
    path = Path(path)
    if path.is_dir():
        found = _chosen(_find(path), series, path)
        where = str(path) if series is None else f"{path}, series {series},"
    else:
        found, where = _series_of_file(path), str(path)
    frames, grid = stacked(found.frames(), where)
    return checked_volume(pixels_of(frames), grid.affine, path)


def _find(folder: Path) -> list[_Found]:
    files = sorted(file for file in folder.iterdir() if file.is_file())
    found = _grouped(files) or _grouped(sorted(file for file in folder.rglob("*") if file.is_file()))
    if not found:
        raise ReadError(
            f"The folder {folder} holds no DICOM image (reports, indexes and other files are passed over). "
            "Give the folder that holds the slices."
        )
    return found


def _grouped(files: list[Path]) -> list[_Found]:
    series: dict[str, _Found] = {}
    for file in files:
        header = read_header(file)
        if header is None or not is_image(header):
            continue
        uid = str(header.get("SeriesInstanceUID", ""))
        series.setdefault(uid, _Found(uid, header)).files.append((file, header))
    return sorted(series.values(), key=lambda s: (int(s.header.get("SeriesNumber") or 0), s.description, s.uid))


def _described(number: int, found: _Found, folder: Path) -> Series:
    rows, columns = int(found.header.Rows), int(found.header.Columns)
    matrix, spacing, problem = (columns, rows, found.images), None, None
    try:
        frames, grid = stacked(found.frames(), f"Series {number} of {folder}")
        pixels_of(frames[:1])
        matrix, spacing = grid.shape, grid.spacing_mm
    except OsteonError as error:
        problem = str(error)
    modality = str(found.header.get("Modality") or "")
    return Series(number, found.description, modality, found.images, matrix, spacing, problem, found.uid)


def _series_of_file(path: Path) -> _Found:
    header = read_header(path)
    if header is None or not is_image(header):
        raise ReadError(f"{path} is not a DICOM image. Give a folder of slices, or one of its image files.")
    uid = str(header.get("SeriesInstanceUID", ""))
    if int(header.get("NumberOfFrames") or 1) > 1:
        return _Found(uid, header, [(path, header)])
    return next(
        found for found in _grouped(sorted(p for p in path.parent.iterdir() if p.is_file())) if found.uid == uid
    )


def _chosen(found: list[_Found], series: str | None, folder: Path) -> _Found:
    if series is None:
        if len(found) == 1:
            return found[0]
        raise ReadError(
            f"The folder {folder} holds {len(found)} series; one scan is one series. Take one out by its number, "
            f"for example with osteon convert --series 1, and use that file: {_listed(found)}."
        )
    fitting: dict[str, list[_Found]] = defaultdict(list)
    for number, one in enumerate(found, start=1):
        for name in {str(number), one.description, one.uid}:
            fitting[name].append(one)
    matches = fitting.get(series.strip(), [])
    if len(matches) != 1:
        what = "no series" if not matches else f"{len(matches)} series"
        raise ReadError(f"The folder {folder} holds {what} named {series}. Choose by number: {_listed(found)}.")
    return matches[0]


def _listed(found: list[_Found]) -> str:
    return "; ".join(
        f"{number}: {one.description or 'no description'}, {one.images} images of "
        f"{int(one.header.Columns)} x {int(one.header.Rows)}"
        for number, one in enumerate(found, start=1)
    )
