"""MetaImage (.mha, .mhd) and NRRD (.nrrd, .nhdr) through SimpleITK. ITK's world is LPS mm; it ends in this file."""

from __future__ import annotations

import math
import tempfile
import warnings
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk  # noqa: N813 (its own documentation calls it so)
from numpy.typing import NDArray

from osteon.errors import ReadError
from osteon.geometry import FloatArray, spacing_mm
from osteon.io.checks import check_shape, checked_volume
from osteon.io.itk_header import checked_header
from osteon.io.whole import written_whole
from osteon.io.world import LPS_TO_RAS
from osteon.volume import Volume

BYTES = defaultdict(
    lambda: 1,
    {
        sitk.sitkInt16: 2,
        sitk.sitkUInt16: 2,
        sitk.sitkInt32: 4,
        sitk.sitkUInt32: 4,
        sitk.sitkFloat32: 4,
        sitk.sitkInt64: 8,
        sitk.sitkUInt64: 8,
        sitk.sitkFloat64: 8,
    },
)
"""Of a voxel."""


def read_itk(path: Path) -> Volume:
    """Read a MetaImage or NRRD file.

    Raises
    ------
    ReadError
        If the file is damaged, or not one 3-D scan of finite real numbers.
    GeometryError
        If its affine is impossible.

    Warns
    -----
    UserWarning
        If the header does not name its world (NRRD) or gives no voxel size (MetaImage).
    """
    header = checked_header(path)
    reader = sitk.ImageFileReader()
    reader.SetImageIO("NrrdImageIO" if header.nrrd else "MetaImageIO")  # none of ITK's other thirty formats
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
        check_shape(tuple(reader.GetSize()), path)
        _refuse_vectors(reader, path)
        header.refuse_empty_promise(math.prod(reader.GetSize()) * BYTES[reader.GetPixelID()])
        image = reader.Execute()
    except RuntimeError as error:
        raise _why_not(path, error) from error
    _warn_if_unplaced(image, path)
    shape = check_shape(tuple(image.GetSize()), path)
    array = sitk.GetArrayFromImage(image).T.reshape(shape, order="F")  # (k, j, i) -> (i, j, k), no copy
    return checked_volume(array, affine_of(image), path)


def write_itk(volume: Volume, array: NDArray[Any], path: Path) -> None:
    """Write ``array`` on a volume's grid as ``.mha``, ``.mhd`` (with its ``.zraw``) or ``.nrrd``, compressed."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(array.T))  # (i, j, k) -> (k, j, i)
    lps = LPS_TO_RAS @ volume.affine
    edges = spacing_mm(lps)
    image.SetSpacing(edges.tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    image.SetDirection((lps[:3, :3] / edges).ravel().tolist())
    if path.suffix.lower() != ".mhd":
        with written_whole(path) as part:
            sitk.WriteImage(image, str(part), useCompression=True, compressionLevel=1)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".part-", dir=path.parent) as folder:
        part = Path(folder) / path.name  # the header names its data file, so the name must be the final one
        sitk.WriteImage(image, str(part), useCompression=True, compressionLevel=1)
        for name in (path.with_suffix(".zraw").name, path.name):  # the header last: without it there is no image
            (Path(folder) / name).replace(path.parent / name)


def affine_of(image: Any) -> FloatArray:
    """Affine to RAS+ mm of a 3-D SimpleITK image (or one with a fourth axis of length one)."""
    n = image.GetDimension()
    affine = np.eye(4)
    direction = np.array(image.GetDirection()).reshape(n, n)[:3, :3]
    affine[:3, :3] = direction * np.array(image.GetSpacing())[:3]
    affine[:3, 3] = image.GetOrigin()[:3]
    return np.asarray(LPS_TO_RAS @ affine, dtype=np.float64)


def _refuse_vectors(reader: Any, path: Path) -> None:
    components = reader.GetNumberOfComponents()
    complex_numbers = reader.GetPixelID() in (sitk.sitkComplexFloat32, sitk.sitkComplexFloat64)
    if components > 1 or complex_numbers:
        raise ReadError(
            f"{path} holds {components} numbers a voxel (colour, complex or vectors); a scan has one grey value. "
            "Export the grey (magnitude) images."
        )


def _why_not(path: Path, error: RuntimeError) -> ReadError:
    """ITK's long message in one sentence."""
    text = str(error)
    if "Zero-valued spacing" in text:
        return ReadError(
            f"{path} gives a voxel edge of length zero; every edge must be longer than zero mm. "
            "The header is damaged: export the scan again."
        )
    if "determinant is 0" in text:
        return ReadError(f"{path} gives two axes the same direction. The header is damaged: export the scan again.")
    return ReadError(
        f"{path} cannot be read as {path.suffix.lstrip('.').upper()}: its header is damaged, or its data file "
        "is missing or cut short. Copy or export it again."
    )


def _warn_if_unplaced(image: Any, path: Path) -> None:
    if path.suffix.lower() in (".nrrd", ".nhdr"):
        if "NRRD_space" not in image.GetMetaDataKeys():
            warnings.warn(
                f"{path} does not name its world (the NRRD field 'space' is missing). It is read as "
                "left-posterior-superior, as ITK does: check the sides and the voxel size.",
                stacklevel=5,
            )
    elif not any(word in path.read_bytes()[:4096] for word in (b"ElementSpacing", b"ElementSize")):
        warnings.warn(
            f"{path} gives no voxel size (ElementSpacing is missing); 1 mm is assumed. Check lengths and volumes.",
            stacklevel=5,
        )
