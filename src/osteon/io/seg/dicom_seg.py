"""DICOM Segmentation Storage (PS3.3 A.51) by highdicom: one binary segment for each structure.

Nothing of the patient goes into the file: name, number and birth date are empty, also where the source has them.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.uid import MRImageStorage

from osteon.anatomy import Structure
from osteon.errors import TaskError, UsageError
from osteon.geometry import FloatArray
from osteon.io.seg.coding import CATEGORY, SIDES, Code, code_of
from osteon.io.seg.source import UIDS, slice_header, source_images, uid_of
from osteon.io.whole import written_whole
from osteon.io.world import LPS_TO_RAS
from osteon.volume import LabelMap

DATE = datetime.date(2000, 1, 1)
"""DICOM wants a date of content; a fixed one, so that the same labels give the same bytes."""


def write_dicom_seg(labels: LabelMap, path: Path, *, series: Path | None = None) -> None:
    """Write a label map as DICOM-SEG.

    Parameters
    ----------
    labels : LabelMap
    path : Path
    series : Path, optional
        DICOM folder of the scan. Then the segmentation joins its study and frame of reference, so that a viewer lays it
        over the scan: the study's and the images' UIDs are copied, and nothing else. Without it the file stands alone,
        with UIDs made from its content.

    Raises
    ------
    UsageError
        If highdicom is not installed.
    TaskError
        If nothing is labelled.
    GeometryError
        If the label map does not lie on the grid of the series.
    """
    try:
        import highdicom
    except ImportError as error:
        raise UsageError(
            "Writing DICOM-SEG needs the package highdicom, which is not installed. "
            "Install it with: pip install 'osteon[seg]'."
        ) from error
    present = [structure for structure in labels.task.structures if structure.value in labels.values()]
    if not present:
        raise TaskError(
            "The label map is empty, and a DICOM-SEG holds at least one structure. Check that it is the right file."
        )
    classes: dict[str, str] = {}
    sources = [_stand_in(labels)]
    if series is not None:
        labels, sources, classes = source_images(series, labels)
    numbers = np.zeros(max(s.value for s in present) + 1, dtype=np.uint8 if len(present) < 256 else np.uint16)
    for number, structure in enumerate(present, start=1):
        numbers[structure.value] = number
    array, affine = _slices_first(numbers[labels.array], labels.affine)
    identity = _Identity(labels)
    volume = highdicom.Volume(array, affine, "PATIENT", frame_of_reference_uid=sources[0].FrameOfReferenceUID)
    made = highdicom.seg.Segmentation(
        source_images=sources,
        pixel_array=volume,
        segmentation_type=highdicom.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[_description(number, s) for number, s in enumerate(present, start=1)],
        series_instance_uid=identity.uid("series"),
        series_number=100,
        sop_instance_uid=identity.uid("instance"),
        instance_number=1,
        manufacturer="Osteon",
        manufacturer_model_name="Osteon",
        software_versions=version("osteon"),
        device_serial_number="0",
        content_label="OSTEON",
        content_description=labels.task.title[:64],
        content_date=DATE,
        content_time=datetime.time(0, 0),
        series_description=f"Osteon {labels.task.name}"[:64],
    )
    if series is None:
        _forget_stand_in(made)
    for reference in _references(made):
        reference.ReferencedSOPClassUID = classes[reference.ReferencedSOPInstanceUID]
    _settle_uids(made, identity)
    with written_whole(path) as part:
        made.save_as(part, enforce_file_format=True)


class _Identity:
    """Unique identifiers from what is written: the same labels, the same UIDs."""

    def __init__(self, labels: LabelMap) -> None:
        digest = hashlib.sha256(np.ascontiguousarray(labels.array).tobytes())
        digest.update(labels.affine.tobytes() + labels.task.toml().encode())
        self._content = digest.hexdigest()

    def uid(self, what: str) -> str:
        return uid_of(self._content, what)


def _slices_first(array: NDArray[Any], affine: FloatArray) -> tuple[NDArray[Any], FloatArray]:
    """Array as (slice, row, column) with its affine to LPS; slices follow the normal of their plane."""
    lps = LPS_TO_RAS @ affine
    order = [2, 1, 0, 3]
    if np.linalg.det(lps[:3, :3]) < 0:
        lps = lps.copy()
        lps[:3, 3] += lps[:3, 2] * (array.shape[2] - 1)
        lps[:3, 2] *= -1
        array = array[:, :, ::-1]
    return np.ascontiguousarray(array.transpose(2, 1, 0)), lps[:, order]


def _description(number: int, structure: Structure) -> Any:
    import highdicom

    side = SIDES.get(structure.side)
    described = highdicom.seg.SegmentDescription(
        segment_number=number,
        segment_label=structure.name[:64],
        segmented_property_category=_concept(CATEGORY),
        segmented_property_type=_concept(code_of(structure)),
        algorithm_type=highdicom.seg.SegmentAlgorithmTypeValues.SEMIAUTOMATIC,  # by a model or a hand: not known here
        algorithm_identification=highdicom.AlgorithmIdentificationSequence(
            name="Osteon", version=version("osteon"), family=_concept(Code("123109", "DCM", "Manual Processing"))
        ),
        display_color=highdicom.color.CIELabColor.from_rgb(*(round(255 * part) for part in structure.rgb)),
    )
    if side is not None:
        described.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence = [_concept(side)]
    return described


def _concept(code: Code) -> Any:
    import highdicom

    return highdicom.sr.CodedConcept(code.value, code.scheme, code.meaning)


def _stand_in(labels: LabelMap) -> Dataset:
    """What highdicom asks of a source image, for a label map that has none."""
    identity = _Identity(labels)
    uids = {name: identity.uid(f"stand-in {name}") for name in UIDS[1:]}
    return slice_header(labels, 0, {"SOPClassUID": MRImageStorage} | uids)


def _forget_stand_in(made: Dataset) -> None:
    """A segmentation that stands alone names no images: those of the stand-in do not exist."""
    for data in (made, *made.get("PerFrameFunctionalGroupsSequence", []), *made.SharedFunctionalGroupsSequence):
        for name in ("ReferencedSeriesSequence", "SourceImageSequence", "DerivationImageSequence"):
            if name in data:
                delattr(data, name)


def _references(data: Dataset) -> Iterator[Dataset]:
    """Every item that names an image, however deep."""
    for element in data:
        if element.VR == "SQ":
            for item in element.value:
                if "ReferencedSOPInstanceUID" in item:
                    yield item
                yield from _references(item)


def _settle_uids(made: Dataset, identity: _Identity) -> None:
    """Highdicom draws the organization's UID and says when it wrote; the same labels have to give the same bytes."""
    organization = identity.uid("organization")
    for data in (*made.DimensionOrganizationSequence, *made.DimensionIndexSequence):
        data.DimensionOrganizationUID = organization
    for data in (made, *made.get("ContributingEquipmentSequence", [])):
        for name in ("InstanceCreationDate", "InstanceCreationTime", "ContributionDateTime"):
            if name in data:
                delattr(data, name)
