"""Which reader a path needs, and which writer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from osteon.errors import ReadError, TaskError, UsageError
from osteon.io.magic import Kind, kind_by_content
from osteon.volume import LabelMap, Volume

if TYPE_CHECKING:
    from osteon.anatomy import Task

SUFFIXES: dict[str, Kind] = {
    ".nii.gz": "nifti",
    ".nii": "nifti",
    ".mha": "itk",
    ".mhd": "itk",
    ".nrrd": "itk",
    ".nhdr": "itk",
    ".dcm": "dicom",
    ".ima": "dicom",
    ".dicom": "dicom",
}

WRITTEN = (".nii.gz", ".nii", ".mha", ".mhd", ".nrrd")

READABLE = "DICOM (folder or file), NIfTI (.nii, .nii.gz), MetaImage (.mha, .mhd) and NRRD (.nrrd, .nhdr)"


def read(path: str | Path, *, series: str | None = None) -> Volume:
    """Read a scan: a DICOM folder or file, NIfTI, MetaImage or NRRD.

    Parameters
    ----------
    path : str or Path
        A file is recognised by its suffix, or by its content where the suffix says nothing.
    series : str, optional
        Which DICOM series of the folder: its number in the list, its description, or its UID.

    Returns
    -------
    Volume
        Stored integers where nothing scales them, float32 otherwise; affine to RAS+ mm.

    Raises
    ------
    ReadError
        If there is nothing, or nothing that can be read as one 3-D scan; the message says why and what to do.
    GeometryError
        If its grid is impossible.
    """
    path = Path(path)
    kind = _kind_or_why_not(path)
    if kind == "dicom":
        from osteon.io.dicom import read_dicom

        return read_dicom(path, series=series)
    if series is not None:
        raise UsageError(f"{path} is not DICOM and has no series to choose from. Leave --series out.")
    if kind == "nifti":
        from osteon.io.nifti import read_nifti

        return read_nifti(path)
    from osteon.io.itk import read_itk

    return read_itk(path)


def read_labels(path: str | Path, task: Task, mapping: dict[int, int] | None = None) -> LabelMap:
    """Read a label map and give it the meaning of a task.

    Parameters
    ----------
    path : str or Path
    task : Task
    mapping : dict, optional
        From the file's values to the task's (or to 0, background). Every value in the file but 0 must then be in it.

    Returns
    -------
    LabelMap
        In the smallest unsigned type.

    Raises
    ------
    TaskError
        If values are not whole numbers, are negative, or do not belong to the task.
    """
    volume = read(path)
    array = volume.array
    if array.dtype.kind == "f":
        broken = array != np.round(array)
        if broken.any():
            raise TaskError(
                f"{path} holds the value {float(array[broken][0]):g}, which is no label: labels are whole numbers. "
                "It may be a scan or a probability map; if it is a label map, save it without interpolation."
            )
    values, places = np.unique(array, return_inverse=True)
    mapped = _mapped([int(v) for v in values], task, mapping, path)
    table = np.array(mapped, dtype=smallest_unsigned(max(mapped)))
    return LabelMap(table[places].reshape(array.shape), volume.affine, volume.nifti_geometry, task=task)


def write(volume: Volume, path: str | Path) -> None:
    """Write a volume or label map, whole or not at all; the suffix names the format.

    Label maps are stored in the smallest unsigned type. NIfTI keeps the geometry fields the volume was read with.

    Parameters
    ----------
    volume : Volume
    path : str or Path
        ``.nii.gz``, ``.nii``, ``.mha``, ``.mhd`` or ``.nrrd``.

    Raises
    ------
    UsageError
        If the suffix names no format that is written, or the array holds something no format takes.
    """
    path = Path(path)
    suffix = _suffix(path)
    if suffix not in WRITTEN:
        raise UsageError(f"{path.name} names no format that Osteon writes. Use one of {', '.join(WRITTEN)}.")
    array = _storable(volume)
    if SUFFIXES[suffix] == "nifti":
        from osteon.io.nifti import write_nifti

        write_nifti(volume, array, path)
    else:
        from osteon.io.itk import write_itk

        write_itk(volume, array, path)


def is_image(path: str | Path) -> bool:
    """Whether a path is a file that `read` would try: by suffix, or by content where the suffix says nothing."""
    path = Path(path)
    return path.is_file() and kind_of(path) is not None


def scans_in(path: str | Path) -> list[tuple[str, Path]]:
    """What a SCAN argument stands for: case names and the path of each, sorted by name.

    A file is one case; so is a folder that holds DICOM files; any other folder is searched one level deep for image
    files and for DICOM folders.

    Raises
    ------
    ReadError
        If nothing is there to read, or two scans would share a case name.
    """
    path = Path(path)
    kind = _kind_or_why_not(path, folder_of_scans=True)
    if kind is not None:
        return [(case_name(path), path)]
    found = [
        (case_name(entry), entry)
        for entry in sorted(path.iterdir())
        if not entry.name.startswith(".") and (is_image(entry) or (entry.is_dir() and _holds_dicom(entry, below=True)))
    ]
    if not found:
        raise ReadError(f"The folder {path} holds no scan. Osteon reads {READABLE}.")
    names = [name for name, _ in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ReadError(
            f"The folder {path} holds more than one scan named {', '.join(twice)}. Rename one, or give them one by one."
        )
    return found


def case_name(path: Path) -> str:
    """Name of a case: the file or folder without the suffixes of its format."""
    suffix = _suffix(path)
    known = suffix in SUFFIXES and not path.is_dir()
    name = path.resolve().name
    return name[: -len(suffix)] if known and len(name) > len(suffix) else name


def kind_of(path: Path) -> Kind | None:
    """Format of a file by its suffix, or by its first bytes where the suffix says nothing; None if it is no image."""
    known = SUFFIXES.get(_suffix(path))
    return known or kind_by_content(path)


def smallest_unsigned(largest: int) -> type[np.unsignedinteger[Any]]:
    """Smallest unsigned integer type that holds a label value."""
    for kind in (np.uint8, np.uint16):
        if largest <= np.iinfo(kind).max:
            return kind
    return np.uint32


def _suffix(path: Path) -> str:
    name = path.name.lower()
    return ".nii.gz" if name.endswith(".nii.gz") else path.suffix.lower()


def _holds_dicom(folder: Path, *, below: bool = False) -> bool:
    entries = folder.rglob("*") if below else folder.iterdir()
    return any(file.is_file() and kind_of(file) == "dicom" for file in entries)


def _kind_or_why_not(path: Path, *, folder_of_scans: bool = False) -> Kind | None:
    try:
        return _kind_of_argument(path, folder_of_scans=folder_of_scans)
    except PermissionError as error:
        raise ReadError(
            f"{path} may not be opened: permission denied. Ask its owner, or copy it where you may read it."
        ) from error


def _kind_of_argument(path: Path, *, folder_of_scans: bool) -> Kind | None:
    """Kind of what the user named; None for a folder of scans, if such may be named here."""
    if not path.exists():
        raise ReadError(f"There is no file or folder {path}. Check the spelling.")
    if path.is_dir():
        entries = sorted(path.iterdir())
        if not entries:
            raise ReadError(f"The folder {path} is empty. Osteon reads {READABLE}.")
        if _holds_dicom(path, below=not folder_of_scans):
            return "dicom"
        if folder_of_scans:
            return None
        raise ReadError(
            f"The folder {path} holds no DICOM file among its {len(entries)} entries. "
            f"Give the folder of one series, or a file; Osteon reads {READABLE}."
        )
    if path.stat().st_size == 0:
        raise ReadError(f"The file {path} is empty (0 bytes). Copy or download it again.")
    kind = kind_of(path)
    if kind is None:
        raise ReadError(f"{path} is not an image that Osteon knows. It reads {READABLE}.")
    return kind


def _mapped(values: list[int], task: Task, mapping: dict[int, int] | None, path: str | Path) -> list[int]:
    """The task's value for each of the file's."""
    known = {s.value for s in task.structures}
    table = {v: v for v in known} if mapping is None else dict(mapping)
    strange = sorted(set(table.values()) - known - {0})
    if strange:
        raise TaskError(f"The mapping leads to {strange}, which the task {task.name} does not know: {sorted(known)}.")
    table.setdefault(0, 0)
    negative = [v for v in values if v < 0 and v not in table]
    if negative:
        raise TaskError(
            f"{path} holds the negative value {negative[0]}, which is no label: labels are 0 (background) and up. "
            "It may be a scan and not a label map."
        )
    unknown = [v for v in values if v not in table]
    if unknown:
        listed = ", ".join(str(v) for v in unknown[:10]) + (", ..." if len(unknown) > 10 else "")
        raise TaskError(
            f"{path} holds the values {listed}, which {'the task ' + task.name if mapping is None else 'the mapping'} "
            f"does not know (known: {sorted(table)}). Map them to the task's values, or to 0 for background."
        )
    return [table[v] for v in values]


def _storable(volume: Volume) -> NDArray[Any]:
    """The array in a type that files take: label maps small, truth values as bytes, half precision as single."""
    array = volume.array
    if isinstance(volume, LabelMap):
        return array.astype(smallest_unsigned(int(array.max(initial=0))), copy=False)
    if array.dtype.kind not in "buif" or array.dtype.itemsize > 8:
        raise UsageError(f"An array of {array.dtype} cannot be stored as an image. Convert it to float32 first.")
    if array.dtype == np.bool_:
        return array.astype(np.uint8)
    if array.dtype == np.float16:
        return array.astype(np.float32)
    return array.astype(array.dtype.newbyteorder("<"), copy=False)
