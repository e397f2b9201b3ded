"""Expected Dice follows from evidence that is right, finds what is poor, and is kept with the model."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import isnan, log
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from calibrations import by_hand, evidence, known_scans
from limbs import LEGS, Canvas
from models import brightness_model
from osteon.confidence import (
    Calibration,
    Evidence,
    case_dice,
    evidence_of,
    judge,
    judge_evidence,
    warning_of,
    with_expected_dice,
)
from osteon.confidence.cues import NAMES, cues_of
from osteon.confidence.evidence import hidden_cm3, of_probabilities
from osteon.confidence.fitting import cases_dice, fit, measured
from osteon.confidence.judgement import Judgement, missed_structures
from osteon.confidence.plausibility import plausibility
from osteon.errors import ModelError
from osteon.inference import Prediction
from osteon.networks.model import CONFIDENCE, Model, ModelSpec, NetworkSpec, PostprocessingSpec
from osteon.preprocessing import Preprocessing
from osteon.volume import LabelMap, Volume

CLASSES = ("tibia-right", "femur-right", "fibula-right", "tibia-left", "femur-left", "fibula-left")


def leg_spec() -> ModelSpec:
    return ModelSpec(
        name="made",
        title="Made",
        task="leg-bones",
        classes=CLASSES,
        network=NetworkSpec(width=8),
        preprocessing=Preprocessing(plane="axial"),
        postprocessing=PostprocessingSpec(),
        licence="CC0",
        weights_sha256="",
    )


def shafts(codes: str = "RAS") -> LabelMap:
    """Femora of 120 and 60 mm, a right tibia that the lower border cuts."""
    canvas = Canvas()
    canvas.cylinder(2, 210, 45, (200, 320), 15)
    canvas.cylinder(12, 90, 45, (200, 260), 15)
    canvas.cylinder(1, 210, 45, (0, 180), 15)
    volume = canvas.volume(codes)
    return LabelMap(volume.array, volume.affine, task=LEGS)


def answer(labels: LabelMap, doubt: dict[str, float]) -> Prediction:
    """A network that answered just these labels, each with some doubt, on their own grid."""
    probabilities = np.zeros((len(CLASSES) + 1, *labels.shape), np.uint8)
    probabilities[0] = 255
    classes = np.zeros(labels.shape, np.uint8)
    for number, name in enumerate(CLASSES, start=1):
        mask = labels.array == LEGS.by_name(name).value
        classes[mask] = number
        probabilities[number][mask] = round(255 * (1 - doubt.get(name, 0.0)))
        probabilities[0][mask] = 255 - probabilities[number][mask]
    return Prediction(Volume(classes, labels.affine), probabilities, labels.grid)


def test_numbers_of_probabilities_are_those_of_the_formulas() -> None:
    mask = np.zeros((6, 12, 12), bool)
    mask[1:5, 4:8, 4:8] = True
    probability = np.where(mask, 0.75, 0.0).astype(np.float32)
    probability[1:5, 4:8, 9] = 0.25
    found = of_probabilities(probability, mask)
    size, inside, total = 64, 48.0, 52.0
    assert found["soft_dice"] == pytest.approx(2 * inside / (total + size))
    assert found["doubt_inside"] == pytest.approx(0.25)
    assert found["doubt_outside"] == pytest.approx(4 / size)
    # the outline: of each slice of 4 x 4 pixels the 12 outer ones, and the 20 around them
    assert found["thin"] == pytest.approx(4 * 32 / size)
    assert found["outline"] == pytest.approx(0.25 * 12 / 32)
    # slices 1 and 4 differ from the mean of their neighbours by half of what they hold; so do 0 and 5, at the ends
    assert found["unrest"] == pytest.approx(2 * (12 + 1) / 2 / size)


@pytest.mark.parametrize("codes", ["RAS", "LPS", "SAR", "ILA"])
def test_build_is_measured_in_mm_in_every_orientation(codes: str) -> None:
    found = plausibility(shafts(codes))
    assert set(found) == {"tibia-right", "femur-right", "femur-left"}
    area = np.pi * 15**2
    assert found["femur-right"]["volume_cm3"] == pytest.approx(area * 120 / 1000, rel=0.03)
    assert found["femur-right"]["slender"] == pytest.approx(log(area * 120 / 120**3), abs=0.06)
    assert found["femur-right"]["sides"] == pytest.approx(log(2), abs=0.02)
    assert found["femur-left"]["sides"] == pytest.approx(log(2), abs=0.02)
    assert found["femur-right"]["cut"] == 0
    assert found["tibia-right"]["cut"] == 1
    assert isnan(found["tibia-right"]["slender"])
    assert isnan(found["tibia-right"]["sides"])


def test_slices_that_lack_a_structure_in_its_middle_are_gaps() -> None:
    labels = shafts()
    labels.array[:, :, 55:61][labels.array[:, :, 55:61] == 2] = 0
    found = plausibility(labels)
    assert found["femur-right"]["gaps"] == pytest.approx(6 / 30)
    assert found["femur-left"]["gaps"] == 0


def test_what_postprocessing_removed_and_parts_count() -> None:
    labels = shafts()
    prediction = answer(labels, {})
    removed = LabelMap(labels.array.copy(), labels.affine, task=LEGS)
    removed.array[:, :, 70:][removed.array[:, :, 70:] == 2] = 0  # 10 of its 30 slices
    prediction.classes.array[:, :, 60] = 0  # the network's answer fell apart: 10 and 19 slices
    found = {e.structure: e.numbers for e in evidence_of(prediction, removed, leg_spec())}
    assert found["femur-left"]["changed"] == pytest.approx(0.0, abs=0.04)
    assert found["femur-right"]["changed"] == pytest.approx(1 - 2 * 19 / (20 + 29))
    assert found["femur-right"]["apart"] == pytest.approx(10 / 29)


def test_a_neighbouring_level_of_the_same_class_is_no_doubt() -> None:
    from models import boxes

    _, truth = boxes()
    spec = leg_spec().model_copy(update={"task": "lumbar-spine", "classes": ("vertebra-L5", "vertebra")})
    classes = np.minimum(truth.array, 2).astype(np.uint8)
    probabilities = np.stack([np.where(classes == n, 255, 0) for n in range(3)]).astype(np.uint8)
    found = evidence_of(Prediction(truth.with_array(classes), probabilities, truth.grid), truth, spec)
    assert [e.structure for e in found] == ["vertebra-L5", "vertebra-L4", "vertebra-L3", "vertebra-L2"]
    assert {e.group for e in found} == {"vertebra"}
    assert all(e.numbers["soft_dice"] == 1 for e in found)
    assert all(e.numbers["changed"] == 0 for e in found)
    assert hidden_cm3(Prediction(truth.with_array(classes), probabilities, truth.grid), truth, spec) == {}


def test_poor_structures_of_new_scans_are_found_with_few_false_alarms() -> None:
    calibration = fit(known_scans(80, seed=1), "a")
    new = known_scans(60, seed=2)
    expected = [j.expected_dice for scan in new for j in judge_evidence(scan.evidence, calibration)]
    look = [j.look for scan in new for j in judge_evidence(scan.evidence, calibration)]
    dice = np.array([scan.dice[e.structure] for scan in new for e in scan.evidence])
    result = measured(np.array(expected), dice, calibration.look_below, calibration.level)
    assert 60 < result["poor"] < 180
    assert result["poor_found"] >= 0.95 * result["poor"]
    assert result["false_alarms"] <= 0.1 * (result["structures"] - result["poor"])
    assert result["mean_absolute_error"] < 0.03
    assert sum(look) == result["poor_found"] + result["false_alarms"]


def test_no_doubt_raises_the_expected_dice() -> None:
    calibration = fit(known_scans(80, seed=1), "a")
    for name in NAMES:
        if name not in ("cut", "thin", "size"):
            assert calibration.weights[name] <= 0
    expected = []
    for unsure in np.linspace(0.0, 1.0, 21):
        (cues,) = cues_of([evidence("femur-left", float(unsure))], calibration.usual)
        expected.append(calibration.expected_dice("femur", cues))
    assert all(a is not None and b is not None and a >= b for a, b in pairwise(expected))
    assert expected[0] > 0.9 > 0.6 > expected[-1]


def test_a_poor_case_is_found_by_the_mean_of_its_structures() -> None:
    calibration = fit(known_scans(80, seed=1), "a")
    new = known_scans(60, seed=2)
    expected = np.array([case_dice(judge_evidence(scan.evidence, calibration)) for scan in new])
    result = measured(expected, cases_dice(new), calibration.look_at_case_below, calibration.level)
    assert 10 < result["poor"] < 50
    assert result["poor_found"] >= 0.95 * result["poor"]
    assert result["false_alarms"] <= 0.1 * (result["structures"] - result["poor"])


def test_a_warning_says_first_whether_the_scan_as_a_whole_is_poor() -> None:
    judged = [Judgement("femur-left", 0.5, True, ("a",)), Judgement("femur-right", 0.9, False, ())]
    assert case_dice(judged) == pytest.approx(0.7)
    assert isnan(case_dice([]))
    calm, strict = (by_hand().model_copy(update={"look_at_case_below": below}) for below in (0.69, 0.71))
    assert (
        warning_of(judged, calm) == "These may have a Dice below 0.8 (expected Dice in brackets): femur-left (0.50: a)."
    )
    assert (
        warning_of(judged, strict)
        == f"Look at this scan: a mean Dice of 0.70 is expected of it. {warning_of(judged, calm)}"
    )
    assert warning_of([judged[1]], strict) is None
    assert warning_of([], strict) is None


def test_the_same_scans_give_the_same_bytes() -> None:
    one, two = (fit(known_scans(30, seed=1), "a").model_dump_json() for _ in range(2))
    assert one == two


def test_expected_dice_is_undefined_for_what_calibration_has_not_seen() -> None:
    assert judge_evidence([evidence("pelvis-left", 0.5)], by_hand()) == []


def test_a_number_that_is_not_defined_counts_as_usual() -> None:
    calibration = fit(known_scans(80, seed=1), "a")
    (whole,) = judge_evidence([evidence("femur-left", 0.1)], calibration)
    (cut,) = judge_evidence([evidence("femur-left", 0.1, slender=float("nan"), sides=float("nan"))], calibration)
    assert cut.expected_dice == pytest.approx(whole.expected_dice, abs=0.02)


def test_too_few_failures_cannot_be_calibrated_on() -> None:
    easy = [replace(scan, dice=dict.fromkeys(scan.dice, 0.97)) for scan in known_scans(20, seed=1)]
    with pytest.raises(ModelError, match=r"Of 80 structures of 12 bodies 0 have a Dice below 0\.8"):
        fit(easy, "a")


def test_the_unsure_structure_is_to_be_looked_at_and_the_reason_given() -> None:
    labels = shafts()
    prediction = answer(labels, {"femur-left": 0.6})
    judged = {j.structure: j for j in judge(prediction, labels, leg_spec(), by_hand())}
    sure, unsure = judged["femur-right"], judged["femur-left"]
    assert (sure.look, sure.reasons) == (False, ())
    assert unsure.look
    assert "the network is unsure of it" in unsure.reasons
    said = warning_of([sure, unsure], by_hand())
    assert said is not None
    assert "femur-left (0." in said
    assert "femur-right" not in said
    assert warning_of([sure], by_hand()) is None


def test_many_structures_to_look_at_are_named_without_their_reasons() -> None:
    judged = judge_evidence([evidence(f"femur-{n}", 0.6) for n in range(4)], by_hand())
    said = warning_of(judged, by_hand())
    assert said is not None
    assert said.count("femur-") == 4
    assert "unsure" not in said


def test_a_missing_partner_is_looked_for_but_not_the_other_leg_of_a_scan_of_one() -> None:
    hidden = {"femur-left": 0.1, "tibia-left": 0.0}
    both = missed_structures(hidden, ["femur-right", "tibia-right", "fibula-left"], [], LEGS, by_hand())
    assert [(j.structure, j.expected_dice, j.look) for j in both] == [("femur-left", 0, True), ("tibia-left", 0, True)]
    assert missed_structures(hidden, ["femur-right", "tibia-right"], [], LEGS, by_hand()) == []
    (suspected,) = missed_structures({"femur-left": 40.0}, ["tibia-right"], [], LEGS, by_hand())
    assert suspected.reasons == ("it was not found, but the network suspects 40 cm3 of it",)


def test_where_nothing_found_is_trusted_all_that_was_not_found_is_looked_for() -> None:
    hidden, found = {"femur-left": 0.1, "fibula-left": 0.0}, ["femur-right", "tibia-right"]
    bad = [Judgement(name, 0.3, True, ()) for name in found]
    looked_for = missed_structures(hidden, found, bad, LEGS, by_hand())
    assert [(j.structure, j.look) for j in looked_for] == [("femur-left", True), ("fibula-left", True)]
    one_good = [bad[0], Judgement("tibia-right", 0.7, True, ())]
    assert missed_structures(hidden, found, one_good, LEGS, by_hand()) == []


def test_hidden_volume_is_that_of_the_probabilities() -> None:
    labels = shafts()
    prediction = answer(labels, {})
    without = LabelMap(np.where(labels.array == 12, 0, labels.array), labels.affine, task=LEGS)
    hidden = hidden_cm3(prediction, without, leg_spec())
    true_cm3 = (labels.array == 12).sum() * labels.voxel_volume_mm3 / 1000
    assert hidden["femur-left"] == pytest.approx(true_cm3)
    assert hidden["tibia-left"] == 0
    assert "femur-right" not in hidden


def test_a_calibration_is_read_as_it_was_written(tmp_path: Path) -> None:
    model = brightness_model(tmp_path / "model")
    assert Calibration.of(model) is None
    made = by_hand(model.spec.weights_sha256)
    made.write(model)
    assert Calibration.of(model) == made
    assert Model.load(model.folder).spec == model.spec


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "cannot be used"),
        ("[]", "cannot be used"),
        (by_hand("b" * 64).model_dump_json(), "other weights"),
        (by_hand().model_dump_json().replace('"unsure":-1.0', '"unheard":-1.0'), "every cue"),
        (by_hand().model_dump_json().replace('"dice":[0.5,1.0]', '"dice":[0.5]'), "cannot be used"),
    ],
)
def test_a_calibration_that_cannot_be_used_is_refused_with_what_to_do(tmp_path: Path, text: str, said: str) -> None:
    model = brightness_model(tmp_path / "model")
    (model.folder / CONFIDENCE).write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match=said) as refused:
        Calibration.of(model)
    assert "recipes/leg_confidence.py" in str(refused.value)


@pytest.mark.parametrize("name", Model.available())
def test_a_shipped_calibration_belongs_to_the_shipped_weights(name: str) -> None:
    calibration = Calibration.of(Model.load(name))  # raises if not
    assert calibration is None or calibration.level == 0.8


def test_measurements_get_a_column_only_where_something_was_judged() -> None:
    table = pd.DataFrame({"structure": ["femur-left", "pelvis-left"], "side": ["left"] * 2, "volume_cm3": [1.0, 2.0]})
    assert with_expected_dice(table, ()) is table
    judged = judge_evidence([Evidence("femur-left", "femur", evidence("femur-left", 0.0).numbers)], by_hand())
    more = with_expected_dice(table, judged)
    assert list(more.columns) == ["structure", "side", "expected_dice", "volume_cm3"]
    assert more["expected_dice"].iloc[0] == 1
    assert isnan(more["expected_dice"].iloc[1])
