"""What is measured of one case before anything is judged."""

from __future__ import annotations

import base64

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from scipy import ndimage

from osteon.cohort.alignment import alignment
from osteon.cohort.manifest import Case, Cohort
from osteon.cohort.preparing import is_without_geometry
from osteon.errors import OsteonError
from osteon.preprocessing.body_outline import body_outline
from osteon.volume import LabelMap, Volume

FACTS_VERSION = 3
"""Raised when what is measured changes, so that facts kept from an earlier check are measured again."""

COARSE_MM = 4.0
"""Distance of the voxels by which it is judged whether a mask lies in the body."""

THUMBNAIL = 12
"""Voxels along each edge of the small copy by which two scans are compared."""


class StructureFacts(BaseModel):
    """One structure of a case.

    Parameters
    ----------
    name : str
    volume_cm3, length_mm : float
        Length of the longest edge of its box in the world.
    centroid_mm : (3,) tuple of float
        RAS mm.
    cut : bool
        Whether it touches the border of the scan, and may go on beyond it.
    outside_share : float
        Of its voxels, outside the body's outline.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    volume_cm3: float
    length_mm: float
    centroid_mm: tuple[float, float, float]
    cut: bool
    outside_share: float


class CaseFacts(BaseModel):
    """What is measured of one case.

    Parameters
    ----------
    signature : str
        Of the files that were measured.
    problem : str
        Why the case cannot be read; empty if it can.
    shape, spacing_mm, orientation
        Of the scan.
    size_mm : (3,) tuple of float
        Extent in the world, left-right, back-front, foot-head.
    without_geometry : bool
        Whether the header gives neither voxel size nor place.
    lowest, usual, highest : float
        Intensities: 1st, 50th and 99th percentile.
    clipped_share : float
        Of voxels, with the very highest intensity.
    grey_values : int
        Different intensities, counted up to 1000.
    structures : tuple of StructureFacts
    shift_mm, shift_gain
        By which the mask would fit the image better, as `osteon.cohort.alignment` has it.
    thumbnail : str
        Small copy of the scan, in the axes of the body, base64.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    signature: str
    problem: str = ""
    shape: tuple[int, int, int] = (0, 0, 0)
    spacing_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    orientation: str = ""
    size_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    without_geometry: bool = False
    lowest: float = 0.0
    usual: float = 0.0
    highest: float = 0.0
    clipped_share: float = 0.0
    grey_values: int = 0
    structures: tuple[StructureFacts, ...] = ()
    shift_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    shift_gain: float = 1.0
    thumbnail: str = ""

    def small(self) -> NDArray[np.uint8]:
        """The small copy, flat."""
        return np.frombuffer(base64.b64decode(self.thumbnail), dtype=np.uint8)


def signature(cohort: Cohort, case: Case) -> str:
    """Of a case's files, by size and time, and of what is measured."""
    stamps = [(cohort.folder / file).stat() for file in (case.image, case.labels)]
    return ":".join(str(part) for s in stamps for part in (s.st_size, s.st_mtime_ns)) + f":{FACTS_VERSION}"


def facts_of(cohort: Cohort, case: Case) -> CaseFacts:
    """Read and measure one case; what cannot be read becomes a problem and no error."""
    key = signature(cohort, case)
    try:
        scan, labels = cohort.scan(case), cohort.labels(case)
        scan.grid.require_match(labels.grid, "the scan", "the label map")
    except OsteonError as error:
        return CaseFacts(signature=key, problem=str(error))
    sample = scan.thinned(2.0).array
    low, middle, high = (float(p) for p in np.percentile(sample, (1, 50, 99)))
    shift = alignment(scan, labels)
    return CaseFacts(
        signature=key,
        shape=scan.shape,
        spacing_mm=scan.spacing_mm,
        orientation=scan.orientation,
        size_mm=_size(scan),
        without_geometry=is_without_geometry(scan),
        lowest=low,
        usual=middle,
        highest=high,
        clipped_share=float(np.mean(sample == sample.max())),
        grey_values=min(1000, len(np.unique(sample))),
        structures=_structures(scan, labels),
        shift_mm=shift.shift_mm,
        shift_gain=shift.gain,
        thumbnail=base64.b64encode(_thumbnail(scan).tobytes()).decode("ascii"),
    )


def _size(scan: Volume) -> tuple[float, float, float]:
    turned = scan.reoriented("RAS")  # a view
    x, y, z = (n * s for n, s in zip(turned.shape, turned.spacing_mm, strict=True))
    return x, y, z


def _structures(scan: Volume, labels: LabelMap) -> tuple[StructureFacts, ...]:
    body, small = body_outline(scan.thinned(COARSE_MM).array), labels.thinned(COARSE_MM).array
    found = []
    for value, box in enumerate(ndimage.find_objects(labels.array.astype(np.int32)), start=1):
        if box is None:
            continue
        mask = labels.array[box] == value
        start = np.array([s.start for s in box])
        centre = labels.world_mm((np.array(ndimage.center_of_mass(mask)) + start)[None])[0]
        inside = small == value
        found.append(
            StructureFacts(
                name=labels.task.by_value(value).name,
                volume_cm3=float(np.count_nonzero(mask)) * labels.voxel_volume_mm3 / 1000,
                length_mm=float(max(n * s for n, s in zip(mask.shape, labels.spacing_mm, strict=True))),
                centroid_mm=(float(centre[0]), float(centre[1]), float(centre[2])),
                cut=any(s.start == 0 or s.stop == n for s, n in zip(box, labels.shape, strict=True)),
                outside_share=float(np.mean(~body[inside])) if inside.any() else 0.0,
            )
        )
    return tuple(found)


def _thumbnail(scan: Volume) -> NDArray[np.uint8]:
    """Means of boxes of the scan in RAS axes, from the darkest to the brightest as 0 to 255."""
    array = scan.reoriented("RAS").array
    small = array.astype(np.float32)
    for axis in range(3):
        # of an axis shorter than the copy, voxels are repeated
        starts = np.minimum(np.arange(THUMBNAIL) * array.shape[axis] // THUMBNAIL, array.shape[axis] - 1)
        counts = np.diff(np.append(starts, array.shape[axis]))
        small = np.add.reduceat(small, starts, axis=axis)
        shape = [1, 1, 1]
        shape[axis] = THUMBNAIL
        small /= np.maximum(counts, 1).reshape(shape).astype(np.float32)
    span = float(small.max() - small.min()) or 1.0
    return np.asarray((small - small.min()) * (255 / span), dtype=np.uint8)
