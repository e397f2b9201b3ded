"""Which reader a path needs, and which writer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from osteon.errors import ReadError, UsageError
from osteon.io.magic import Kind, kind_by_content
from osteon.volume import LabelMap, Volume

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
    try:
        return _read(path, kind_or_why_not(path), series)
    except OSError as error:
        raise not_opened(path, error) from error


def _read(path: Path, kind: Kind | None, series: str | None) -> Volume:
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
    suffix = suffix_of(path)
    if suffix not in WRITTEN:
        raise UsageError(f"{path.name} names no format that Osteon writes. Use one of {', '.join(WRITTEN)}.")
    array = _storable(volume)
    try:
        if SUFFIXES[suffix] == "nifti":
            from osteon.io.nifti import write_nifti

            write_nifti(volume, array, path)
        else:
            from osteon.io.itk import write_itk

            write_itk(volume, array, path)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written: {error.strerror or error}. Choose another place, or make room."
        ) from error
    except RuntimeError as error:  # of ITK, which does not say more
        raise UsageError(f"{path} cannot be written by ITK. Choose another place, or make room.") from error


def kind_of(path: Path) -> Kind | None:
    """Format of a file by its suffix, or by its first bytes where the suffix says nothing; None if it is no image."""
    known = SUFFIXES.get(suffix_of(path))
    return known or kind_by_content(path)


def suffix_of(path: Path) -> str:
    """Suffix in small letters; ``.nii.gz`` counts as one."""
    name = path.name.lower()
    return ".nii.gz" if name.endswith(".nii.gz") else path.suffix.lower()


def kind_or_why_not(path: Path, *, folder_of_scans: bool = False) -> Kind | None:
    """Kind of what the user named; None for a folder of scans, if such may be named here."""
    if not path.exists():
        raise ReadError(f"There is no file or folder {path}. Check the spelling.")
    if path.is_dir():
        entries = sorted(path.iterdir())
        if not entries:
            raise ReadError(f"The folder {path} is empty. Osteon reads {READABLE}.")
        if holds_dicom(path, below=not folder_of_scans):
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
    if kind is None and path.suffix.lower() == ".zip":
        raise ReadError(
            f"The archive {path} holds no DICOM file, at least not among its first ones. Unpack it, with the archives "
            f"that may be in it, and give the folder; Osteon reads {READABLE}."
        )
    if kind is None:
        raise ReadError(f"{path} is not an image that Osteon knows. It reads {READABLE}.")
    return kind


def not_opened(path: Path, error: OSError) -> ReadError:
    """The operating system's refusal as a sentence."""
    what = Path(str(error.filename)) if error.filename else path
    if isinstance(error, PermissionError):
        return ReadError(
            f"{what} may not be opened: permission denied. Ask its owner, or copy it where you may read it."
        )
    return ReadError(f"{what} cannot be opened: {error.strerror or error}. Check the disk, or copy it again.")


def smallest_unsigned(largest: int) -> type[np.unsignedinteger[Any]]:
    """Smallest unsigned integer type that holds a label value."""
    for kind in (np.uint8, np.uint16):
        if largest <= np.iinfo(kind).max:
            return kind
    return np.uint32


def holds_dicom(folder: Path, *, below: bool = False) -> bool:
    """Whether a folder holds a DICOM file, itself or (``below``) anywhere under it."""
    entries = folder.rglob("*") if below else folder.iterdir()
    return any(file.is_file() and kind_of(file) == "dicom" for file in entries)


def _storable(volume: Volume) -> NDArray[Any]:
    """The array in a type that files take: label maps small, truth values as bytes, half precision as single."""
    array = volume.array
    if isinstance(volume, LabelMap):
        return array.astype(smallest_unsigned(int(array.max(initial=0))), copy=False)
    if array.dtype.kind not in "buif" or array.dtype.itemsize > 8:
        raise UsageError(f"An array of {array.dtype} cannot be stored as an image. Convert it to real float32 first.")
    if array.dtype == np.bool_:
        return array.astype(np.uint8)
    if array.dtype == np.float16:
        return array.astype(np.float32)
    return array.astype(array.dtype.newbyteorder("<"), copy=False)
