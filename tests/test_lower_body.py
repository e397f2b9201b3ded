"""Where the legs begin: found from the outline of made bodies, whichever way the scan lies."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from osteon import labelling
from osteon.anatomy import Task
from osteon.errors import UsageError
from osteon.inference import Prediction
from osteon.io import read, write
from osteon.networks.model import Model
from osteon.pipeline import SegmentedCase, segment
from osteon.preprocessing import LowerBody, confirmed, find_lower_body, lower_body_from_slice
from osteon.preprocessing.lower_body import MARGIN_MM, TOLERANCE_SLICES, UNSURE
from osteon.preprocessing.outline import outline_of
from osteon.volume import LabelMap, Volume

STEP_MM = 10.0
CROTCH_MM, CREST_MM, HEAD_MM = 700.0, 880.0, 1500.0
LEGS = Task.load("leg-bones")


@cache
def person(
    low_mm: float = 0.0, high_mm: float = HEAD_MM, *, arms: bool = False, touching: float = 0, lean_mm: float = 0.0
) -> Volume:
    """A body of ellipses, its soles at 0, in RAS; what lies between two heights. ``lean_mm``: how far it lies askew.

    ``touching``: by what share of their half width the thighs are pressed into each other.
    """
    height = np.arange(low_mm + STEP_MM / 2, high_mm, STEP_MM)
    x = (np.arange(-32, 32) + 0.5) * STEP_MM
    y = (np.arange(-13, 13) + 0.5) * STEP_MM
    array = np.zeros((64, 26, height.size), np.float32)
    for k, z in enumerate(height):
        across = x - lean_mm * (z / HEAD_MM - 0.5)
        array[:, :, k] = section(across[:, None], y[None, :], z, arms, touching)
    array *= np.random.default_rng(0).uniform(70, 130, array.shape).astype(np.float32)
    affine = np.diag([STEP_MM, STEP_MM, STEP_MM, 1.0])
    affine[:3, 3] = x[0] + 30, y[0] - 12, height[0] - 700
    return Volume(array, affine)


def section(x: NDArray[np.float64], y: NDArray[np.float64], z: float, arms: bool, touching: float) -> NDArray[np.bool_]:
    def ellipse(middle: float, wide: float, deep: float) -> NDArray[np.bool_]:
        return ((x - middle) / wide) ** 2 + (y / deep) ** 2 < 1

    if z < CROTCH_MM:
        wide = float(np.interp(z, (0, 60, 100, 300, 400, CROTCH_MM), (45, 50, 28, 45, 48, 70)))
        deep = float(np.interp(z, (0, 60, 100, 300, 400, CROTCH_MM), (90, 80, 30, 45, 50, 75)))
        apart = (1 - touching) * wide if touching and z > 400 else max(75.0, wide + 12)
        held = ellipse(-apart, wide, deep) | ellipse(apart, wide, deep)
    elif z < 1250:
        held = ellipse(0, 145, 95)
    else:
        held = ellipse(0, 60, 65)
    if arms and 520 < z < 1230:
        held = held | ellipse(-185, 38, 38) | ellipse(185, 38, 38)
    return held


def height_of(scan: Volume, found: LowerBody, number: int) -> float:
    """Height over the soles of a slice, at the middle of the scan."""
    place = (np.array(scan.shape) - 1) / 2
    place[found.axis] = number
    return float(scan.world_mm(place[None])[0, 2]) + 700


def last_kept(scan: Volume, found: LowerBody) -> int:
    return found.kept.stop - 1 if scan.affine[2, found.axis] > 0 else found.kept.start


@pytest.mark.parametrize("arms", [False, True], ids=["no arms", "arms that touch the body"])
@pytest.mark.parametrize("touching", [0, 0.1, 0.24], ids=["legs apart", "thighs that touch", "with hardly a furrow"])
def test_the_pelvis_of_a_whole_body_ends_where_proportions_say(arms: bool, touching: float) -> None:
    scan = person(arms=arms, touching=touching)
    found = find_lower_body(scan)
    assert abs(height_of(scan, found, found.slice_number) - CREST_MM) < 30
    assert found.confidence > (0.6 if touching > 0.2 else 0.8)
    assert found.cuts(scan.shape)
    above_mm = height_of(scan, found, last_kept(scan, found)) - CREST_MM
    assert 0 < above_mm < MARGIN_MM + 30


def test_a_body_that_lies_askew_is_found_as_well() -> None:
    scan = person(lean_mm=80)
    found = find_lower_body(scan)
    assert abs(height_of(scan, found, found.slice_number) - CREST_MM) < 30


@pytest.mark.parametrize("axes", ["LPS", "RAI", "SPL", "AIL", "RIP"])
def test_every_orientation_gives_the_same_place(axes: str) -> None:
    scan = person().reoriented(axes)
    found = find_lower_body(scan)
    usual = person()
    expected = find_lower_body(usual)
    here, there = (height_of(s, f, f.slice_number) for s, f in ((scan, found), (usual, expected)))
    assert here == pytest.approx(there, abs=STEP_MM)
    feet = np.array([0.0, 0.0, -700 + STEP_MM])
    lowest = round(float(scan.index(feet[None])[0, found.axis]))
    assert found.kept.start <= lowest < found.kept.stop


def test_a_scan_from_the_knees_up_is_cut_by_the_width_of_the_hips() -> None:
    scan = person(450.0)
    found = find_lower_body(scan)
    assert "width of the hips." in found.reason
    assert abs(height_of(scan, found, found.slice_number) - CREST_MM) < 40
    assert found.cuts(scan.shape)


@pytest.mark.parametrize(
    ("low_mm", "high_mm", "said"),
    [
        (0.0, 860.0, "ends near the upper end of the pelvis"),
        (0.0, 800.0, "ends near the upper end of the pelvis"),
        (350.0, 650.0, "legs fill the scan"),
        (720.0, HEAD_MM, "No gap between two legs"),
    ],
    ids=["to the crests", "to the hips", "thighs", "trunk"],
)
def test_nothing_is_cut_where_there_is_nothing_above_the_legs_or_no_legs(
    low_mm: float, high_mm: float, said: str
) -> None:
    scan = person(low_mm, high_mm)
    found = find_lower_body(scan)
    assert said in found.reason
    assert not found.cuts(scan.shape)


def test_an_empty_scan_is_searched_whole_and_without_confidence() -> None:
    scan = Volume(np.zeros((20, 20, 30), np.int16), np.diag([5.0, 5.0, 5.0, 1.0]))
    found = find_lower_body(scan)
    assert not found.cuts(scan.shape)
    assert found.confidence < UNSURE


def test_the_outline_tells_legs_from_trunk_and_sees_feet() -> None:
    whole, from_knees = outline_of(person(arms=True)), outline_of(person(450.0))
    at = [round(height / whole.step_mm) for height in (300, 1000)]
    assert whole.bridge[at[0]] < 0.1 < 0.9 < whole.bridge[at[1]]
    assert whole.width_mm[at[1]] < 300
    assert whole.soles_in_view
    assert not from_knees.soles_in_view


@pytest.mark.parametrize("axes", ["RAS", "LPI"])
def test_a_slice_that_the_user_names_keeps_fifty_more_towards_the_head(axes: str) -> None:
    scan = person().reoriented(axes)
    found = lower_body_from_slice(scan, 90)
    kept = set(range(found.kept.start, found.kept.stop))
    up = scan.affine[2, 2] > 0
    assert kept == set(range(0, 90 + TOLERANCE_SLICES + 1) if up else range(90 - TOLERANCE_SLICES, scan.shape[2]))
    assert found.confidence == 1


@pytest.mark.parametrize("number", [-1, 150, 10_000])
def test_a_slice_that_is_not_there_is_refused(number: int) -> None:
    with pytest.raises(UsageError, match=rf"no slice {number} in this scan.*slices 0 to 149"):
        lower_body_from_slice(person(), number)


def test_what_was_found_in_the_box_lies_in_its_place_on_the_whole_grid() -> None:
    scan = person()
    found = lower_body_from_slice(scan, 60)
    box = found.box(scan.shape)
    back = found.on_whole(scan.cropped(box).with_array(np.ones(scan.cropped(box).shape, np.uint8)), scan)
    assert back.grid.matches(scan.grid)
    assert back.array[:, :, :111].all()
    assert not back.array[:, :, 111:].any()


def labels_up_to(scan: Volume, number: int) -> LabelMap:
    array = np.zeros(scan.shape, np.uint8)
    array[20:40, 8:18, 72 : number + 1] = LEGS.by_name("pelvis-right").value
    return LabelMap(array, scan.affine, task=LEGS)


def test_a_model_that_agrees_makes_more_sure_and_one_that_differs_less() -> None:
    scan = person()
    found = find_lower_body(scan)
    near, said_near = confirmed(found, labels_up_to(scan, found.slice_number + 1), "pelvis")
    far, said_far = confirmed(found, labels_up_to(scan, found.slice_number - 12), "pelvis")
    assert near.slice_number == found.slice_number + 1
    assert far.confidence < found.confidence < near.confidence <= 1
    assert said_near is said_far is None


def test_a_pelvis_that_reaches_the_cut_is_a_reason_to_look() -> None:
    scan = person()
    found = find_lower_body(scan)
    _, said = confirmed(found, labels_up_to(scan, found.kept.stop - 1), "pelvis")
    assert said is not None
    assert "--from-slice" in said


def test_without_a_pelvis_the_outline_stands() -> None:
    scan = person()
    found = find_lower_body(scan)
    empty = LabelMap(np.zeros(scan.shape, np.uint8), scan.affine, task=LEGS)
    assert confirmed(found, empty, "pelvis") == (found, None)


@pytest.mark.realdata
@pytest.mark.parametrize("name", ["thighs", "calves"])
def test_real_stacks_of_legs_are_kept_whole(data: Path, name: str) -> None:
    scan = read(data / "leg-mri" / f"{name}.nii.gz")
    found = find_lower_body(scan)
    assert not found.cuts(scan.shape)
    assert "legs fill the scan" in found.reason


@pytest.mark.realdata
@pytest.mark.parametrize("name", ["001"])
def test_no_pelvis_in_ct_would_be_cut(data: Path, name: str) -> None:
    folder = data / "pelvis-thigh-labels"
    body, labels = (read(folder / f"pelvic-ref-{name}_{kind}.nii.gz") for kind in ("body", "labels"))
    found = find_lower_body(body.with_array(100 * (body.array > 0).astype(np.float32)))
    held = np.flatnonzero((labels.array == 1).any(axis=(0, 1)))
    assert found.kept.start <= held[0] < held[-1] < found.kept.stop


KNEES_TO_CHEST = person(550.0, 1150.0)


@pytest.fixture(scope="module")
def segmented(tmp_path_factory: pytest.TempPathFactory) -> dict[str, SegmentedCase]:
    """A body from knees to chest, segmented with and without a named slice, and with one that is not there."""
    folder = tmp_path_factory.mktemp("body")
    body = folder / "body.nii.gz"
    write(KNEES_TO_CHEST, body)
    model = Model.load("leg-bones")
    given = {"found": None, "named": 5, "absent": 999}
    return {name: segment(body, folder / name, model=model, from_slice=number)[0] for name, number in given.items()}


def begin_of(case: SegmentedCase) -> dict[str, object]:
    return dict(json.loads(case.paths.record.read_text(encoding="utf-8"))["legs_begin"])


def test_run_and_report_say_where_the_legs_begin(segmented: dict[str, SegmentedCase]) -> None:
    case = segmented["found"]
    assert case.error is None
    begin = begin_of(case)
    assert begin["kept_slices"] == [0, find_lower_body(KNEES_TO_CHEST).kept.stop - 1]
    assert 0 < float(str(begin["confidence"])) <= 1
    assert "Where the legs begin" in case.paths.report.read_text(encoding="utf-8")


def test_nothing_is_labelled_above_what_was_kept(segmented: dict[str, SegmentedCase]) -> None:
    case = segmented["named"]
    assert case.labels is not None
    assert begin_of(case)["kept_slices"] == [0, 5 + TOLERANCE_SLICES]
    assert case.labels.shape == KNEES_TO_CHEST.shape
    assert not case.labels.array[:, :, 6 + TOLERANCE_SLICES :].any()


def test_a_named_slice_that_is_not_there_fails_the_case(segmented: dict[str, SegmentedCase]) -> None:
    assert isinstance(segmented["absent"].error, UsageError)
    assert not segmented["absent"].paths.folder.exists()


def test_a_model_that_looks_for_no_legs_takes_no_slice(tmp_path: Path) -> None:
    write(person(), tmp_path / "body.nii.gz")
    with pytest.raises(UsageError, match="looks for no legs"):
        segment(tmp_path / "body.nii.gz", tmp_path / "out", model="lumbar-vertebrae", from_slice=3)


def test_a_pelvis_that_reaches_the_cut_has_the_whole_scan_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The outline finds the hip too low; what the model finds goes on to the cut; unless the user named the slice."""
    write(KNEES_TO_CHEST, tmp_path / "body.nii.gz")
    whole = KNEES_TO_CHEST.shape[2]
    seen: list[int] = []

    def answers(scan: Volume, model: Model, engine: object) -> Prediction:
        seen.append(scan.shape[2])
        classes = np.zeros(scan.shape, np.uint8)
        classes[10:24, 5:20, :30] = 1 + model.spec.classes.index("pelvis-right")
        grid = scan.grid
        return Prediction(scan.with_array(classes), np.zeros((9, 1, 1, 1), np.uint8), grid)

    def too_low(scan: Volume) -> LowerBody:
        return LowerBody(15, 2, slice(0, 20), 0.9, "Made up.")

    monkeypatch.setattr(labelling, "predict", answers)
    monkeypatch.setattr(labelling, "find_lower_body", too_low)
    monkeypatch.setattr(labelling, "_judged", lambda *_: ())
    case = segment(tmp_path / "body.nii.gz", tmp_path / "found", model="leg-bones")[0]
    assert case.error is None
    assert seen == [20, whole]
    assert begin_of(case)["kept_slices"] == [0, whole - 1]
    assert "nothing was left out" in str(begin_of(case)["reason"])
    assert case.labels is not None
    assert case.labels.array[15, 10, 29] in (4, 14)
    monkeypatch.setattr(labelling, "lower_body_from_slice", lambda scan, number: too_low(scan))
    named = segment(tmp_path / "body.nii.gz", tmp_path / "named", model="leg-bones", from_slice=15)[0]
    assert seen == [20, whole, 20]
    assert any("Give the slice" in warning for warning in named.warnings)
