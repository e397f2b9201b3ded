"""Surfaces become label maps of the right volume at the right place, or are refused with the reason."""

from __future__ import annotations

from itertools import permutations, product
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from osteon.anatomy import Task
from osteon.errors import GeometryError, UsageError
from osteon.io import Surface, read_ply, write_ply
from osteon.masks import assigned, surfaces_of, surfaces_to_labels
from osteon.masks.soundness import body_of
from osteon.volume import Volume
from solids import ball, joined, soup, turned, without

TASK = Task.load("leg-bones")
MIDDLE = (30.0, -12.0, 20.0)


def grid_affine(order: tuple[int, ...] = (0, 1, 2), signs: tuple[int, ...] = (1, 1, 1)) -> NDArray[np.float64]:
    """Voxels of 1 x 1.25 x 2 mm around `MIDDLE`, which is no voxel's own: a lattice favours or wrongs a ball there."""
    affine = np.eye(4)
    affine[:3, :3] = np.eye(3)[:, order] @ np.diag(np.array(signs) * (1.0, 1.25, 2.0))
    affine[:3, 3] = np.array(MIDDLE) - affine[:3, :3] @ [31.7, 28.4, 17.6]
    return affine


def scan(order: tuple[int, ...] = (0, 1, 2), signs: tuple[int, ...] = (1, 1, 1)) -> Volume:
    """Bright body in a dark scan."""
    array = np.zeros((64, 56, 36), dtype=np.int16)
    array[4:-4, 4:-4, 2:-2] = 300
    return Volume(array, grid_affine(order, signs))


def written(surface: Surface, path: Path, comment: str = "SPACE=RAS") -> Path:
    write_ply(surface, path)
    header = path.read_bytes().replace(b"comment millimetres\n", b"")
    path.write_bytes(header.replace(b"SPACE=RAS", comment.encode()))
    return path


def made(surface: Surface, folder: Path, comment: str = "SPACE=RAS", like: Volume | None = None, **more):  # type: ignore[no-untyped-def]
    path = written(surface, folder / "s.ply", comment)
    return surfaces_to_labels([("tibia-right", path)], like or scan(), TASK, **more)


@pytest.mark.parametrize(("order", "signs"), list(product(permutations(range(3)), product((1, -1), repeat=3)))[::5])
def test_volume_and_place_are_right_in_every_orientation(
    tmp_path: Path, order: tuple[int, ...], signs: tuple[int, ...]
) -> None:
    done = made(ball(18, MIDDLE), tmp_path, like=scan(order, signs))
    labels = done.labels
    assert labels.mask("tibia-right").sum() * 2.5 == pytest.approx(ball(18).volume_mm3, rel=0.005)
    np.testing.assert_allclose(labels.world_mm(np.argwhere(labels.array)).mean(axis=0), MIDDLE, atol=0.1)
    assert labels.grid.matches(scan(order, signs).grid)


def test_mesh_to_mask_to_mesh_stays_within_half_a_voxel(tmp_path: Path) -> None:
    affine = np.eye(4)
    affine[:3, 3] = -35.3
    fine = Volume(np.zeros((70, 70, 70), dtype=np.uint8), affine)
    points = ball(25, corners=6000).vertices
    bumpy = Surface(points * (1 + 0.1 * np.sin(points[:, :1] / 4)), ball(25, corners=6000).faces)
    (back,) = surfaces_of(made(bumpy, tmp_path, like=fine).labels).values()
    from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy  # a second opinion on distance
    from vtkmodules.vtkCommonCore import vtkDoubleArray
    from vtkmodules.vtkFiltersCore import vtkImplicitPolyDataDistance
    from vtkmodules.vtkIOPLY import vtkPLYReader

    reader = vtkPLYReader()
    reader.SetFileName(str(tmp_path / "s.ply"))
    reader.Update()
    away, out = vtkImplicitPolyDataDistance(), vtkDoubleArray()
    away.SetInput(reader.GetOutput())
    away.FunctionValue(numpy_to_vtk(back.vertices, deep=True), out)
    assert np.percentile(np.abs(vtk_to_numpy(out)), 95) < 0.5
    assert back.volume_mm3 == pytest.approx(bumpy.volume_mm3, rel=0.01)


# world and unit


def test_a_comment_names_the_world(tmp_path: Path) -> None:
    lps = Surface(ball(15, MIDDLE).vertices * (-1, -1, 1), ball(15).faces)
    np.testing.assert_array_equal(
        made(lps, tmp_path, "SPACE=LPS").labels.array, made(ball(15, MIDDLE), tmp_path).labels.array
    )


@pytest.mark.parametrize("sign", [1, -1])
def test_without_a_comment_the_world_that_lies_in_the_body_is_taken_and_said(tmp_path: Path, sign: int) -> None:
    """The scan's middle lies 32 mm from the axis about which RAS turns into LPS."""
    given = Surface(ball(15, MIDDLE).vertices * (sign, sign, 1), ball(15).faces)
    done = made(given, tmp_path, "of some program")
    np.testing.assert_array_equal(done.labels.array, made(ball(15, MIDDLE), tmp_path).labels.array)
    placement = done.surfaces[0].placement
    assert placement.space == ("RAS" if sign == 1 else "LPS")
    assert "0% in the body as " in placement.how
    assert "100%" in placement.how


def test_files_of_two_worlds_are_told_apart_by_name(tmp_path: Path) -> None:
    ras = written(ball(15, MIDDLE), tmp_path / "tibia_r.ply", "made by hand")
    lps = written(ball(10, (-MIDDLE[0], -MIDDLE[1], MIDDLE[2])), tmp_path / "fibula_r.ply", "made by hand")
    with pytest.raises(UsageError, match=r"tibia_r.ply lies in the body as RAS only, fibula_r.ply as LPS only"):
        surfaces_to_labels([("tibia-right", ras), ("fibula-right", lps)], scan(), TASK)


def test_a_draw_stops_with_a_question(tmp_path: Path) -> None:
    around_origin = grid_affine()
    around_origin[:3, 3] = -around_origin[:3, :3] @ [31.5, 27.5, 17.5]
    both = Volume(scan().array, around_origin)
    with pytest.raises(UsageError, match=r"both fit the scan .* Which is it\?"):
        made(ball(10, (8, 5, 0)), tmp_path, "of some program", like=both)
    assert made(ball(10, (8, 5, 0)), tmp_path, "of some program", like=both, space="LPS").labels.values() == [1]


def test_a_surface_of_another_scan_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GeometryError, match=r"0% in the body as RAS, 0% as LPS"):
        made(ball(15, (400, 0, 0)), tmp_path, "of some program")


def test_a_wrong_comment_is_refused_with_the_remedy(tmp_path: Path) -> None:
    given = Surface(ball(10, MIDDLE).vertices * (-1, -1, 1) - (60, -30, 0), ball(10).faces)
    with pytest.raises(GeometryError, match=r"outside the scan: its middle is \d+ mm"):
        made(given, tmp_path, "SPACE=RAS")
    given = Surface(ball(10, (50, -30, 20)).vertices * (-1, -1, 1), ball(10).faces)
    with pytest.raises(GeometryError, match=r"Read as LPS, 100% .* --space LPS"):
        made(given, tmp_path, "SPACE=RAS")


def test_metres_are_recognised_by_extent_and_said(tmp_path: Path) -> None:
    metres = Surface(ball(15, MIDDLE).vertices / 1000, ball(15).faces)
    done = made(metres, tmp_path)
    assert done.surfaces[0].placement.unit == "m"
    assert "extends over 0.03" in done.surfaces[0].placement.how
    np.testing.assert_array_equal(done.labels.array, made(ball(15, MIDDLE), tmp_path).labels.array)


def test_a_unit_that_is_said_counts_more_than_the_extent(tmp_path: Path) -> None:
    centimetres = Surface(ball(15, MIDDLE).vertices / 10, ball(15).faces)
    for done in (made(centimetres, tmp_path, unit="cm"), made(centimetres, tmp_path, "SPACE=RAS units cm")):
        np.testing.assert_array_equal(done.labels.array, made(ball(15, MIDDLE), tmp_path).labels.array)


def test_a_surface_larger_than_a_body_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GeometryError, match="larger than a body"):
        made(ball(4000), tmp_path)


# surfaces as programs leave them


def test_faces_that_look_inward_change_nothing_and_are_noted(tmp_path: Path) -> None:
    done = made(turned(ball(15, MIDDLE)), tmp_path)
    np.testing.assert_array_equal(done.labels.array, made(ball(15, MIDDLE), tmp_path).labels.array)
    assert "inward" in done.surfaces[0].notes[0]


def test_triangles_without_common_corners_are_joined() -> None:
    assert len(body_of(soup(ball(15)), "soup").parts) == 1
    assert body_of(soup(ball(15)), "soup").openings == 0


def test_a_shaft_cut_off_at_both_ends_is_closed_by_flat_caps() -> None:
    around = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    rings = [np.stack([10 * np.cos(around), 10 * np.sin(around), np.full(60, z)], axis=1) for z in (0.0, 80.0)]
    k, n = np.arange(60), (np.arange(60) + 1) % 60
    faces = np.concatenate([np.stack([k, n, n + 60], axis=1), np.stack([k, n + 60, k + 60], axis=1)])
    body = body_of(Surface(np.concatenate(rings), faces), "shaft")
    assert body.openings == 2
    assert body.widest_mm == pytest.approx(20 * np.sqrt(2), rel=0.01), "the diagonal of the ring's box"
    assert body.volume_mm3 == pytest.approx(60 * np.sin(2 * np.pi / 60) / 2 * 100 * 80)


def test_holes_and_a_loose_triangle_on_an_edge_are_closed(tmp_path: Path) -> None:
    whole = ball(15, MIDDLE)
    gone = np.zeros(len(whole.faces), dtype=bool)
    gone[[10, 700, 1500]] = True
    first = whole.faces[100]
    flap = np.array([[first[0], first[1], len(whole.vertices)]])
    surface = Surface(
        np.vstack([whole.vertices, whole.vertices[first[0]] + 3]), np.vstack([without(whole, gone).faces, flap])
    )
    body = body_of(surface, "s")
    assert body.openings == 4
    assert body.volume_mm3 == pytest.approx(whole.volume_mm3, rel=1e-3)
    done = made(surface, tmp_path)
    assert done.labels.array.sum() * 2.5 == pytest.approx(whole.volume_mm3, rel=0.01)
    assert "4 holes closed" in done.surfaces[0].notes[0]


def test_a_sheet_is_refused_by_name(tmp_path: Path) -> None:
    whole = ball(15, MIDDLE)
    upper = whole.vertices[whole.faces].mean(axis=1)[:, 2] > MIDDLE[2]
    with pytest.raises(GeometryError, match=r"s\.ply is open: .* It is a sheet"):
        made(without(whole, upper), tmp_path)


def test_a_cavity_stays_empty_and_overlapping_parts_unite(tmp_path: Path) -> None:
    outer, inner = ball(18, MIDDLE), ball(9, MIDDLE)
    hollow = made(joined(outer, turned(inner)), tmp_path)
    volume = hollow.labels.array.sum() * 2.5
    assert volume == pytest.approx(outer.volume_mm3 - inner.volume_mm3, rel=0.005)
    assert "1 are cavities" in hollow.surfaces[0].notes[0]
    left, right = ball(12, (22, -12, 20)), ball(12, (36, -12, 20))
    two = made(joined(left, right), tmp_path)
    one_by_one = [made(part, tmp_path).labels.array > 0 for part in (left, right)]
    np.testing.assert_array_equal(two.labels.array > 0, one_by_one[0] | one_by_one[1])


def test_a_surface_that_cuts_itself_is_refused(tmp_path: Path) -> None:
    """Two balls grown together by one shared corner: one part, whose common volume is gone around twice."""
    left, right = ball(15, (24, -12, 20)), ball(15, (36, -12, 20))
    both = joined(left, right)
    faces = both.faces.copy()
    faces[faces == len(left.vertices)] = 0
    with pytest.raises(GeometryError, match="cuts or covers itself"):
        made(Surface(both.vertices, faces), tmp_path)


def test_what_lies_outside_the_scan_is_cut_off_and_said(tmp_path: Path) -> None:
    done = made(ball(12, (62, -12, 20)), tmp_path)
    assert 0 < done.labels.array.sum() * 2.5 < 0.7 * ball(12).volume_mm3
    assert "outside the scan and is cut off" in done.surfaces[0].notes[0]


def test_a_flat_surface_is_refused() -> None:
    flat = Surface(ball(15).vertices * (1, 1, 0), ball(15).faces)
    with pytest.raises(GeometryError, match=r"encloses no volume|without area|open"):
        body_of(flat, "flat.ply")


def test_structures_that_overlap_are_counted(tmp_path: Path) -> None:
    files = [("tibia-right", written(ball(12, (22, -12, 20)), tmp_path / "a.ply")),
             ("fibula-right", written(ball(12, (36, -12, 20)), tmp_path / "b.ply"))]  # fmt: skip
    done = surfaces_to_labels(files, scan(), TASK)
    (overlap,) = done.overlaps
    lens = np.pi * (4 * 12 + 14) * (2 * 12 - 14) ** 2 / 12  # of two equal balls, their middles 14 mm apart
    assert overlap.volume_mm3 == pytest.approx(lens, rel=0.05)
    assert set(done.labels.values()) == {1, 3}


# names


def test_the_words_of_a_file_name_say_its_structure() -> None:
    names = ["07_Tibia_R.ply", "a/left femur.stl", "FibulaLeft-final.vtp", "pelvis-left=x.ply", "tibia.right.nii.gz"]
    found = [name for name, _ in assigned(names, TASK)]
    assert found == ["tibia-right", "femur-left", "fibula-left", "pelvis-left", "tibia-right"]
    assert assigned(["x/vertebra_L5.ply"], Task.load("lumbar-spine"))[0][0] == "vertebra-L5"


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("tibia.ply", "may be tibia-right or tibia-left"),
        ("tibia_left_right.ply", "may be"),
        ("scan7.ply", "names no structure"),
        ("tibai-left=a.ply", "no structure named tibai-left"),
    ],
)
def test_a_side_or_structure_that_is_not_named_is_asked_for(file: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        assigned([file], TASK)


@pytest.mark.realdata
def test_real_bones_and_muscles_keep_their_volume(data: Path) -> None:
    folder = data / "leg-shapes" / "visible-human"
    for name in ("vhf_right_bone_talus", "vhf_right_muscle_quadratis_femoris", "vhm_left_bone_phalanges"):
        path = folder / f"{name}.ply"
        low, high = read_ply(path).vertices.min(axis=0) - 3, read_ply(path).vertices.max(axis=0) + 3
        affine = np.diag([0.8, 0.8, 0.8, 1.0])
        affine[:3, 3] = low
        i, j, k = (int(n) for n in np.ceil((high - low) / 0.8))
        done = surfaces_to_labels([("tibia-right", path)], Volume(np.zeros((i, j, k), dtype=np.uint8), affine), TASK)
        one = done.surfaces[0]
        assert one.mask_mm3 == pytest.approx(one.surface_mm3, rel=0.005), name
