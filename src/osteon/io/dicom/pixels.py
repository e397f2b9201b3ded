"""Pixels of DICOM frames, decoded and scaled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.pixels import pixel_array
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from osteon.errors import ReadError
from osteon.io.dicom.frames import Frame
from osteon.io.dicom.sources import Source


def pixels_of(frames: Sequence[Frame]) -> NDArray[Any]:
    """Voxels of frames in their order.

    Returns
    -------
    (i, j, k) ndarray
        Column, row, frame, the column running fastest in memory, as in the files: a plain slice is read from the disk
        to its place without a copy. Stored integers where no frame is scaled, float32 otherwise.

    Raises
    ------
    ReadError
        If pixels are missing, cut short, or compressed in a way that cannot be decoded.
    """
    rows, columns = frames[0].size
    scaled = any((frame.slope, frame.intercept) != (1.0, 0.0) for frame in frames)
    stored = np.result_type(*{frame.stored.dtype for frame in frames})
    volume = np.empty((columns, rows, len(frames)), dtype=np.float32 if scaled else stored, order="F")
    plain = np.empty((rows, columns), dtype=frames[0].stored.dtype)
    decoder = _Decoder()
    for k, frame in enumerate(frames):
        slice_ = volume[:, :, k].T  # (row, column), contiguous
        if frame.stored.begin is None:
            pixels = decoder.frame(frame)
        elif not scaled and slice_.dtype == frame.stored.dtype:
            _read_plain(frame, slice_)
            continue
        else:
            if plain.dtype != frame.stored.dtype:
                plain = np.empty((rows, columns), dtype=frame.stored.dtype)
            _read_plain(frame, plain)
            pixels = plain
        # scaled in double precision, as the standard's decimal strings are
        slice_[...] = pixels * frame.slope + frame.intercept if scaled else pixels
    return volume


def _read_plain(frame: Frame, into: NDArray[Any]) -> None:
    """Pixels that are stored as they are, straight into an array ``(row, column)``."""
    with frame.source.open() as file:
        file.seek((frame.stored.begin or 0) + frame.index * into.nbytes)
        if _filled(file, into.data.cast("B")) < into.nbytes:
            raise cut_short(frame)
    if frame.stored.unused_bits:  # to the top and back: extends the sign, and drops overlays from the upper bits
        np.left_shift(into, frame.stored.unused_bits, out=into)
        np.right_shift(into, frame.stored.unused_bits, out=into)


def _filled(file: BinaryIO, into: memoryview) -> int:
    """Read until full or the end; returns how many bytes."""
    done = 0
    while done < len(into):
        count = file.readinto(into[done:])  # type: ignore[attr-defined]  # of io.BufferedIOBase, which all of ours are
        if not count:
            break
        done += count
    return done


def cut_short(frame: Frame) -> ReadError:
    """Refusal of a slice whose pixels end too early."""
    return ReadError(
        f"{frame.source} is cut short and cannot be decoded: its pixels end before the {frame.size[1]} x "
        f"{frame.size[0]} that its header promises. Copy or export it again."
    )


class _Decoder:
    """Decodes frames by pydicom; keeps the file of the last one open, because many frames may lie in it."""

    def __init__(self) -> None:
        self.source: Source | None = None
        self.dataset: Any = None

    def frame(self, frame: Frame) -> NDArray[Any]:
        """Pixels ``(row, column)``."""
        if frame.source is not self.source:
            self.source, self.dataset = frame.source, _loaded(frame)
        try:
            return np.asarray(pixel_array(self.dataset, index=frame.index)).reshape(frame.size)
        except Exception as error:  # of a damaged stream: whatever the decoders stumble over
            syntax = self.dataset.file_meta.TransferSyntaxUID.name
            raise ReadError(
                f"{frame.source} has pixels that cannot be decoded ({syntax}): the file is cut short, damaged, or "
                "compressed in a way that is not supported. Copy it again, or export the series uncompressed."
            ) from error


def _loaded(frame: Frame) -> Any:
    try:
        with frame.source.open() as file:
            dataset = pydicom.dcmread(file, force=True)
    except Exception as error:  # of an element that claims gigabytes, or whatever else the parser stumbles over
        raise ReadError(
            f"{frame.source} is damaged and cannot be read to its pixels. Copy or export it again."
        ) from error
    if not any(name in dataset for name in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        raise ReadError(f"{frame.source} has a header but no pixels. Copy or export it again.")
    if "TransferSyntaxUID" not in dataset.file_meta:  # a file without a preamble is uncompressed
        implicit, _ = dataset.original_encoding
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    return dataset
