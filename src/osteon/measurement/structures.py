"""Size and place of every structure of a label map."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from osteon.anatomy import Task
from osteon.geometry import FloatArray
from osteon.io.whole import written_whole
from osteon.measurement.frame import spine_axes
from osteon.measurement.leg import (
    LONG_BONE_COLUMNS,
    LONG_BONE_GROUPS,
    LongBoneMask,
    measure_long_bones,
    measure_sides,
)
from osteon.measurement.moments import extent_mm, moments_of
from osteon.measurement.surface_area import surface_area_mm2
from osteon.measurement.vertebra import VERTEBRA_COLUMNS, Body, measure_body
from osteon.volume import LabelMap

if TYPE_CHECKING:
    import pandas as pd

VERTEBRA_GROUP = "vertebra"

COLUMNS = (
    "structure",
    "label",
    "side",
    "volume_cm3",
    "surface_area_cm2",
    "centroid_x_mm",
    "centroid_y_mm",
    "centroid_z_mm",
    "extent_right_left_mm",
    "extent_anterior_posterior_mm",
    "extent_superior_inferior_mm",
    "touches_border",
    "border_faces",
)

_FACES = {"R": "right", "L": "left", "A": "anterior", "P": "posterior", "S": "superior", "I": "inferior"}
_OPPOSITE = {"R": "L", "L": "R", "A": "P", "P": "A", "S": "I", "I": "S"}


def measure(labels: LabelMap) -> pd.DataFrame:
    """Measure every structure that is present, in the task's order.

    Parameters
    ----------
    labels : LabelMap
        Of any axis order, oblique or not; all lengths follow the affine.

    Returns
    -------
    DataFrame
        One row a structure:

        - ``structure``, ``label`` (its value), ``side``
        - ``volume_cm3``; ``surface_area_cm2``, by Crofton's formula
        - ``centroid_x_mm``, ``centroid_y_mm``, ``centroid_z_mm``: centre of gravity, RAS+ world
        - ``extent_right_left_mm``, ``extent_anterior_posterior_mm``, ``extent_superior_inferior_mm``: edges of the
          box along the world's axes around its voxels
        - ``touches_border``: whether it reaches a face of the volume, so that it may be cut off and only the part
          inside is measured; ``border_faces`` names these faces (``inferior superior``)
        - in a task with vertebrae, ``height_anterior_mm`` and so on as `osteon.measurement.vertebra` defines them;
          NaN for what is no vertebra, and for a body that is cut off
        - in a task with long bones of the leg, ``length_mm`` and so on as `osteon.measurement.leg` and its neighbours
          define them; NaN for other bones, and for one that is cut off or whose landmarks are not found
    """
    import pandas as pd  # a fifth of a second: not before the network runs

    rows: list[dict[str, Any]] = []
    bodies: dict[int, Body] = {}  # by row
    centroids: list[FloatArray] = []
    long_bones: list[LongBoneMask] = []
    for structure in labels.task.structures:
        if structure.value not in labels.boxes:
            continue
        box = labels.boxes[structure.value]
        mask = labels.array[box] == structure.value
        part = labels.grid.cropped(box)
        faces = _faces_reached(box, labels)
        moments = moments_of(mask, part.affine)
        if structure.parent == VERTEBRA_GROUP:
            bodies[len(rows)] = Body(mask, part.affine, tuple(faces.values()))
            centroids.append(moments.centre_mm)
        if structure.parent in LONG_BONE_GROUPS:
            long_bones.append(LongBoneMask(structure, mask, part.affine, bool(faces)))
        rows.append(
            {
                "structure": structure.name,
                "label": structure.value,
                "side": structure.side,
                "volume_cm3": moments.voxels * part.voxel_volume_mm3 / 1000,
                "surface_area_cm2": surface_area_mm2(mask, part.spacing_mm) / 100,
                **dict(zip(COLUMNS[5:8], moments.centre_mm.tolist(), strict=True)),
                **dict(zip(COLUMNS[8:11], extent_mm(mask, part.affine).tolist(), strict=True)),
                "touches_border": bool(faces),
                "border_faces": " ".join(sorted(faces)),
            }
        )
    for (row, body), axis in zip(bodies.items(), spine_axes(np.array(centroids).reshape(-1, 3)), strict=True):
        rows[row] |= measure_body(body, axis)
    groups = {s.parent for s in labels.task.structures}
    if groups.intersection(LONG_BONE_GROUPS):
        _add_long_bones(rows, long_bones, labels.task)
    columns = [*COLUMNS]
    columns += VERTEBRA_COLUMNS if VERTEBRA_GROUP in groups else ()
    columns += LONG_BONE_COLUMNS if groups.intersection(LONG_BONE_GROUPS) else ()
    return pd.DataFrame(rows, columns=columns)


def write_measurements(table: pd.DataFrame, path: Path) -> None:
    """Write a table of measurements as CSV, whole or not at all, to a hundredth of its units and without an index.

    Parameters
    ----------
    table : DataFrame
        As `measure` gives it.
    path : Path
        An older file is replaced.
    """
    with written_whole(path) as part:
        table.to_csv(part, index=False, float_format="%.2f")


def _add_long_bones(rows: list[dict[str, Any]], bones: list[LongBoneMask], task: Task) -> None:
    """Columns of long bones, and how the sides differ, for all that is not cut off."""
    by_name = {row["structure"]: row for row in rows}
    for name, values in measure_long_bones(bones).items():
        by_name[name] |= values
    whole = {name: row for name, row in by_name.items() if not row["touches_border"]}
    for name, values in measure_sides(whole, list(task.structures)).items():
        by_name[name] |= values


def _faces_reached(box: tuple[slice, slice, slice], labels: LabelMap) -> dict[str, FloatArray]:
    """Faces of the volume that a box of voxels reaches, by name, with their outward normals in the world."""
    reached = {}
    for axis, (letter, part) in enumerate(zip(labels.orientation, box, strict=True)):
        along = labels.affine[:3, axis] / labels.spacing_mm[axis]
        if part.start == 0:
            reached[_FACES[_OPPOSITE[letter]]] = -along
        if part.stop == labels.shape[axis]:
            reached[_FACES[letter]] = along
    return reached
