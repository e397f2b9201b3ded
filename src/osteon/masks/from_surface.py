"""Closed surface -> the voxels of a grid whose centres it encloses.

VTK's scan conversion: each plane of voxel centres is cut with the triangles, and each line of voxels is filled between
the crossings by parity. So it matters neither which way the faces look nor whether they agree.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from osteon.geometry import FloatArray, Grid, inverse, transform_points
from osteon.io.surface import Surface

Box = tuple[slice, slice, slice]


def voxels_of(surface: Surface, grid: Grid) -> NDArray[np.bool_]:
    """Voxels of a grid whose centres lie inside a closed surface.

    Parameters
    ----------
    surface : Surface
        RAS mm; its faces may look outward, inward or either way. Where it has holes smaller than a voxel they are
        bridged; of a surface with larger holes the result is not defined.
    grid : Grid
        Any orientation, also oblique.

    Returns
    -------
    (grid.shape) bool ndarray
        All False for a surface without faces or outside the grid.
    """
    result = np.zeros(grid.shape, dtype=np.bool_)
    inside, box = voxels_in_box(surface, grid)
    result[box] = inside
    return result


def voxels_in_box(surface: Surface, grid: Grid) -> tuple[NDArray[np.bool_], Box]:
    """As `voxels_of`, but only the box of the grid that the surface reaches, which saves the memory of all the rest.

    Returns
    -------
    inside : bool ndarray
        Of the box's shape; a box without voxels for a surface without faces or outside the grid.
    box : tuple of slice
    """
    if not len(surface.faces):
        return _nothing()
    # in array indices every grid is a box of unit voxels at whole numbers
    points = transform_points(inverse(grid.affine), surface.vertices)
    start = np.maximum(np.floor(points.min(axis=0)), 0).astype(int)
    stop = np.minimum(np.ceil(points.max(axis=0)) + 1, grid.shape).astype(int)
    if (start >= stop).any():
        return _nothing()
    i, j, k = (slice(int(a), int(b)) for a, b in zip(start, stop, strict=True))
    return _stencilled(points - start, surface.faces, tuple(stop - start)), (i, j, k)


def _nothing() -> tuple[NDArray[np.bool_], Box]:
    return np.zeros((0, 0, 0), dtype=np.bool_), (slice(0, 0), slice(0, 0), slice(0, 0))


def _stencilled(points: FloatArray, faces: NDArray[np.int32], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Voxels at whole numbers from 0 to ``shape`` - 1 inside the triangles."""
    # vtk takes a quarter of a second to import
    from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray, vtk_to_numpy
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
    from vtkmodules.vtkImagingStencil import vtkImageStencilToImage, vtkPolyDataToImageStencil

    vertices = vtkPoints()
    # VTK's images run along their first axis first and numpy's along their last: with k first, no voxel is moved
    vertices.SetData(numpy_to_vtk(np.ascontiguousarray(points[:, ::-1]), deep=True))
    triangles = vtkCellArray()
    triangles.SetData(3, numpy_to_vtkIdTypeArray(np.ascontiguousarray(faces.ravel(), dtype=np.int64), deep=True))
    mesh = vtkPolyData()
    mesh.SetPoints(vertices)
    mesh.SetPolys(triangles)
    stencil = vtkPolyDataToImageStencil()
    stencil.SetInputData(mesh)
    stencil.SetOutputOrigin(0, 0, 0)
    stencil.SetOutputSpacing(1, 1, 1)
    stencil.SetOutputWholeExtent(0, shape[2] - 1, 0, shape[1] - 1, 0, shape[0] - 1)
    stencil.SetTolerance(0.0)  # a centre within the default tolerance outside would count, and every volume be larger
    image = vtkImageStencilToImage()
    image.SetInputConnection(stencil.GetOutputPort())
    image.SetOutputScalarTypeToUnsignedChar()
    image.SetInsideValue(1)
    image.SetOutsideValue(0)
    image.Update()
    inside = vtk_to_numpy(image.GetOutput().GetPointData().GetScalars())  # uint8, 0 or 1
    return np.asarray(inside.view(np.bool_).reshape(shape))
