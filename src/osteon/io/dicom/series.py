"""DICOM series: what a folder or archive holds, and one of them as a volume."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from pathlib import Path

from pydicom.config import disable_value_validation

from osteon.errors import ReadError
from osteon.io.checks import checked_volume
from osteon.io.dicom.choice import chosen, group_of_file
from osteon.io.dicom.groups import Found, Group, find
from osteon.io.dicom.headers import read_image
from osteon.io.dicom.marks import contrast_of
from osteon.io.dicom.sources import Source, sources_in
from osteon.io.dicom.stations import voxels_of, with_stations_joined
from osteon.io.magic import is_zip
from osteon.volume import Volume


@dataclass(frozen=True)
class Series:
    """One volume of a folder, or what should have been one: a DICOM series, a part of one, or stations joined.

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
    orientation : str
        Where the axes run, such as ``"PIR"``; empty where the series is no volume.
    image : str
        Which image of a Dixon scan (``"water"``, ``"fat"``, ``"in-phase"``, ``"opposed-phase"``); empty otherwise.
    contrast : str
        In words, with echo and repetition time.
    problem : str, optional
        Why it cannot be read as one volume.
    notes : tuple of str
        What whoever reads it should know.
    uid : str
        Never printed; empty for stations joined.
    """

    number: int
    description: str
    modality: str
    images: int
    matrix: tuple[int, int, int]
    spacing_mm: tuple[float, float, float] | None
    orientation: str
    image: str
    contrast: str
    problem: str | None
    notes: tuple[str, ...]
    uid: str = field(repr=False)

    def __str__(self) -> str:
        size = " x ".join(str(n) for n in self.matrix)
        spacing = f" of {' x '.join(f'{s:.2f}' for s in self.spacing_mm)} mm" if self.spacing_mm else ""
        name = self.description or "without a description"
        axes = f", axes {self.orientation}+" if self.orientation else ""
        alone = (
            "; a single slice: it converts, and cannot be segmented" if self.matrix[2] == 1 and not self.problem else ""
        )
        about = ", ".join(part for part in (self.modality or "modality not stated", self.contrast) if part)
        return f"series {self.number}, {name} ({about}): {size} voxels{spacing}{axes}{alone}"


def list_series(path: str | Path) -> list[Series]:
    """Every volume of a folder (or, if it holds none itself, below it) or zip archive, in the scanner's order.

    Raises
    ------
    ReadError
        If there is no DICOM image.
    """
    return survey(path)[0]


def survey(path: str | Path) -> tuple[list[Series], list[str]]:
    """As `list_series`; and a sentence for each file that is DICOM and cannot be read.

    Raises
    ------
    ReadError
        If there is no DICOM image.
    """
    path = Path(path)
    with sources_in(path) as turns, disable_value_validation():
        found = _found(turns, path)
    return [_described(group) for group in found.groups], found.broken


def read_dicom(path: str | Path, *, series: str | None = None, prefer: str | None = None) -> Volume:
    """Read a DICOM series.

    Parameters
    ----------
    path : str or Path
        A folder or zip archive; or an image file, which stands for the series it belongs to in its folder.
    series : str, optional
        Number in the list, UID, description or part of it, or a Dixon image such as ``"water"``; needed where several
        can be used.
    prefer : str, optional
        Dixon image to take where several are usable and one of them is this.

    Returns
    -------
    Volume
        i is the column, j the row, k the slice, sorted along the slice normal, a single slice being one of one; stored
        integers where no rescale slope or intercept applies, float32 otherwise. The first axis runs fastest in memory.

    Raises
    ------
    ReadError, GeometryError
        If it is not one volume, or it is not clear which; the message says why.

    Warns
    -----
    UserWarning
        If slices or files were left out, stations joined, or a series chosen among several.
    """
    return read_study(path, series=series, prefer=prefer)[0]


def read_study(path: str | Path, *, series: str | None = None, prefer: str | None = None) -> tuple[Volume, str]:
    """As `read_dicom`; and the unique identifier of the study, which is to be shown to nobody."""
    path = Path(path)
    # pydicom's warnings about odd values would show unique identifiers
    with sources_in(path if _holds_many(path) else path.parent) as turns, disable_value_validation():
        if _holds_many(path):
            found = _found(turns, path)
            group, choice = chosen(found, series, path, prefer)
            broken = found.broken
        else:
            group, choice, broken = _of_file(path, turns[0]), [], []
        if group.error is not None:
            raise type(group.error)(" ".join([str(group.error), *broken]))
        array, grid, notes = voxels_of(group)
    for note in [*choice, *group.notes, *notes, *(f"Left out: {sentence}" for sentence in broken)]:
        warnings.warn(note, stacklevel=2)
    return checked_volume(array, grid.affine, path), group.study


def _holds_many(path: Path) -> bool:
    return path.is_dir() or is_zip(path)


def _found(turns: list[list[Source]], path: Path) -> Found:
    found = find(turns, path)
    return Found(with_stations_joined(found.groups), found.broken)


def _of_file(path: Path, beside: list[Source]) -> Group:
    """The group in which a file is; a file of many frames stands for itself."""
    source = Source(path)
    image = read_image(source, {})
    if image is None:
        raise ReadError(f"{path} is not a DICOM image. Give a folder of slices, or one of its image files.")
    alone = int(image.header.get("NumberOfFrames") or 1) > 1
    found = find([[source] if alone else beside], path if alone else path.parent)
    return group_of_file(found.groups, path)


def _described(group: Group) -> Series:
    grid = group.grid
    rows, columns = int(group.header["Rows"]), int(group.header["Columns"])
    return Series(
        number=group.number,
        description=group.description + (f", {len(group.stations)} stations joined" if group.stations else ""),
        modality=group.modality,
        images=group.images,
        matrix=grid.shape if grid else (columns, rows, group.images),
        spacing_mm=grid.spacing_mm if grid else None,
        orientation=grid.orientation if grid else "",
        image=group.image,
        contrast=contrast_of(group.frames[0].marks) if group.frames else "",
        problem=str(group.error) if group.error else None,
        notes=tuple(group.notes),
        uid=group.uid,
    )
