"""How exact and how fast surfaces become masks: the table in docs/masks.md.

usage: python recipes/mask_accuracy.py [FOLDER]

FOLDER is searched for PLY surfaces, such as the legs of the Visible Human. Without it, the bones of a built-in phantom
and balls are taken. For each surface in 1 mm voxels: the volume of its voxels against its own. For every twelfth, in
voxels of 1 mm and of 1.5 x 1.5 x 4 mm: surface -> mask -> surface, and how far 95 % of the new points lie from the old
surface, and of the old ones from the new, in voxels. Then the time, of the processor and by the clock, for
50,000 triangles in 800 x 512 x 512.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from osteon.anatomy import Task
from osteon.geometry import Grid
from osteon.io import Surface, read_ply, write_ply
from osteon.masks import surfaces_of, surfaces_to_labels
from osteon.masks.from_surface import voxels_of
from osteon.masks.scrutiny import voxels_of_body
from osteon.masks.soundness import body_of
from osteon.synthesis import make_leg_phantom
from osteon.synthesis.scanner import ScanGeometry
from osteon.volume import LabelMap, Volume

TASK = Task.load("leg-bones")
THERE_AND_BACK_MM = ((1.0, 1.0, 1.0), (1.5, 1.5, 4.0))
OFF_LATTICE = 3.37
"""Where the surface begins in the grid, in voxels: an odd place, as in life."""
SMALL_CM3 = 10.0
EVERY = 12
"""Of the surfaces, goes there and back; it takes seconds each."""
TIMED_TRIANGLES, TIMED_SHAPE = 50_000, (800, 512, 512)
MOST_POINTS = 5000
REPEATS = 3


def main() -> None:
    """Measure, and print what docs/masks.md says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    folder = parser.parse_args().folder
    rows, returns = [], []
    for number, (name, surface) in enumerate(of_folder(folder) if folder else built_in()):
        kind = next((k for k in ("muscle", "cartilage") if k in name), "bone")
        rows.append({"kind": kind, "name": name, **volume_error(surface, name)})
        if number % EVERY == 0:
            returns += [{"kind": kind, **there_and_back(surface, edges)} for edges in THERE_AND_BACK_MM]
    sys.stdout.write(f"{volumes(pd.DataFrame(rows))}\n\n{distances(pd.DataFrame(returns))}\n\n{timed()}\n")


def of_folder(folder: Path) -> Iterator[tuple[str, Surface]]:
    """Every PLY file below a folder."""
    for path in sorted(folder.rglob("*.ply")):
        yield path.stem, read_ply(path)


def built_in() -> Iterator[tuple[str, Surface]]:
    """Bones of a phantom, as a label map of small voxels gives them, and balls."""
    made = make_leg_phantom(
        seed=0, protocol="dixon-water", age_years=12.0, geometry=ScanGeometry(spacing_mm=(1.5, 3.0))
    )
    yield from surfaces_of(made.labels).items()
    for radius in (5, 10, 20, 40):
        yield f"ball of {radius} mm", ball(radius, 10_000)


def ball(radius_mm: float, triangles: int) -> Surface:
    """A sphere of rings; outward faces."""
    around = max(8, 2 * int(np.sqrt(triangles / 4)))
    rings = around // 2
    polar, turn = np.meshgrid(
        np.pi * np.arange(1, rings) / rings, 2 * np.pi * np.arange(around) / around, indexing="ij"
    )
    side = np.stack([np.sin(polar) * np.cos(turn), np.sin(polar) * np.sin(turn), np.cos(polar)], axis=-1).reshape(-1, 3)
    vertices = radius_mm * np.concatenate([side, [[0, 0, 1], [0, 0, -1]]])
    at = np.arange(len(side)).reshape(rings - 1, around)
    here, beside = at, np.roll(at, -1, axis=1)
    a, b, c, d = (x.ravel() for x in (here[:-1], here[1:], beside[1:], beside[:-1]))
    top, bottom = np.full(around, len(side)), np.full(around, len(side) + 1)
    faces = [
        np.stack(f, axis=1) for f in ((a, b, c), (a, c, d), (top, here[0], beside[0]), (bottom, beside[-1], here[-1]))
    ]
    return Surface(vertices, np.concatenate(faces))


def around_of(surface: Surface, edges_mm: tuple[float, float, float]) -> Grid:
    """A grid of such voxels that holds a surface."""
    edges = np.array(edges_mm)
    affine = np.diag([*edges, 1.0])
    affine[:3, 3] = surface.vertices.min(axis=0) - OFF_LATTICE * edges
    i, j, k = (int(n) for n in np.ceil(np.ptp(surface.vertices, axis=0) / edges + 2 * OFF_LATTICE + 1))
    return Grid((i, j, k), affine)


def volume_error(surface: Surface, name: str) -> dict[str, float]:
    """Of the voxels against the surface's own, as the command counts both."""
    body = body_of(surface, name)
    inside, _ = voxels_of_body(body, around_of(surface, (1.0, 1.0, 1.0)))
    return {"cm3": body.volume_mm3 / 1000, "error": float(inside.sum()) / body.volume_mm3 - 1}


def there_and_back(surface: Surface, edges_mm: tuple[float, float, float]) -> dict[str, object]:
    """95th percentile of the distances between a surface and that of its mask, both ways, in voxels."""
    grid = around_of(surface, edges_mm)
    array = voxels_of(surface, grid).astype(np.uint8)
    edges = np.array(edges_mm)
    again = surfaces_of(LabelMap(array, grid.affine, task=TASK))[TASK.structures[0].name]
    old, new = (Surface(one.vertices / edges, one.faces) for one in (surface, again))
    to_old, to_new = far(new, old), far(old, new)
    return {"voxels": " x ".join(f"{e:g}" for e in edges_mm) + " mm", "to old": to_old, "to new": to_new}


def far(points_of: Surface, surface: Surface) -> float:
    """95th percentile of the distance of a surface's points from another surface."""
    from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray, vtk_to_numpy
    from vtkmodules.vtkCommonCore import vtkDoubleArray, vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
    from vtkmodules.vtkFiltersCore import vtkImplicitPolyDataDistance

    mesh, vertices, cells = vtkPolyData(), vtkPoints(), vtkCellArray()
    vertices.SetData(numpy_to_vtk(np.ascontiguousarray(surface.vertices), deep=True))
    cells.SetData(3, numpy_to_vtkIdTypeArray(surface.faces.astype(np.int64).ravel(), deep=True))
    mesh.SetPoints(vertices)
    mesh.SetPolys(cells)
    distance, found = vtkImplicitPolyDataDistance(), vtkDoubleArray()
    distance.SetInput(mesh)
    some = points_of.vertices[:: max(1, len(points_of.vertices) // MOST_POINTS)]
    distance.FunctionValue(numpy_to_vtk(np.ascontiguousarray(some), deep=True), found)
    measured: NDArray[np.float64] = np.abs(vtk_to_numpy(found))
    return float(np.percentile(measured, 95))


def volumes(table: pd.DataFrame) -> str:
    """Volume errors by kind, of those large enough and of all."""
    table = table.assign(percent=100 * table["error"].abs())
    large = table[table["cm3"] >= SMALL_CM3]
    lines = [
        f"{kind}: {len(part)}, error median {part['percent'].median():.3f} %, worst {part['percent'].max():.3f} %"
        for kind, part in [("all", table), (f"from {SMALL_CM3:g} cm3", large), *table.groupby("kind")]
    ]
    return "\n".join(["volume in voxels of 1 mm", *lines])


def distances(table: pd.DataFrame) -> str:
    """Distances by voxel size, in voxels."""
    lines = ["surface -> mask -> surface, 95 % of the points, in voxels"]
    for edges, part in table.groupby("voxels"):
        ways = [f"{way} median {part[way].median():.2f}, worst {part[way].max():.2f}" for way in ("to old", "to new")]
        lines.append(f"{edges}: {len(part)} surfaces, {'; '.join(ways)}")
    return "\n".join(lines)


def timed() -> str:
    """Seconds for large surfaces in a large grid: the voxels alone, and all that the command does but scans' files."""
    affine = np.array([[0.5, 0, 0, -200.0], [0, 0.8, 0, -204.8], [0, 0, 0.8, -204.8], [0, 0, 0, 1]])
    like = Volume(np.zeros(TIMED_SHAPE, dtype=np.uint8), affine)
    whole_ball = ball(180.0, TIMED_TRIANGLES)
    bone = Surface(whole_ball.vertices * (1.0, 0.25, 0.25), whole_ball.faces)
    lines = [f"{len(whole_ball.faces)} triangles into {' x '.join(map(str, TIMED_SHAPE))}, medians of {REPEATS}"]
    with tempfile.TemporaryDirectory() as folder:
        for name, surface in {"as long and thick as a femur": bone, "a ball that fills the scan": whole_ball}.items():
            path = Path(folder) / "surface.ply"
            write_ply(surface, path)
            named = [("tibia-right", path)]
            alone = seconds(partial(voxels_of, surface, like.grid))
            lines.append(
                f"{name}: voxels {alone}; to the label map {seconds(partial(surfaces_to_labels, named, like, TASK))}"
            )
    return "\n".join(lines)


def seconds(work: Callable[[], object]) -> str:
    """Median times of some work."""
    times = []
    for _ in range(REPEATS):
        begin = time.process_time(), time.perf_counter()
        work()
        times.append((time.process_time() - begin[0], time.perf_counter() - begin[1]))
    processor, clock = np.median(times, axis=0)
    return f"{processor:.2f} s of processor, {clock:.2f} s by the clock"


if __name__ == "__main__":
    main()
