"""NIfTI files. The format's world is RAS+ mm already (Cox et al. 2004, nifti1.h; array axes as in nibabel)."""

from __future__ import annotations

import gzip
import io
import math
import warnings
import zlib
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, BinaryIO

import nibabel
import numpy as np
from nibabel.spatialimages import HeaderDataError, ImageDataError
from numpy.typing import NDArray

from osteon.errors import OsteonError, ReadError
from osteon.geometry import FloatArray, Grid
from osteon.io.checks import check_shape, checked_volume, refuse_odd_voxels
from osteon.io.whole import written_whole
from osteon.volume import NiftiGeometry, Volume

GZIP = b"\x1f\x8b"

MOST_DEFLATED = 1032
"""Bytes that one byte of deflate unpacks to, at most (zlib's technical details)."""

MOST_BEYOND = 64 * 2**20
"""Bytes that may follow the voxels; more is no scan but a trap."""

LONGEST_HEADER = 544
"""Of NIfTI-2, with the four bytes after it."""

PIECE = 2**20
"""Voxels that are scaled, or bytes that are unpacked, at once."""

GEOMETRY_FIELDS = (
    "pixdim",
    *(f"quatern_{axis}" for axis in "bcd"),
    *(f"qoffset_{axis}" for axis in "xyz"),
    *(f"srow_{axis}" for axis in "xyz"),
    "xyzt_units",
)

COMPRESSION_LEVEL = 1
"""Of gzip: a label map of 500 x 256 x 256 is written in 0.2 s; level 9 takes seconds to save a tenth."""


def read_nifti(path: Path) -> Volume:
    """Read ``.nii`` or ``.nii.gz`` (recognised by content), NIfTI-1 or NIfTI-2, either byte order.

    Returns
    -------
    Volume
        Stored integers where the header scales nothing, float32 otherwise. The header's geometry fields are kept in
        ``nifti_geometry``.

    Raises
    ------
    ReadError
        If the file is no NIfTI, cut short or damaged, or not one 3-D scan of finite real numbers.
    GeometryError
        If its affine is impossible.

    Warns
    -----
    UserWarning
        If the header does not say how the scan lies in the world, or says it twice in two ways.
    """
    raw = _unpacked(path)
    header = _header(raw, path)
    shape = check_shape(header.get_data_shape(), path)
    affine = _affine(header, path)
    array = _array(raw, header, path).reshape(shape, order="F")  # the first axis runs fastest, as in the file
    return checked_volume(array, affine, path, _geometry(header))


def write_nifti(volume: Volume, array: NDArray[Any], path: Path) -> None:
    """Write ``array`` on a volume's grid, with the volume's NIfTI geometry byte for byte where it has one.

    The same input gives the same bytes: no time stamp is stored, also not by gzip.
    """
    header = _header_for(volume, array)
    with written_whole(path) as part, part.open("wb") as file, _packed(file, path) as out:
        out.write(header.binaryblock + b"\0\0\0\0")  # four zeros: no header extension follows
        for k in range(array.shape[2]):  # slice by slice, so that no second volume is in memory
            out.write(array[:, :, k].tobytes(order="F"))


def _packed(file: BinaryIO, path: Path) -> AbstractContextManager[Any]:
    """What is written through goes into the file, gzipped if its name says so."""
    if path.suffix != ".gz":
        return nullcontext(file)
    return gzip.GzipFile("", "wb", COMPRESSION_LEVEL, file, mtime=0)


def _unpacked(path: Path) -> bytearray:
    """The file without gzip, never more of it than its header promises, however much a stream would unpack to."""
    size = path.stat().st_size
    with path.open("rb") as file:
        packed = file.read(len(GZIP)) == GZIP
        file.seek(0)
        if not packed:
            raw = bytearray(size)  # the voxels stay where they are read to, so it is to be writable
            del raw[file.readinto(raw) :]
            return raw
    try:
        with gzip.open(path) as stream:
            return _gunzipped(stream, size, path)
    except EOFError as error:
        raise ReadError(f"{path} is cut short: its gzip stream ends too early. Copy or download it again.") from error
    except (OSError, zlib.error) as error:
        raise ReadError(f"{path} is damaged: its gzip stream cannot be read. Copy or download it again.") from error


def _gunzipped(stream: gzip.GzipFile, packed_bytes: int, path: Path) -> bytearray:
    start = stream.read(LONGEST_HEADER)
    wanted = _promised_bytes(start)
    if wanted > MOST_DEFLATED * packed_bytes:
        raise ReadError(
            f"{path} is cut short: its header promises {wanted} bytes of voxels, more than {packed_bytes} bytes of "
            "gzip can hold. Copy or download it again."
        )
    data = bytearray(max(wanted, len(start)))
    data[: len(start)] = start
    view, at = memoryview(data), len(start)
    while read := stream.readinto(view[at : at + PIECE]):  # GzipFile makes a copy of what it is asked for at once
        at += read
    view.release()
    del data[at:]
    # to its end, where gzip's own checksum stands
    beyond = 0
    while more := stream.read(2**20):
        beyond += len(more)
        if beyond > MOST_BEYOND:
            raise ReadError(
                f"{path} unpacks to far more than the {wanted} bytes that its header promises. Export the scan again."
            )
    return data


def _promised_bytes(start: bytes) -> int:
    """Where the voxels end, by a header; 0 where it cannot be made out, which is said later."""
    try:
        header = _header(start, Path())
        dtype, offset = header.get_data_dtype(), float(header["vox_offset"])
    except OsteonError:
        return 0
    shape = header.get_data_shape()
    if not 0 <= offset < 2**31 or min(shape, default=0) < 0:
        return 0
    return int(offset) + math.prod(int(n) for n in shape) * int(dtype.itemsize)


def _header(raw: bytes | bytearray, path: Path) -> Any:
    if raw[4:8] == b"n+2\0":
        kind = nibabel.Nifti2Header
    elif raw[344:348] == b"n+1\0":
        kind = nibabel.Nifti1Header
    else:
        raise ReadError(
            f"{path} is not a NIfTI image: the mark n+1 or n+2 is missing from its header (the file "
            f"holds {len(raw)} bytes). Check that it is the right file, or save it again as .nii.gz."
        )
    if len(raw) < kind.template_dtype.itemsize:
        raise ReadError(f"{path} is cut short: it ends inside its NIfTI header. Copy or download it again.")
    try:
        header = kind.from_fileobj(io.BytesIO(raw[:LONGEST_HEADER]), check=False)
        header.get_data_shape(), header.get_data_dtype()
    except (HeaderDataError, ValueError, KeyError) as error:
        raise ReadError(f"{path} has a damaged NIfTI header. Export the scan again.") from error
    return header


def _array(raw: bytearray, header: Any, path: Path) -> NDArray[Any]:
    """The voxels as stored, or as float32 where the header scales them."""
    dtype = header.get_data_dtype()
    refuse_odd_voxels(dtype, path)
    wanted = math.prod(int(n) for n in header.get_data_shape()) * dtype.itemsize
    start = int(np.nan_to_num(header["vox_offset"], nan=-1, posinf=-1))
    if start < header.template_dtype.itemsize:
        raise ReadError(
            f"{path} has a damaged NIfTI header: it puts the voxels at byte {start}. Export the scan again."
        )
    found = max(0, len(raw) - start)
    if found < wanted:
        raise ReadError(
            f"{path} is cut short: it holds {found} bytes of voxels where its header promises {wanted}. "
            "Copy or download it again."
        )
    array = np.frombuffer(raw, dtype=dtype, count=wanted // dtype.itemsize, offset=start)
    try:
        slope, intercept = header.get_slope_inter()
    except (HeaderDataError, ImageDataError) as error:
        raise ReadError(f"{path} scales its values by a number that is not finite. Export the scan again.") from error
    if slope is None or (slope == 1 and intercept == 0):
        return array
    scaled = np.empty(array.shape, dtype=np.float32)
    for at in range(0, len(array), PIECE):
        # in double precision first, so that whole numbers stay whole; piece by piece, as that takes four times the room
        piece = array[at : at + PIECE]
        scaled[at : at + PIECE] = piece * float(slope) + float(intercept)
    return scaled


def _affine(header: Any, path: Path) -> FloatArray:
    """Of the sform, else of the qform, as nibabel chooses."""
    unit = int(header["xyzt_units"]) & 0x07
    if unit in (1, 3):
        raise ReadError(
            f"{path} says that its lengths are in {'metres' if unit == 1 else 'micrometres'}; a scan's are in mm. "
            "Save it again with mm as the unit."
        )
    codes = int(header["qform_code"]), int(header["sform_code"])
    edges = np.asarray(header["pixdim"][1:4], dtype=np.float64)
    if codes[1] <= 0 and not (edges > 0).all():
        raise ReadError(
            f"{path} gives the voxel size ({', '.join(f'{e:.2f}' for e in edges)}) mm; every edge must be longer "
            "than zero. The header is damaged: export the scan again."
        )
    try:
        affine = np.asarray(header.get_best_affine(), dtype=np.float64)
        qform = header.get_qform() if codes[0] > 0 and codes[1] > 0 and (edges > 0).all() else affine
    except (HeaderDataError, ValueError) as error:
        raise ReadError(f"{path} has a qform that is no rotation. The header is damaged: export it again.") from error
    if max(codes) <= 0:
        warnings.warn(
            f"{path} does not say how it lies in the body (qform and sform code are both 0). It is read as the format "
            "assumes then, with the first axis running to the patient's left: check the sides.",
            stacklevel=5,
        )
    elif np.isfinite(affine).all() and codes[0] == codes[1]:
        _warn_if_apart(affine, qform, header.get_data_shape(), path)
    return affine


def _warn_if_apart(affine: FloatArray, qform: FloatArray, shape: tuple[int, ...], path: Path) -> None:
    grid, other = (Grid((shape[0], shape[1], shape[2]), a) for a in (affine, qform))
    if not grid.matches(other):
        warnings.warn(
            f"{path} gives its place twice, and its sform and qform are {grid.distance_mm(other):.2f} mm apart. "
            "The sform is used: check the sides and the place against the scanner's images.",
            stacklevel=6,
        )


def _geometry(header: Any) -> NiftiGeometry:
    """The fields as little-endian NIfTI-1, which is what is written."""
    stored = nibabel.Nifti1Header(endianness="<", check=False)
    for name in (*GEOMETRY_FIELDS, "qform_code", "sform_code"):
        stored[name] = header[name]
    fields = tuple((name, stored[name].tobytes()) for name in GEOMETRY_FIELDS)
    return NiftiGeometry(int(header["qform_code"]), int(header["sform_code"]), fields)


def _header_for(volume: Volume, array: NDArray[Any]) -> Any:
    header = nibabel.Nifti1Header(endianness="<")
    header.set_data_dtype(array.dtype)
    header.set_data_shape(array.shape)
    header["vox_offset"] = 352
    header["scl_slope"], header["scl_inter"] = 1, 0
    kept = volume.nifti_geometry
    if kept is not None:
        for name, value in kept.fields:
            header[name] = np.frombuffer(value, dtype=header[name].dtype).reshape(header[name].shape)
        header["qform_code"], header["sform_code"] = kept.qform_code, kept.sform_code
        if volume.grid.matches(Grid(volume.shape, np.asarray(header.get_best_affine(), dtype=np.float64))):
            return header
    # the affine is the truth where the kept fields belong to another grid, or there are none
    header.set_qform(volume.affine, code=1)
    header.set_sform(volume.affine, code=1)
    header.set_xyzt_units("mm")
    return header
