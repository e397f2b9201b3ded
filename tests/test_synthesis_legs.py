from __future__ import annotations

from dataclasses import replace
from functools import cache

import cc3d
import numpy as np
import pytest

from osteon.geometry import transform_points
from osteon.synthesis.body import Body
from osteon.synthesis.legs import LegParameters, make_legs
from osteon.synthesis.legs.cyst import Cyst
from osteon.synthesis.legs.femur import Femur
from osteon.synthesis.legs.frames import LegFrames
from osteon.synthesis.legs.muscles import Leg
from osteon.synthesis.legs.tibia import Tibia
from osteon.synthesis.legs.truth import axes_truth
from osteon.synthesis.parts import CODE

SPACING_MM = (4.0, 4.0, 4.0)
SIDES = (("right", 0), ("left", 10))


def parameters(seed: int = 3, age_years: float = 30.0, female: bool = False) -> LegParameters:
    return LegParameters.draw(np.random.default_rng(seed), age_years, female)


@cache
def body(age_years: float, female: bool) -> Body:
    return make_legs(parameters(3, age_years, female), name="legs", spacing_mm=SPACING_MM, seed=3)


def adult() -> Body:
    return body(30.0, False)


@cache
def mean_man() -> Body:
    subject = parameters()
    side = replace(subject.right, width=1.0, shaft_width=1.0, femur_length_mm=447.0, tibia_length_mm=367.0)
    subject = replace(subject, right=side, left=side, hip_distance_mm=88.0)
    subject = replace(subject, pelvis_width=1.0, pelvis_height=1.0, pelvis_depth=1.0)
    return make_legs(subject, name="mean", spacing_mm=SPACING_MM)


def child() -> Body:
    return body(6.0, True)


def points_of(made: Body, value: int) -> np.ndarray:
    return transform_points(made.labels.affine, np.argwhere(made.labels.array == value).astype(float))


def volume_cm3(made: Body, value: int) -> float:
    return float((made.labels.array == value).sum() * np.prod(made.labels.spacing_mm) / 1000)


def lowest(field, start: tuple[float, float, float], direction: tuple[float, float, float]) -> np.ndarray:
    """Point of a surface furthest along a direction, from a fine grid around a start."""
    steps = np.arange(-9, 9.01, 0.25, dtype=np.float32)
    x, y, z = np.meshgrid(*(steps + np.float32(s) for s in start), indexing="ij")
    bone = field(x, y, z)
    inside = bone.distance < -bone.cartilage_mm
    points = np.stack([x[inside], y[inside], z[inside]], axis=1)
    along = points @ np.array(direction)
    return points[along > along.max() - 0.26].mean(axis=0)


class TestTruth:
    @pytest.mark.parametrize(("age_years", "female"), [(5.0, True), (12.0, False), (40.0, True), (30.0, False)])
    def test_the_length_of_the_femur_runs_to_the_lowest_points_of_its_condyles(
        self, age_years: float, female: bool
    ) -> None:
        subject = parameters(5, age_years, female)
        femur = Femur(subject.right, subject)
        w = subject.right.width
        knee = np.mean([lowest(femur.field, (x * w, 0, 4), (0, 0, -1)) for x in (-22.5, 22.5)], axis=0)
        assert abs(knee[0]) < 1.0
        measured = np.linalg.norm(femur.head - [0, 0, knee[2]])
        assert measured == pytest.approx(femur.truth()["mechanical_length_mm"], abs=0.6)

    @pytest.mark.parametrize("age_years", [5.0, 30.0])
    def test_a_plane_behind_the_condyles_runs_across(self, age_years: float) -> None:
        subject = parameters(6, age_years)
        femur = Femur(subject.left, subject)
        w = subject.left.width
        behind = [lowest(femur.field, (x * w, -28 * w, 24 * w), (0, -1, 0)) for x in (-22.5, 22.5)]
        turn = np.degrees(np.arctan2(behind[1][1] - behind[0][1], behind[1][0] - behind[0][0]))
        assert abs(turn) < 0.5

    def test_neck_and_shaft_enclose_their_angle(self) -> None:
        for age_years, seed in ((4.0, 1), (10.0, 2), (35.0, 3)):
            subject = parameters(seed, age_years)
            femur = Femur(subject.right, subject)
            down = femur.shaft.centre(0.5 * femur.length_mm) - femur.shaft.centre(0.75 * femur.length_mm)
            neck = femur.head - femur.base
            angle = np.degrees(np.arccos(neck @ down / np.linalg.norm(neck) / np.linalg.norm(down)))
            assert angle == pytest.approx(subject.right.neck_shaft_degrees, abs=1e-3)
            forward = np.degrees(np.arctan2(neck[1], -neck[0]))
            assert forward == pytest.approx(subject.right.anteversion_degrees, abs=1e-6)

    def test_the_malleoli_stand_turned_by_the_torsion(self) -> None:
        subject = parameters(8)
        tibia = Tibia(subject.right, subject)
        w, z = subject.right.width, -tibia.length_mm
        x, y = np.meshgrid(np.arange(-50, 60, 0.5, dtype=np.float32), np.arange(-50, 50, 0.5, dtype=np.float32))
        level = np.full_like(x, z - 4 * w)
        ends = []
        for field in (tibia.tibia_field, tibia.fibula_field):
            inside = field(x, y, level).distance < 0
            ends.append(np.array([x[inside].mean(), y[inside].mean()]))
        across = ends[1] - ends[0]
        assert np.degrees(np.arctan2(-across[1], across[0])) == pytest.approx(subject.right.torsion_degrees, abs=1.0)

    def test_a_straight_leg_has_its_knee_on_the_mechanical_axis_and_varus_beside_it(self) -> None:
        subject = parameters(9)
        for valgus, sign in ((0.0, 0), (8.0, -1), (-8.0, 1)):
            side = replace(subject.right, valgus_degrees=valgus, knee_flexion_degrees=0.0, hip_rotation_degrees=0.0)
            frames = LegFrames.posed(side, True, subject.hip_distance_mm)
            truth = axes_truth(Leg(frames, Femur(side, subject), Tibia(side, subject), subject))
            deviation = truth["mechanical_axis_deviation_mm"]
            assert abs(deviation) < 1.5 if sign == 0 else deviation * sign > 15
            assert truth["hip_knee_ankle_degrees"] == pytest.approx(180 + valgus, abs=0.3)

    def test_the_knee_bends_back_and_the_foot_turns_out(self) -> None:
        side = replace(parameters().right, knee_flexion_degrees=20.0, hip_flexion_degrees=0.0, torsion_degrees=40.0)
        for right in (True, False):
            frames = LegFrames.posed(side, right, 88.0)
            knee, ankle = frames.tibia.world((0, 0, 0)), frames.foot.world((0, 0, 0))
            assert ankle[1] < knee[1] - 80
            toes = frames.foot.world((0, 100, 0)) - ankle
            assert toes[1] > 50
            assert toes[0] * (1 if right else -1) > 20


class TestBody:
    def test_right_is_where_x_is_positive_and_only_there(self) -> None:
        for made in (adult(), child()):
            for bone in (1, 2, 3, 4):
                assert points_of(made, bone)[:, 0].min() > -1.0
                assert points_of(made, bone + 10)[:, 0].max() < 1.0

    @pytest.mark.parametrize(("bone", "low", "high"), [(2, 500, 650), (1, 320, 420), (3, 50, 75), (4, 330, 450)])
    def test_bones_of_a_man_have_their_volume(self, bone: int, low: float, high: float) -> None:
        for _, offset in SIDES:
            assert low < volume_cm3(mean_man(), bone + offset) < high

    def test_every_bone_of_an_adult_is_one_piece(self) -> None:
        for value in (1, 2, 3, 4, 11, 12, 13, 14):
            pieces = cc3d.connected_components(adult().labels.array == value, connectivity=26)
            assert pieces.max() == 1

    def test_labels_are_bone_or_growth_plate_and_all_of_it(self) -> None:
        of_bone = {1: "tibia", 2: "femur", 3: "fibula", 4: "pelvis"}
        for made in (adult(), child()):
            parts, labels = made.parts.array, made.labels.array
            for bone, part in of_bone.items():
                here = np.isin(labels, (bone, bone + 10))
                assert set(np.unique(parts[here])) <= {CODE[part], CODE["growth-plate"]}
                assert not (parts == CODE[part])[~here].any()
            assert not labels[parts == CODE["epiphyseal-cartilage"]].any()

    def test_growth_plates_are_open_in_children_only(self) -> None:
        plate, cartilage = CODE["growth-plate"], CODE["epiphyseal-cartilage"]
        assert not np.isin(adult().parts.array, (plate, cartilage)).any()
        for bone in (1, 2, 11, 12):
            assert ((child().parts.array == plate) & (child().labels.array == bone)).sum() > 5
        assert (child().parts.array == cartilage).sum() > 100

    def test_bones_lie_under_skin_fat_and_muscle(self) -> None:
        for made in (adult(), child()):
            parts = made.parts.array
            for name in (
                "skin",
                "subcutaneous-fat",
                "quadriceps",
                "hamstrings",
                "adductors",
                "gluteals",
                "calf",
                "foot-muscle",
            ):
                assert (parts == CODE[name]).sum() > 60, name
            # no labelled voxel touches air
            air = parts == CODE["air"]
            for axis in (0, 1):
                for step in (-1, 1):
                    assert not (np.roll(air, step, axis) & (made.labels.array > 0)).any()

    def test_the_fibula_lies_lateral_of_and_behind_the_tibia(self) -> None:
        for name, offset in SIDES:
            tibia, fibula = points_of(adult(), 1 + offset), points_of(adult(), 3 + offset)
            middle = np.median(tibia[:, 2])
            at = [p[np.abs(p[:, 2] - middle) < 6].mean(axis=0) for p in (tibia, fibula)]
            outward = (at[1] - at[0])[0] * (1 if name == "right" else -1)
            assert outward > 8
            assert at[1][1] < at[0][1] - 8

    def test_the_head_sits_in_the_socket_without_touching_it(self) -> None:
        for made in (adult(), child()):
            for _, offset in SIDES:
                hip, femur = (made.labels.array == v + offset for v in (4, 2))
                grown = sum(np.roll(femur, s, a) for a in range(3) for s in (-1, 1)) > 0
                # at 4 mm a few voxels of a 3.5 mm joint space are neighbours
                assert (grown & hip).sum() < 0.25 * (grown & ~femur).sum()

    def test_the_same_seed_gives_the_same_bytes_and_another_does_not(self) -> None:
        coarse = (10.0, 10.0, 10.0)
        first, again, other = (make_legs(parameters(s, 9.0), name="legs", spacing_mm=coarse, seed=s) for s in (4, 4, 5))
        assert first.parts.array.tobytes() == again.parts.array.tobytes()
        assert first.truth == again.truth
        assert first.truth != other.truth


class TestCysts:
    def test_cysts_replace_marrow_or_what_lies_behind_the_knee_and_no_label_changes(self) -> None:
        within = [Cyst(right, bone, True, at, (8.0, 8.0, 8.0)) for right, bone, at in (
            (True, "femur", (21.0, 0.0, 22.0)), (False, "tibia", (0.0, 6.0, -44.0)),
        )]  # fmt: skip
        behind = Cyst(False, "femur", False, (-17.0, -45.0, 5.0), (10.0, 8.0, 20.0))
        without = parameters(3, 30.0)
        subject = replace(without, cysts=(*within, behind))
        made = make_legs(subject, name="legs", spacing_mm=SPACING_MM, seed=3)
        here = made.parts.array == CODE["cyst"]
        assert np.array_equal(made.parts.array != adult().parts.array, here)
        assert np.array_equal(made.labels.array, adult().labels.array)
        voxel_mm3 = float(np.prod(SPACING_MM))
        side = subject.right.width
        for label, was in ((2, "femur"), (11, "tibia")):
            inside = here & (made.labels.array == label)
            assert set(adult().parts.array[inside]) == {CODE[was]}
            assert inside.sum() * voxel_mm3 == pytest.approx(4 / 3 * np.pi * (8 * side) ** 3, rel=0.35)
        soft = here & (made.labels.array == 0)
        assert soft.sum() * voxel_mm3 == pytest.approx(4 / 3 * np.pi * 10 * 8 * 20 * side**3, rel=0.35)
        middle = transform_points(made.parts.affine, np.argwhere(soft).astype(float)).mean(axis=0)
        knee = points_of(made, 12)
        knee = knee[knee[:, 2] < knee[:, 2].min() + 20]
        assert middle[1] < knee[:, 1].min()
        assert abs(middle[2] - knee[:, 2].min()) < 25
        assert middle[0] > knee[:, 0].mean(), "medially in the left leg"

    def test_a_few_subjects_have_some_and_all_else_is_drawn_as_without(self, monkeypatch: pytest.MonkeyPatch) -> None:
        drawn = [parameters(s) for s in range(300)]
        cysts = [cyst for subject in drawn for cyst in subject.cysts]
        assert 0.02 < sum(not c.inside for c in cysts) / 600 < 0.12
        assert 0.02 < sum(c.inside for c in cysts) / 600 < 0.12
        assert {c.right for c in cysts} == {True, False}
        monkeypatch.setattr("osteon.synthesis.legs.parameters.draw_cysts", lambda rng: ())
        assert [replace(subject, cysts=()) for subject in drawn] == [parameters(s) for s in range(300)]


class TestNorms:
    def test_lengths_and_angles_follow_growth(self) -> None:
        def mean(age_years: float, what: str) -> float:
            return float(np.mean([getattr(parameters(s, age_years).right, what) for s in range(40)]))

        assert 190 < mean(4, "femur_length_mm") < 240
        assert 425 < mean(30, "femur_length_mm") < 465
        assert mean(4, "neck_shaft_degrees") > mean(10, "neck_shaft_degrees") > mean(30, "neck_shaft_degrees")
        assert mean(4, "anteversion_degrees") > mean(30, "anteversion_degrees") + 10
        assert mean(30, "torsion_degrees") > mean(4, "torsion_degrees") + 6

    def test_girls_stop_growing_before_boys(self) -> None:
        assert np.mean([parameters(s, 15.0, True).plate_mm for s in range(20)]) < 0.5
        assert np.mean([parameters(s, 14.0, False).plate_mm for s in range(20)]) > 1.0

    def test_a_draw_without_age_covers_children_and_adults(self) -> None:
        ages = [LegParameters.draw(np.random.default_rng(s)).age_years for s in range(60)]
        assert min(ages) < 7
        assert max(ages) > 50
