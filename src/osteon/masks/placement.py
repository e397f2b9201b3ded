"""Where surfaces belong: in which unit and which world their coordinates are, told by the file or tried on the scan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from osteon.errors import GeometryError, UsageError
from osteon.geometry import FloatArray, Grid, transform_points
from osteon.io.surface import Surface
from osteon.io.surface_file import Space, SurfaceFile, Unit
from osteon.io.world import LPS_TO_RAS
from osteon.masks.from_surface import voxels_in_box
from osteon.masks.soundness import body_of
from osteon.volume import Volume

LARGEST_METRES = 3.0
"""A surface that is no larger than this number is one of metres: no bone measures 3 mm, and nobody more than 3 m."""

LARGEST_MM = 3000.0

COARSE_MM = 4.0
"""The body is looked for in every so many voxels that they are about this far apart."""

SAMPLES = 24
"""A surface's inside is sampled by at most about this many points along its longest extent."""

INSIDE, APART = 0.5, 0.1
"""A world is believed if this share of the surfaces lies in the body, and this much more than in the other world."""

SPACES: tuple[Space, Space] = ("RAS", "LPS")


@dataclass(frozen=True)
class Placement:
    """How a surface's coordinates were read.

    Parameters
    ----------
    space : "RAS" or "LPS"
    unit : "mm", "cm" or "m"
    how : str
        What decided, in words.
    """

    space: Space
    unit: Unit
    how: str


def unit_of(file: SurfaceFile) -> tuple[Unit, str]:
    """Unit of a surface's coordinates, as the file says it or else by its extent, and what decided.

    Raises
    ------
    GeometryError
        If it is larger than any body in every unit.
    """
    if file.unit is not None:
        return file.unit, f"unit {file.unit}: the file says so"
    extent = float(np.ptp(file.vertices[np.unique(file.faces)], axis=0).max())
    if extent <= LARGEST_METRES:
        return "m", f"unit m: it extends over {extent:.3g}, which in mm would be no structure of a body"
    if extent <= LARGEST_MM:
        return "mm", f"unit mm: it extends over {extent:.0f}"
    raise GeometryError(
        f"{file.path} extends over {extent:.0f}, which is larger than a body in mm and in metres. "
        "Scale it to mm in the program that made it, or check that it is the right file."
    )


def placed(
    files: Sequence[SurfaceFile], scan: Volume, *, space: Space | None = None, unit: Unit | None = None
) -> list[Placement]:
    """How to read the coordinates of surfaces that belong to one scan.

    What the user says comes first, then what the file says (``SPACE=``). Files that say nothing are tried together,
    as RAS and as LPS: which share of their inside lies in the scan's body decides.

    Parameters
    ----------
    files : sequence of SurfaceFile
    scan : Volume
    space : "RAS" or "LPS", optional
    unit : "mm", "cm" or "m", optional

    Raises
    ------
    UsageError
        If both worlds fit equally well: only the user knows.
    GeometryError
        If a surface lies in the body in neither world, or is larger than any body.
    """
    units = [(unit, f"unit {unit}: you said so") if unit else unit_of(file) for file in files]
    silent = [n for n, file in enumerate(files) if file.space is None and space is None]
    tried: Space = "RAS"
    how = ""
    if silent:
        tried, how = _tried([(files[n], units[n][0]) for n in silent], scan)
    found: list[Placement] = []
    for file, (its_unit, why) in zip(files, units, strict=True):
        if space is not None:
            found.append(Placement(space, its_unit, f"{why}; {space}: you said so"))
        elif file.space is not None:
            found.append(Placement(file.space, its_unit, f"{why}; {file.space}: the file says so"))
        else:
            found.append(Placement(tried, its_unit, f"{why}; {how}"))
    return found


def _tried(files: list[tuple[SurfaceFile, Unit]], scan: Volume) -> tuple[Space, str]:
    """World in which surfaces that do not name theirs lie in the body, and the shares."""
    outlines = [body_of(file.placed("RAS", unit), str(file.path)) for file, unit in files]
    points = [np.concatenate([points_inside(part) for part, sign in one.parts if sign > 0]) for one in outlines]
    body = _body(scan)
    _refuse_two_worlds([file.path.name for file, _ in files], [_shares_in(some, body) for some in points])
    shares = _shares_in(np.concatenate(points), body)
    said = f"{shares[0]:.0%} in the body as RAS, {shares[1]:.0%} as LPS"
    names = ", ".join(file.path.name for file, _ in files[:5]) + (", ..." if len(files) > 5 else "")
    if max(shares) < INSIDE:
        raise GeometryError(
            f"{names} (no SPACE= comment): {said}. The surfaces do not belong to this scan, or are of another unit "
            "than was taken (--unit); if you know that they belong to it, name their world with --space."
        )
    if abs(shares[0] - shares[1]) < APART:
        raise UsageError(
            f"{names}: no comment names the world of these coordinates (SPACE=RAS or SPACE=LPS), and both fit the scan "
            f"({said}). Which is it? Say --space RAS or --space LPS; files of 3D Slicer since 4.11 and of most "
            "programs that work on DICOM are LPS."
        )
    best = SPACES[int(shares[1] > shares[0])]
    return best, f"{best}: tried on the scan, {said}"


def points_inside(surface: Surface) -> FloatArray:
    """Points spread evenly inside a closed surface, ``(n, 3)`` in mm; its corners, if it is too thin for any."""
    low, high = surface.vertices.min(axis=0), surface.vertices.max(axis=0)
    step = max(float((high - low).max()) / SAMPLES, 1e-6)
    affine = np.diag([step, step, step, 1.0])
    affine[:3, 3] = low + step / 2
    i, j, k = (max(1, int(n)) for n in np.ceil((high - low) / step))
    grid = Grid((i, j, k), affine)
    inside, box = voxels_in_box(surface, grid)
    index = np.argwhere(inside) + [s.start for s in box]
    return np.asarray(index * step + affine[:3, 3] if len(index) else surface.vertices, dtype=np.float64)


def _body(scan: Volume) -> Volume:
    """Voxels of the body in a coarse copy of the scan."""
    from osteon.preprocessing.body_outline import body_outline  # which imports scikit-image

    coarse = scan.thinned(COARSE_MM)
    return coarse.with_array(body_outline(coarse.array))


def _refuse_two_worlds(names: list[str], shares: list[tuple[float, float]]) -> None:
    """Files that fit as RAS alone beside others that fit as LPS alone cannot be read as one."""
    alone = [[name for name, own in zip(names, shares, strict=True) if own[n] - own[1 - n] > INSIDE] for n in (0, 1)]
    if all(alone):
        raise UsageError(
            "No comment names the world of these coordinates, and they are not of one: "
            f"{', '.join(alone[0][:5])} lies in the body as RAS only, {', '.join(alone[1][:5])} as LPS only. "
            "Export them alike, or with a comment SPACE=RAS or SPACE=LPS."
        )


def _shares_in(points: FloatArray, body: Volume) -> tuple[float, float]:
    """Shares of points in the body, read as RAS and as LPS."""
    return _share_in(points, body), _share_in(transform_points(LPS_TO_RAS, points), body)


def _share_in(points: FloatArray, body: Volume) -> float:
    """Share of points (RAS mm) in the body; outside the scan there is none."""
    index = np.round(body.index(points)).astype(int)
    within = ((index >= 0) & (index < body.shape)).all(axis=1)
    return float(body.array[tuple(index[within].T)].sum() / len(points))
