"""The working volume: a scan turned, resampled and normalised as a model wants it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from osteon.geometry import Grid
from osteon.preprocessing.in_plane import InPlane
from osteon.preprocessing.intensity import IntensityRange, Normalisation
from osteon.preprocessing.region import Box, body_region, everywhere
from osteon.volume import LabelMap, Volume

WORKING_ORIENTATION = {"sagittal": "RIP", "axial": "SPL", "coronal": "AIL"}
"""Axes of a working volume by plane: across slices, down the picture, along a row of the picture."""

SLAB_VOXELS = 8_000_000
"""Of the scan, normalised and resampled together: a few tens of MB for each array."""


class Preprocessing(BaseModel):
    """How a model wants its scans; kept in ``model.toml``.

    Parameters
    ----------
    plane : "sagittal", "axial" or "coronal"
        Slices the network sees.
    spacing_mm : (2,) tuple of float, optional
        In-plane voxel edges (row, column) to resample to; slices stay where they are. None leaves the scan's own;
        it is written ``"own"`` in TOML, which has no null.
    size : (3,) tuple of int, optional
        Resize to this many (rows, columns, slices) instead, whatever the spacing (256 x 128 x 32 is common for SPIDER).
    normalisation : "percentile", "min-max" or "z-score"
    channels : int
        Slices seen at once, odd.
    context_mm : float
        Distance at which neighbouring slices are taken.
    region : "body" or "none"
        Crop to the body before the network.
    scales : tuple of float
        Sizes of bodies against the usual: voxel edges and the distance of neighbours are this many times those above.
        With more than one, a scan is looked at in each, and the one in which the network is surest is used.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    plane: Literal["sagittal", "axial", "coronal"] = "sagittal"
    spacing_mm: tuple[float, float] | None = (1.0, 1.0)
    size: tuple[int, int, int] | None = None
    normalisation: Normalisation = "percentile"
    channels: int = Field(default=3, ge=1)
    context_mm: float = Field(default=4.0, gt=0)
    region: Literal["body", "none"] = "body"
    scales: tuple[Annotated[float, Field(gt=0.1, le=4)], ...] = Field(default=(1.0,), min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _own_spacing(cls, given: Any) -> Any:
        if isinstance(given, dict):
            # a size takes the place of the default spacing
            default = "own" if given.get("size") is not None else cls.model_fields["spacing_mm"].default
            spacing = given.get("spacing_mm", default)
            return given | {"spacing_mm": None if spacing == "own" else spacing}
        return given

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.channels % 2 == 0:
            raise ValueError("channels must be odd: a slice and as many neighbours on each side")
        if self.size is not None and self.spacing_mm is not None:
            raise ValueError("give either spacing_mm or size, not both")
        if self.scales != (1.0,) and self.spacing_mm is None:
            raise ValueError("scales need spacing_mm, which they multiply")
        return self

    def scaled(self, by: float) -> Preprocessing:
        """The same for a body ``by`` times as large, and for that size alone."""
        if self.spacing_mm is None:
            return self
        spacing_mm = (self.spacing_mm[0] * by, self.spacing_mm[1] * by)
        return self.model_copy(update={"spacing_mm": spacing_mm, "context_mm": self.context_mm * by, "scales": (1.0,)})


@dataclass(frozen=True, eq=False)
class TurnedScan:
    """A scan turned and cropped as a model wants it, still with its own voxels: a view, no copy.

    Parameters
    ----------
    volume : Volume
        Axes (slice, row, column) by `WORKING_ORIENTATION`.
    intensity : IntensityRange
        How its voxels become the network's; used on what is looked at, when it is.
    box : (3,) tuple of slice
        What was cropped to, of the turned scan.
    borders : (slice, 2, 2) int ndarray
        First and behind last row, and column, that hold body in each slice (`osteon.preprocessing.body_region`).
    """

    volume: Volume
    intensity: IntensityRange
    box: Box
    borders: NDArray[np.int_]

    def taken(self, indices: NDArray[np.int_]) -> TurnedScan:
        """Some of its slices, as a stack whose slices do not follow each other."""
        volume = Volume(self.volume.array[indices], self.volume.affine)
        return replace(self, volume=volume, borders=self.borders[indices])

    def normalised(self, slices: slice) -> Volume:
        """Some of its slices as the network wants their intensities, float32."""
        shape = self.volume.shape
        part = self.volume.cropped((slices, slice(0, shape[1]), slice(0, shape[2])))
        return replace(part, array=self.intensity.normalised(part.array))

    def view_of(self, volume: Volume) -> Volume:
        """Another volume on the scan's own grid, turned and cropped alike: a view of it."""
        return volume.reoriented(self.volume.orientation).cropped(self.box)

    def in_plane(self, grid: Grid) -> InPlane:
        """Its slices on a grid that differs within slices only (`working_grid`), any part of them alone."""
        return InPlane(self.volume.array, self.volume.grid, grid, self.intensity)


def working_volume(scan: Volume, how: Preprocessing) -> Volume:
    """Normalise, turn, crop to the body and resample a scan.

    Parameters
    ----------
    scan : Volume
        Any orientation.
    how : Preprocessing

    Returns
    -------
    Volume
        float32, axes (slice, row, column) by `WORKING_ORIENTATION`, with its own affine.
    """
    return resampled_in_plane(turned_scan(scan, how), how)


def turned_scan(scan: Volume, how: Preprocessing) -> TurnedScan:
    """The first half of `working_volume`: turned and cropped, and the range of its intensities."""
    turned = scan.reoriented(WORKING_ORIENTATION[how.plane])
    box, borders = body_region(turned) if how.region == "body" else everywhere(turned)
    turned = turned.cropped(box)
    return TurnedScan(turned, IntensityRange.of(turned.array, how.normalisation), box, borders)


def resampled_in_plane(turned: TurnedScan, how: Preprocessing) -> Volume:
    """The second half of `working_volume`, a few slices at a time: no second scan of floats is in memory."""
    whole = turned.volume.shape
    grid = working_grid(turned, how)
    if grid.shape[0] != whole[0]:  # slices are resampled, too
        return turned.normalised(slice(0, whole[0])).resampled(grid)
    if grid.matches(turned.volume.grid):
        return Volume(_normalised(turned), turned.volume.affine)
    pictures = turned.in_plane(grid)
    result = np.empty(grid.shape, dtype=np.float32)
    for number, picture in enumerate(result):
        picture[:] = pictures.picture(number, slice(0, grid.shape[1]), slice(0, grid.shape[2]))
    return Volume(result, grid.affine)


def _normalised(turned: TurnedScan) -> NDArray[np.float32]:
    shape = turned.volume.shape
    result = np.empty(shape, dtype=np.float32)
    thick = max(1, SLAB_VOXELS // (shape[1] * shape[2]))
    for start in range(0, shape[0], thick):
        slab = slice(start, min(start + thick, shape[0]))
        result[slab] = turned.normalised(slab).array
    return result


def working_labels(labels: LabelMap, on: Volume) -> LabelMap:
    """Labels on the grid of a working volume."""
    turned = labels.reoriented(on.orientation)
    return turned if turned.grid.matches(on.grid) else turned.resampled(on.grid)


def working_grid(turned: TurnedScan, how: Preprocessing) -> Grid:
    """Grid of the working volume that `resampled_in_plane` would make."""
    grid = turned.volume.grid
    if how.size is not None:
        rows, columns, slices = how.size
        return grid.with_shape((slices, rows, columns))
    if how.spacing_mm is None:
        return grid
    across = grid.spacing_mm[0]
    return grid.with_spacing((across, how.spacing_mm[0], how.spacing_mm[1]))
