"""Bodies from label maps and surfaces: voxels of a surface, sides, fits, soft tissue, and the folder of templates."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import ConvexHull

from osteon.anatomy import Task
from osteon.errors import GeometryError, OsteonError, ReadError, TaskError
from osteon.geometry import Grid
from osteon.io import read
from osteon.io.surface import Surface
from osteon.masks.from_surface import voxels_of
from osteon.synthesis.body import Body
from osteon.synthesis.parts import BONES, CODE, PARTS
from osteon.synthesis.templates import Fat, body_from_labels, body_from_surfaces, load_bodies, write_body
from osteon.synthesis.templates.completion import carried, mirrored, refitted_shaft, replaced
from osteon.synthesis.templates.fitting import (
    closest_points,
    matches,
    moved,
    similarity,
    smooth_warp,
    sphere_centre,
)
from osteon.synthesis.templates.naming import part_of
from osteon.synthesis.templates.regions import closed_in_slices, distance_mm, halves
from osteon.synthesis.templates.soft_tissue import fill_joints, fill_soft_tissue, fill_spine
from osteon.volume import LabelMap, Volume
from scenes import rotation

EDGES = (2.0, 2.0, 2.0)


def hull(points: np.ndarray) -> Surface:
    """Convex surface of points, faces outward."""
    found = ConvexHull(points)
    faces = found.simplices.copy()
    a, b, c = (points[faces[:, n]] for n in range(3))
    inward = (np.cross(b - a, c - a) * found.equations[:, :3]).sum(axis=1) < 0
    faces[inward] = faces[inward, ::-1]
    return Surface(points, faces)


def ellipsoid(centre: tuple[float, float, float], radii: tuple[float, float, float], n: int = 1200) -> Surface:
    at = np.arange(n) + 0.5
    polar, turn = np.arccos(1 - 2 * at / n), np.pi * (1 + 5**0.5) * at
    unit = np.stack([np.cos(turn) * np.sin(polar), np.sin(turn) * np.sin(polar), np.cos(polar)], axis=1)
    return hull(unit * radii + np.array(centre))


def tube(foot: tuple[float, float, float], radius: float, height: float, bend: float = 0.0) -> Surface:
    """An upright cylinder of 60 rings, its middle pushed along the first axis by ``bend``."""
    z, turn = np.linspace(0, 1, 61), np.arange(24) * np.pi / 12
    x = radius * np.cos(turn)[None] + bend * np.sin(np.pi * z)[:, None]
    rings = np.stack(
        [x, np.broadcast_to(radius * np.sin(turn), x.shape), np.broadcast_to(height * z[:, None], x.shape)], 2
    )
    points = np.concatenate([rings.reshape(-1, 3), [[0, 0, 0], [0, 0, height]]]) + np.array(foot)
    i = np.arange(60)[:, None] * 24 + np.arange(24)
    j = np.arange(60)[:, None] * 24 + (np.arange(24) + 1) % 24
    sides = np.concatenate(
        [np.stack([i, j, j + 24], 2).reshape(-1, 3), np.stack([i, j + 24, i + 24], 2).reshape(-1, 3)]
    )
    ring, after = np.arange(24), (np.arange(24) + 1) % 24
    bottom = np.stack([after, ring, np.full(24, 61 * 24)], 1)
    top = np.stack([60 * 24 + ring, 60 * 24 + after, np.full(24, 61 * 24 + 1)], 1)
    return Surface(points, np.concatenate([sides, bottom, top]))


def grid(shape: tuple[int, int, int], edge: float = 1.0, corner: tuple[float, float, float] = (0, 0, 0)) -> Grid:
    affine = np.diag([edge, edge, edge, 1.0])
    affine[:3, 3] = corner
    return Grid(shape, affine)


@pytest.mark.parametrize("edge", [0.8, 1.0, 1.3])
def test_voxels_of_a_ball_have_its_volume(edge: float) -> None:
    ball = ellipsoid((31.3, 29.6, 30.2), (22, 18, 20), 4000)
    n = int(62 / edge)
    found = voxels_of(ball, grid((n, n, n), edge)).sum() * edge**3
    assert found == pytest.approx(ball.volume_mm3, rel=0.005)


def test_voxels_of_a_box_are_those_whose_centres_it_holds() -> None:
    corners = np.array([[x, y, z] for x in (3.5, 13.5) for y in (4.2, 24.2) for z in (5.7, 35.7)])
    expected = np.zeros((20, 30, 40), dtype=bool)
    expected[4:14, 5:25, 6:36] = True
    np.testing.assert_array_equal(voxels_of(hull(corners), grid((20, 30, 40))), expected)


def test_voxels_do_not_depend_on_which_way_the_faces_look() -> None:
    ball = ellipsoid((15.2, 14.9, 15.4), (11, 9, 10))
    mixed = ball.faces.copy()
    mixed[::3] = mixed[::3, ::-1]
    there = grid((30, 30, 30))
    for faces in (ball.faces[:, ::-1], mixed):
        np.testing.assert_array_equal(voxels_of(Surface(ball.vertices, faces), there), voxels_of(ball, there))


def test_voxels_on_an_oblique_flipped_grid_are_where_the_formula_says() -> None:
    radii, centre = np.array([14.0, 9.0, 11.0]), np.array([5.0, -3.0, 40.0])
    affine = np.eye(4)
    affine[:3, :3] = rotation(0, 25) @ rotation(2, -40) @ np.diag([-1.1, 0.9, 1.4])
    affine[:3, 3] = centre - affine[:3, :3] @ [20, 25, 15]
    found = voxels_of(ellipsoid(tuple(centre), tuple(radii), 4000), Grid((40, 50, 30), affine))
    index = np.indices(found.shape).reshape(3, -1).T
    world = index @ affine[:3, :3].T + affine[:3, 3]
    expected = (((world - centre) / radii) ** 2).sum(axis=1).reshape(found.shape) < 1
    assert (found ^ expected).sum() < 0.01 * expected.sum()


def test_a_surface_beyond_the_grid_is_cut_at_its_border() -> None:
    ball = ellipsoid((0, 20.3, 20.1), (16, 16, 16), 4000)
    half = voxels_of(ball, grid((40, 40, 40), corner=(0.5, 0, 0))).sum()
    assert half == pytest.approx(ball.volume_mm3 / 2, rel=0.01)
    assert not voxels_of(ball, grid((5, 5, 5), corner=(50, 50, 50))).any()
    assert not voxels_of(Surface(np.zeros((0, 3)), np.zeros((0, 3))), grid((5, 5, 5))).any()


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("vhf_left_muscle_biceps_femoris_long", "hamstrings"),
        ("left_muscle_quadratus_femoris", "hip-rotators"),
        ("right_bone_femur", "femur"),
        ("left_cartilage_femur_head", "cartilage"),
        ("left_muscle_tibialis_posterior", "deep-posterior-leg"),
        ("left_muscle_illiacus", "hip-flexors"),
        ("gluteus_medius_muscle", "gluteals"),
        ("quadratus_lumborum_muscle", "trunk-muscle"),
        ("left_bone_talus", "foot-bone"),
        ("muscle_fibularis_longus", "lateral-leg"),
        ("iliotibial_tract", "ligament"),
        ("muscle_tibialis", "muscle"),
        ("ligament_patellar", "ligament"),
        ("left_tendon_patella", "ligament"),
        ("semitendinosus_tendon", "ligament"),
        ("left_muscle_semitendonosus", "hamstrings"),
        ("tensor_fascia_lata", "hip-flexors"),
        ("fascia_lata", "ligament"),
        ("tibial_nerve", "nerve"),
        ("fibular_artery", "vessel"),
        ("tibia-left", "tibia"),
        ("Patellae", "patella"),
    ],
)
def test_names_of_structures_tell_the_part(name: str, part: str) -> None:
    assert part_of(name) == CODE[part]


@pytest.mark.parametrize("name", ["teapot", "tibial_plexus", "left_bone_hip"])
def test_an_unknown_structure_is_named(name: str) -> None:
    with pytest.raises(TaskError, match=name):
        part_of(name)


@pytest.mark.realdata
def test_surfaces_of_the_visible_human_are_the_bones_that_their_files_name(data: Path) -> None:
    names = [path.stem for path in (data / "leg-shapes" / "visible-human").glob("*.ply")]
    found = Counter(part.name for name in names for part in PARTS if part.code == part_of(name))
    bones = {"femur": 4, "tibia": 2, "fibula": 4, "patella": 4, "sacrum": 4, "foot-bone": 32}
    assert {part: count for part, count in found.items() if part in BONES} == bones
    assert found["cartilage"] == sum("cartilage" in name for name in names)
    assert not {"muscle", "ligament", "nerve", "vessel", "vein"} & set(found), "every muscle is of a group"
    assert sum(bones.values()) == sum("_bone_" in name for name in names)


def test_halves_that_touch_are_told_apart_and_sides_are_the_patients() -> None:
    mask = voxels_of(ellipsoid((20, 20, 20), (14, 12, 12)), grid((90, 40, 40)))
    mask |= voxels_of(ellipsoid((60, 20, 20), (14, 12, 12)), grid((90, 40, 40)))
    mask[30:50, 18:22, 18:22] = True  # a bridge
    right, left = halves(mask, (1.0, 1.0, 1.0))
    assert not (right & left).any()
    np.testing.assert_array_equal(right | left, mask)
    assert np.argwhere(right)[:, 0].min() > 38
    assert np.argwhere(left)[:, 0].max() < 42


def test_a_structure_of_one_side_has_no_halves() -> None:
    with pytest.raises(GeometryError, match="right and a left"):
        halves(voxels_of(ellipsoid((20, 20, 20), (9, 9, 9)), grid((40, 40, 40))), (1.0, 1.0, 1.0))


def test_closing_bridges_gaps_of_less_than_twice_the_radius_within_slices_only() -> None:
    mask = np.zeros((40, 40, 9), dtype=bool)
    mask[5:15, 10:30, [2, 6]] = mask[19:30, 10:30, [2, 6]] = True  # 8 mm apart
    assert closed_in_slices(mask, 6.0, EDGES)[17, 20].tolist() == [k in (2, 6) for k in range(9)]
    assert not closed_in_slices(mask, 3.0, EDGES)[17, 20].any()


def test_in_slice_distance_is_the_one_of_each_slice_alone() -> None:
    mask = np.random.default_rng(0).random((30, 30, 5)) > 0.02
    alone = np.stack([distance_mm(mask[:, :, k : k + 1], EDGES)[:, :, 0] for k in range(5)], axis=2)
    np.testing.assert_allclose(distance_mm(mask, EDGES, in_slice=True), alone, rtol=1e-5)


def test_similarity_recovers_a_known_motion() -> None:
    points = np.random.default_rng(1).normal(size=(20, 3)) * 50
    goal = 1.3 * points @ rotation(1, 30).T + [4, -5, 6]
    found = similarity(points, goal)
    np.testing.assert_allclose(points @ found[:3, :3].T + found[:3, 3], goal, atol=1e-9)


def test_a_small_structure_does_not_thin_out_the_points_of_a_large_one() -> None:
    bone, few = lopsided(), np.concatenate([20 * np.eye(3), -20 * np.eye(3), np.zeros((1, 3))])
    change = np.eye(4)
    change[:3, :3] = 1.05 * rotation(2, 6)
    change[:3, 3] = [6, -4, 7]
    goals = [points @ change[:3, :3].T + change[:3, 3] for points in (bone.vertices, few)]
    found = closest_points([(bone.vertices, goals[0]), (few, goals[1])], similarity, np.eye(4))
    np.testing.assert_allclose(found, change, atol=1e-6)


def test_smooth_warp_without_smoothing_goes_through_the_partners() -> None:
    points = np.random.default_rng(2).normal(size=(30, 3)) * 40
    partners = points + np.sin(points / 20) * 3
    np.testing.assert_allclose(smooth_warp(points, partners, 0.0)(points), partners, atol=1e-6)


def test_matches_of_touching_surfaces_face_each_other() -> None:
    one, other = ellipsoid((0, 0, 0), (20, 20, 20)), ellipsoid((42, 0, 0), (20, 20, 20))
    points, partners = matches(one, other, 12.0, opposed=True)
    assert len(points) > 3
    assert (points[:, 0] > 10).all()
    assert (partners[:, 0] < 32).all()
    assert not len(matches(one, other, 12.0, opposed=False)[0])


def test_sphere_centre_of_a_cap() -> None:
    ball = ellipsoid((3, 4, 5), (24, 24, 24)).vertices
    np.testing.assert_allclose(sphere_centre(ball[ball[:, 2] > 15]), [3, 4, 5], atol=1e-6)


def test_a_missing_bone_is_carried_over_with_its_neighbours() -> None:
    places = [(0, 0, 0), (60, 5, 0), (10, 50, 10), (5, 10, 80), (40, 30, 60)]
    own = [ellipsoid(p, (9 + n, 7, 12 - n)) for n, p in enumerate(places)]
    change = np.eye(4)
    change[:3, :3] = rotation(2, 12) @ np.diag([1.1, 0.95, 1.2])
    change[:3, 3] = [400, -300, 900]
    missing = ellipsoid((30, 20, 30), (8, 8, 20))
    found = carried(missing, [(s, moved(s, change)) for s in own])
    np.testing.assert_allclose(found.vertices, moved(missing, change).vertices, atol=2.5)
    with pytest.raises(TaskError, match="four"):
        carried(missing, [(s, s) for s in own[:3]])


def lopsided() -> Surface:
    """A bent tube with a head to one side and a foot to the front: no symmetry that a fit could fall into."""
    pieces = [
        tube((-100, 0, 0), 12, 300, bend=15),
        ellipsoid((-60, 6, 300), (20, 18, 16)),
        ellipsoid((-104, 25, 0), (18, 30, 12)),
    ]
    starts = np.cumsum([0] + [len(piece.vertices) for piece in pieces])
    faces = [piece.faces + start for piece, start in zip(pieces, starts, strict=False)]
    return Surface(np.concatenate([piece.vertices for piece in pieces]), np.concatenate(faces))


def test_a_muscle_is_mirrored_with_its_bone() -> None:
    bone, muscle = lopsided(), ellipsoid((-130, 20, 150), (10, 14, 60))
    flip = np.diag([-1.0, 1.0, 1.0, 1.0])
    flip[:3, :3] = rotation(2, 8) @ flip[:3, :3]
    flip[:3, 3] = [30, 4, -20]
    found = mirrored(muscle, bone, moved(bone, flip))
    np.testing.assert_allclose(found.vertices, moved(muscle, flip).vertices, atol=2.0)
    assert found.volume_mm3 == pytest.approx(muscle.volume_mm3, rel=0.05)


def test_another_persons_bone_takes_the_place_of_ones_own() -> None:
    own = lopsided()
    change = np.eye(4)
    change[:3, :3] = rotation(2, -9) @ np.diag([1.2, 1.1, 0.9])
    change[:3, 3] = [80, 90, -700]
    found = replaced(moved(own, change), [own], mirror=False)
    assert np.linalg.norm(found.vertices - own.vertices, axis=1).mean() < 1.5


def test_a_shaft_is_moved_into_the_room_between_the_muscles() -> None:
    femur, room = tube((0, 0, 0), 12, 300), tube((0, 0, 0), 14, 300, bend=9)
    flesh = tube((0, 0, 0), 45, 300)
    hollow = Surface(
        np.concatenate([flesh.vertices, room.vertices]),
        np.concatenate([flesh.faces, room.faces + len(flesh.vertices)]),  # parity leaves the room out
    )
    found = refitted_shaft(femur, [hollow]).vertices
    middle, end = np.abs(found[:, 2] - 150) < 15, found[:, 2] < 45
    assert found[middle, 0].mean() == pytest.approx(9, abs=0.7)
    assert np.ptp(found[middle, 1]) == pytest.approx(28, abs=1.5)
    np.testing.assert_allclose(found[end], femur.vertices[end])


def trunk() -> tuple[np.ndarray, np.ndarray]:
    """A ring of muscle in fat, with hip bones at its sides below: parts and outline on 2 mm voxels."""
    i, j, k = np.indices((110, 90, 60))
    far = np.hypot((i - 55) / 1.2, j - 45)
    parts = np.zeros(i.shape, dtype=np.uint8)
    parts[(far > 30) & (far < 35)] = CODE["trunk-muscle"]
    parts[(np.abs(np.abs(i - 55) - 38) < 3) & (np.abs(j - 45) < 12) & (k < 50)] = CODE["pelvis"]
    return parts, far < 42


def test_soft_tissue_lies_where_it_belongs() -> None:
    parts, body = trunk()
    before = parts.copy()
    fill_soft_tissue(parts, body, EDGES, "one")
    assert (parts[~body] == CODE["air"]).all()
    assert (parts[body] != CODE["air"]).all()
    bone = before == CODE["pelvis"]
    np.testing.assert_array_equal(parts == CODE["pelvis"], bone & body)
    rim = body & (distance_mm(body, EDGES, in_slice=True) <= 2)
    assert (parts[rim] == CODE["skin"]).all()
    i, j, _ = np.indices(parts.shape)
    far = np.hypot((i - 55) / 1.2, j - 45)
    assert (parts[(far > 36.5) & (far < 39.5) & ~bone] == CODE["subcutaneous-fat"]).mean() > 0.95
    inner = [CODE[n] for n in ("visceral-fat", "viscera", "bowel", "gas", "bladder")]
    assert np.isin(parts[:, :, 20:][far[:, :, 20:] < 28], inner).mean() > 0.95


def test_viscera_differ_between_bodies_and_not_between_runs() -> None:
    made = []
    for name in ("one", "one", "two"):
        parts, body = trunk()
        fill_soft_tissue(parts, body, EDGES, name)
        made.append(parts)
    np.testing.assert_array_equal(made[0], made[1])
    assert (made[0] != made[2]).mean() > 0.05


def test_the_spine_gets_discs_and_a_canal() -> None:
    i, j, k = np.indices((50, 60, 60))
    body = np.hypot(i - 25, j - 35) < 11
    arch = (np.hypot(i - 25, j - 18) < 9) & (np.hypot(i - 25, j - 18) > 5)
    parts = np.where((body | arch) & (k % 20 > 4), CODE["spine"], 0).astype(np.uint8)
    fill_spine(parts, EDGES)
    assert (parts[25, 35, [21, 22, 43]] == CODE["disc"]).all()
    assert (parts[25, 18, 10:50] == CODE["canal"]).all()


@pytest.mark.parametrize("edge", [0.5, 2.0])
def test_a_single_round_vertebra_gets_no_disc_on_voxels_of_any_size(edge: float) -> None:
    ball = ellipsoid((16.1, 16.2, 16.3), (15, 15, 15), 4000)
    n = int(34 / edge)
    parts = voxels_of(ball, grid((n, n, n), edge)).astype(np.uint8) * CODE["spine"]
    fill_spine(parts, (edge, edge, edge))
    assert set(np.unique(parts)) == {0, CODE["spine"]}


@pytest.mark.parametrize("edge", [0.5, 1.0])
def test_cartilage_fills_a_joint_on_voxels_of_any_size(edge: float) -> None:
    values = np.zeros((20, 20, round(46 / edge)), dtype=np.uint8)
    values[:, :, : round(20 / edge)], values[:, :, round(26 / edge) :] = 1, 2
    parts = np.where(values > 0, CODE["femur"], 0).astype(np.uint8)
    fill_joints(parts, values, (edge, edge, edge))
    middle = parts[:, :, round(23 / edge)]
    assert (middle == CODE["cartilage"]).all()


def label_map() -> tuple[Volume, Volume, dict[int, str]]:
    """Two thighs and hip bones in slices of 6 mm, axes to the left, back and up as CT has them."""
    shape = (120, 70, 30)
    i, j, k = np.indices(shape)
    far = np.hypot(np.abs(i - 60) - 30, j - 35)
    labels = np.zeros(shape, dtype=np.uint8)
    labels[far < 18] = 7
    labels[(far < 7) & (k < 20)] = 2
    labels[(far < 12) & (k >= 21)] = 1
    affine = np.diag([-2.0, -2.0, 6.0, 1.0])
    affine[:3, 3] = [120, 70, -90]
    outline = (far < 26).astype(np.uint8)
    return Volume(labels, affine), Volume(outline, affine), {1: "pelvis", 2: "femur", 7: "vastus_medialis_muscle"}


def test_a_label_map_without_sides_becomes_a_body_with_sides() -> None:
    labels, outline, meanings = label_map()
    body = body_from_labels(labels, outline, meanings, name="small", spacing_mm=2.0)
    assert body.labels.orientation == "RAS"
    assert body.labels.values() == [2, 4, 12, 14]
    for value, sign in ((2, 1), (4, 1), (12, -1), (14, -1)):
        assert sign * body.labels.world_mm(np.argwhere(body.labels.array == value))[:, 0].mean() > 40
    true = (labels.array == 2).sum() * labels.voxel_volume_mm3
    found = body.labels.mask("femur").sum() * body.labels.voxel_volume_mm3
    assert found == pytest.approx(true, rel=0.05)
    np.testing.assert_array_equal(body.labels.mask("femur"), body.parts.array == CODE["femur"])


def test_labels_and_outline_on_two_grids_are_refused() -> None:
    labels, outline, meanings = label_map()
    other = Volume(outline.array[:-1], outline.affine)
    with pytest.raises(GeometryError, match="small"):
        body_from_labels(labels, other, meanings, name="small")


def test_values_without_a_meaning_are_refused() -> None:
    labels, outline, meanings = label_map()
    del meanings[2], meanings[7]
    with pytest.raises(TaskError, match="small hold values without a meaning: 2, 7"):
        body_from_labels(labels, outline, meanings, name="small")


def legs() -> dict[str, Surface]:
    """Two legs of tubes and balls, the right one at larger x."""
    made = {}
    for side, x in (("right", 70.0), ("left", -70.0)):
        made |= {
            f"{side}_bone_pelvis": ellipsoid((x * 0.7, 0, 330), (40, 30, 50)),
            f"{side}_bone_femur": tube((x, 0, 160), 12, 110),
            f"{side}_bone_tibia": tube((x, 0, 40), 13, 115),
            f"{side}_bone_talus": ellipsoid((x, 10, 25), (15, 30, 12)),
            f"{side}_muscle_vastus_medialis": tube((x, 5, 165), 40, 100),
            f"{side}_muscle_soleus": tube((x, -5, 60), 30, 90),
        }
    return made


def test_surfaces_become_a_body_with_skin_around_and_bones_over_muscles() -> None:
    surfaces = legs()
    body = body_from_surfaces(surfaces, Fat(5, 5, 8, 10, 12), name="tubes", source="made", spacing_mm=4.0)
    assert body.source == "made"
    assert body.labels.values() == [1, 2, 4, 11, 12, 14]
    world = body.labels.world_mm(np.argwhere(body.labels.array == 2))
    assert world[:, 0].mean() == pytest.approx(70, abs=2)
    assert (body.labels.array == 2).sum() * 64 == pytest.approx(surfaces["right_bone_femur"].volume_mm3, rel=0.06)
    parts = body.parts.array
    for name, value in (("femur", 2), ("tibia", 1)):
        assert ((parts == CODE[name]) == body.labels.mask(name)).all(), value
    k = round((100 - body.parts.affine[2, 3]) / 4)
    shown = set(np.unique(parts[:, :, k]).tolist())
    assert shown >= {CODE[n] for n in ("air", "subcutaneous-fat", "calf", "tibia")}
    middle = parts.shape[0] // 2
    assert (parts[middle, :, k] == CODE["air"]).all(), "the legs are two"


def test_a_bone_without_a_side_is_refused() -> None:
    surfaces = legs() | {"bone_femur": tube((0, 0, 160), 12, 110)}
    with pytest.raises(TaskError, match="bone_femur has no side"):
        body_from_surfaces(surfaces, Fat(5, 5, 8, 10, 12), name="tubes", source="made", spacing_mm=6.0)


@pytest.mark.parametrize(
    ("lacking", "says"),
    [
        (("tibia",), "No surface of tubes is a tibia or fibula:"),
        (("pelvis",), "No surface of tubes is a pelvis:"),
        (("tibia", "pelvis"), "is a tibia or fibula, and none a pelvis:"),
    ],
)
def test_legs_without_the_bones_of_knee_or_hip_are_refused(lacking: tuple[str, ...], says: str) -> None:
    surfaces = {name: s for name, s in legs().items() if not any(bone in name for bone in lacking)}
    with pytest.raises(TaskError, match=says):
        body_from_surfaces(surfaces, Fat(5, 5, 8, 10, 12), name="tubes", source="made", spacing_mm=6.0)


def small_body() -> Body:
    parts = np.zeros((8, 9, 10), dtype=np.uint8)
    parts[2:5, 3:6, 2:8] = CODE["femur"]
    labels = np.where(parts > 0, 12, 0).astype(np.uint8)
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    task = Task.load("leg-bones")
    return Body(
        "tiny", Volume(parts, affine), LabelMap(labels, affine, task=task), "made", 9.5, {"femur-left.length_mm": 12.0}
    )


def test_a_body_reads_back_as_it_was_written(tmp_path: Path) -> None:
    body = small_body()
    write_body(body, tmp_path)
    (back,) = load_bodies(tmp_path)
    assert (back.name, back.source, back.age_years, back.truth) == ("tiny", "made", 9.5, body.truth)
    np.testing.assert_array_equal(back.parts.array, body.parts.array)
    np.testing.assert_array_equal(back.labels.array, body.labels.array)
    assert back.parts.grid.matches(body.parts.grid)


def test_the_same_body_is_written_as_the_same_bytes(tmp_path: Path) -> None:
    folders = [write_body(small_body(), tmp_path / name) for name in ("a", "b")]
    for file in ("parts.nii.gz", "labels.nii.gz", "body.toml"):
        assert (folders[0] / file).read_bytes() == (folders[1] / file).read_bytes()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda f: (f / "parts.nii.gz").unlink(), "has no parts.nii.gz"),
        (lambda f: (f / "labels.nii.gz").unlink(), "has no labels.nii.gz"),
        (lambda f: (f / "body.toml").write_text("source = "), "not valid TOML"),
        (lambda f: (f / "body.toml").write_text("age_years = 3"), "does not say where"),
        (lambda f: (f / "body.toml").write_text('source = "x"\nage_years = "old"'), "no number"),
        (lambda f: (f / "body.toml").unlink(), "holds no templates.*phantom bodies"),
    ],
)
def test_a_spoiled_template_is_refused_by_name(spoil: object, says: str, tmp_path: Path) -> None:
    folder = write_body(small_body(), tmp_path)
    spoil(folder)  # type: ignore[operator]
    with pytest.raises(ReadError, match=says) as found:
        load_bodies(tmp_path)
    assert tmp_path.name in str(found.value)


def test_a_missing_folder_of_templates_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OsteonError, match=r"no folder of templates.*osteon phantom bodies.*recipes/leg_templates"):
        load_bodies(tmp_path / "none")


@pytest.mark.realdata
def test_a_ct_label_map_becomes_a_body_with_femora_on_their_sides(data: Path) -> None:
    folder = data / "pelvis-thigh-labels"
    rows = [line.split("\t") for line in (folder / "labels.tsv").read_text().splitlines()[1:]]
    scans = [read(folder / f"pelvic-ref-005_{kind}.nii.gz") for kind in ("labels", "body")]
    coarse = [Volume(s.array[::4, ::4, ::2], s.affine @ np.diag([4.0, 4.0, 2.0, 1.0])) for s in scans]
    body = body_from_labels(*coarse, {int(v): name for v, name in rows}, name="ct", spacing_mm=4.0)
    assert body.labels.values() == [2, 4, 12, 14]
    centre = {v: body.labels.world_mm(np.argwhere(body.labels.array == v)).mean(axis=0) for v in (2, 4, 12, 14)}
    assert centre[2][0] > centre[4][0] > centre[14][0] > centre[12][0]
    sizes = [(body.labels.array == v).sum() for v in (2, 12)]
    assert max(sizes) < 1.15 * min(sizes)
