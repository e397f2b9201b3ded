"""Volume: a 3-D array that never travels without its affine. LabelMap: a Volume of integers with its Task."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from osteon import geometry
from osteon.boxes import Box, boxes_of, held_box
from osteon.errors import GeometryError, TaskError
from osteon.geometry import FloatArray, Grid

if TYPE_CHECKING:
    from osteon.anatomy import Task


@dataclass(frozen=True)
class NiftiGeometry:
    """The geometry fields of a NIfTI header as they stood in the file, to be written back byte for byte.

    Parameters
    ----------
    qform_code, sform_code : int
        What the two affines refer to (0 unknown, 1 scanner, 2 aligned, 3 Talairach, 4 MNI).
    fields : tuple of (name, bytes)
        Raw ``pixdim``, ``quatern_*``, ``qoffset_*``, ``srow_*`` and ``xyzt_units``.
    """

    qform_code: int
    sform_code: int
    fields: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, eq=False)
class Volume:
    """A scan: array, affine, and the NIfTI geometry it came with.

    Parameters
    ----------
    array : (i, j, k) ndarray
        Axes as nibabel gives them.
    affine : (4, 4) ndarray
        Array index to RAS+ mm.
    nifti_geometry : NiftiGeometry, optional
        Kept while the grid is the input's own, so that what is written on it has its bytes of geometry.

    Raises
    ------
    GeometryError
        If the array is not 3-D or the affine is impossible.
    """

    array: NDArray[Any]
    affine: FloatArray
    nifti_geometry: NiftiGeometry | None = None

    def __post_init__(self) -> None:
        if self.array.ndim != 3:
            raise GeometryError(f"A volume has three axes; this array has {self.array.ndim} {self.array.shape}.")
        object.__setattr__(self, "affine", np.asarray(self.affine, dtype=np.float64))
        geometry.check_affine(self.affine, "This volume")

    def __repr__(self) -> str:
        size = self.array.nbytes / 2**20
        return (
            f"{type(self).__name__}(shape: {self.shape}; "
            f"spacing: ({', '.join(f'{s:.2f}' for s in self.spacing_mm)}) mm; orientation: {self.orientation}+; "
            f"dtype: {self.array.dtype}; memory: {size:.1f} MiB{self._repr_extra()})"
        )

    def _repr_extra(self) -> str:
        return f"; values: {self.array.min():g} to {self.array.max():g}" if self.array.size else ""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of voxels along i, j, k."""
        i, j, k = self.array.shape
        return i, j, k

    @property
    def grid(self) -> Grid:
        """Shape and affine."""
        return Grid(self.shape, self.affine)

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Voxel edge lengths in mm."""
        return self.grid.spacing_mm

    @property
    def orientation(self) -> str:
        """Three letters that say where i, j, k run to, such as ``"PIR"``."""
        return geometry.orientation(self.affine)

    @property
    def voxel_volume_mm3(self) -> float:
        """Volume of one voxel in mm3, from the affine."""
        return geometry.voxel_volume_mm3(self.affine)

    def world_mm(self, index: NDArray[np.number[Any]]) -> FloatArray:
        """World positions (RAS mm) of ``(n, 3)`` array indices."""
        return geometry.transform_points(self.affine, index)

    def index(self, world_mm: NDArray[np.number[Any]]) -> FloatArray:
        """Fractional array indices of ``(n, 3)`` world positions (RAS mm)."""
        return geometry.transform_points(geometry.inverse(self.affine), world_mm)

    def with_array(self, array: NDArray[Any]) -> Volume:
        """Another array on the same grid, with the same NIfTI geometry."""
        if array.shape != self.shape:
            raise GeometryError(f"An array of shape {array.shape} does not fit a grid of shape {self.shape}.")
        return Volume(array, self.affine, self.nifti_geometry)

    def reoriented(self, codes: str) -> Self:
        """Axes permuted and flipped to run closest to ``codes`` (such as ``"RAS"``); no interpolation."""
        if self.orientation == codes:
            return self
        array, affine = geometry.reorient(self.array, self.affine, codes)
        return replace(self, array=array, affine=affine, nifti_geometry=None)

    def cropped(self, box: tuple[slice, slice, slice]) -> Self:
        """A box of voxels (slices with explicit starts and stops); world positions stay."""
        return replace(self, array=self.array[box], affine=self.grid.cropped(box).affine, nifti_geometry=None)

    def thinned(self, spacing_mm: float) -> Self:
        """Every n-th voxel along each axis (a view): about ``spacing_mm`` apart, or as far as they are."""
        i, j, k = (max(1, round(spacing_mm / edge)) for edge in self.spacing_mm)
        affine = self.affine @ np.diag([i, j, k, 1.0])
        return replace(self, array=self.array[::i, ::j, ::k], affine=affine, nifti_geometry=None)

    def resampled(self, grid: Grid) -> Self:
        """Interpolated onto another grid: linear for images, label by label for label maps."""
        array = geometry.resample_linear(self.array, self.affine, grid)
        return replace(self, array=array, affine=grid.affine, nifti_geometry=None)


@dataclass(frozen=True, eq=False, repr=False)
class LabelMap(Volume):
    """Integers with the task that gives them meaning. 0 is background.

    Parameters
    ----------
    task : Task
        Every value in the array belongs to one of its structures.

    Raises
    ------
    TaskError
        If the array is not of integers or holds a value that the task does not know.
    """

    task: Task = field(kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not np.issubdtype(self.array.dtype, np.integer):
            raise TaskError(f"A label map holds integers; this array holds {self.array.dtype}.")
        unknown = sorted(set(self.values()) - {s.value for s in self.task.structures})
        if unknown:
            raise TaskError(
                f"Label values {unknown} do not belong to the task {self.task.name}, which knows "
                f"{[s.value for s in self.task.structures]}. Map them first, or choose the task they belong to."
            )

    def _repr_extra(self) -> str:
        names = [self.task.by_value(v).name for v in self.values()]
        return f"; task: {self.task.name}; structures: {', '.join(names) or 'none'}"

    @cached_property
    def held(self) -> Box | None:
        """Smallest box that holds all that is labelled; None where nothing is."""
        return held_box(self.array)

    @cached_property
    def boxes(self) -> dict[int, Box]:
        """Box of each label value that is there, found once: whoever looks at a structure looks only there."""
        return {} if self.held is None else boxes_of(self.array, self.held)

    @cached_property
    def _values(self) -> tuple[int, ...]:
        if self.held is None:
            return ()
        flat = self.array[self.held].ravel(order="K")
        whole = flat.size // 8 * 8
        words = flat[:whole].view(np.uint64)  # most voxels are background: eight bytes at a time, and none of it sorted
        labelled = np.concatenate([words[words != 0].view(flat.dtype), flat[whole:]])
        return tuple(int(v) for v in np.unique(labelled) if v != 0)

    def values(self) -> list[int]:
        """Label values present, without background."""
        return list(self._values)

    def mask(self, name: str) -> NDArray[np.bool_]:
        """Voxels of one structure, or of all structures of a group (their ``parent``)."""
        values = [s.value for s in self.task.structures if name in (s.name, s.parent)]
        if not values:
            raise TaskError(f"The task {self.task.name} has no structure or group named {name}.")
        found: NDArray[np.bool_] = np.asarray(self.array == values[0])
        slow = int(np.argmax(np.abs(self.array.strides)))
        for value in values[1:]:
            # slice by slice: quicker than numpy's isin, and without a second mask in memory
            for part, of_part in zip(np.moveaxis(self.array, slow, 0), np.moveaxis(found, slow, 0), strict=True):
                of_part |= part == value
        return found

    def resampled(self, grid: Grid) -> Self:
        """Label by label onto another grid; never a blend of values."""
        array = geometry.resample_labels(self.array, self.affine, grid)
        return replace(self, array=array, affine=grid.affine, nifti_geometry=None)
