"""A check finds what was made wrong, each with a severity, a place and a remedy; and nothing in a good cohort."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cohorts import SPACING_MM, leg_case, write_spider
from limbs import LEGS
from osteon.anatomy import Task
from osteon.cohort import Checked, Cohort, check, import_cohort, split
from osteon.cohort.alignment import alignment
from osteon.cohort.findings import SHIFT_GAIN
from osteon.cohort.plausible import LENGTH_MM, VOLUME_CM3, length_range_mm, tallest_mm, volume_range_cm3
from osteon.io import write
from osteon.preprocessing.body_outline import body_outline
from osteon.report.cohort import write_cohort_page
from osteon.volume import LabelMap, Volume

Change = Callable[[Volume, LabelMap], tuple[Volume, LabelMap]]


def relabelled(labels: LabelMap, array: np.ndarray) -> LabelMap:
    return LabelMap(array.astype(np.uint8), labels.affine, task=LEGS)


def scaled(volume: Volume, axis: int, factor: float) -> np.ndarray:
    affine = volume.affine.copy()
    affine[:, axis] *= factor
    return affine


def checked_with(tmp_path: Path, change: Change, table: str = "") -> Checked:
    """Two good cases, and one that was changed."""
    source = write_spider(tmp_path / "source", 2)
    scan, labels = change(*leg_case(3))
    write(scan, source / "images" / "3_t1.mha")
    write(labels, source / "masks" / "3_t1.mha")
    if table:
        (source / "participants.tsv").write_text(table)
    return check(import_cohort("spider", source, tmp_path / "c", task=LEGS))


def found(checked: Checked) -> set[tuple[str, str, str]]:
    return {(f.severity, f.kind, f.place) for f in checked.findings}


def outside(scan: Volume, labels: LabelMap) -> tuple[Volume, LabelMap]:
    array = labels.array.copy()
    where = np.argwhere(array == 1)
    array[array == 1] = 0
    array[tuple((where * [0, 1, 1]).T)] = 1  # at the border of the picture, in air
    return scan, relabelled(labels, array)


def shifted(scan: Volume, labels: LabelMap) -> tuple[Volume, LabelMap]:
    return scan, relabelled(labels, np.roll(labels.array, 2, axis=0))


def swapped(scan: Volume, labels: LabelMap) -> tuple[Volume, LabelMap]:
    table = np.arange(256)
    for value, other in LEGS.mirrored_values().items():
        table[value] = other
    return scan, relabelled(labels, table[labels.array])


def named_left(scan: Volume, labels: LabelMap) -> tuple[Volume, LabelMap]:
    array = np.where(labels.array < 10, labels.array, 0)
    return scan, relabelled(labels, np.where(array > 0, array + 10, 0))


def half_a_fibula(scan: Volume, labels: LabelMap) -> tuple[Volume, LabelMap]:
    array = labels.array.copy()
    lower = np.argwhere(array == 3)[:, 2].mean()
    array[:, :, : int(lower)][array[:, :, : int(lower)] == 3] = 0
    return scan, relabelled(labels, array)


def stretched(scan: Volume, labels: LabelMap) -> tuple[Volume, LabelMap]:
    affine = scaled(scan, 2, 2.4)
    return Volume(scan.array, affine), LabelMap(labels.array, affine, task=LEGS)


def clipped(scan: Volume, labels: LabelMap) -> tuple[Volume, LabelMap]:
    return Volume(np.minimum(scan.array, 100), scan.affine), labels


def copied(scan: Volume, labels: LabelMap) -> tuple[Volume, LabelMap]:
    other, masks = leg_case(1)
    return Volume((other.array * 1.5 + 3).astype(np.int16), other.affine), masks


@pytest.mark.parametrize(
    ("change", "severity", "kind", "places"),
    [
        (outside, "error", "outside the body", {"3_t1, tibia-right"}),
        (shifted, "warning", "shifted mask", {"3_t1"}),
        (
            swapped,
            "error",
            "sides",
            {
                f"3_t1, {what}"
                for what in ("tibia", "femur", "fibula", "pelvis", "fibula and tibia", "femur and pelvis")
            },
        ),
        (named_left, "error", "sides", {"3_t1, fibula and tibia", "3_t1, femur and pelvis"}),
        (half_a_fibula, "warning", "balance", {"3_t1, fibula"}),
        (clipped, "warning", "intensity", {"3_t1"}),
        (copied, "warning", "duplicate", {"1_t1, 3_t1"}),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_is_wrong_is_found_in_its_place_alone(
    tmp_path: Path, change: Change, severity: str, kind: str, places: set[str]
) -> None:
    checked = checked_with(tmp_path, change)
    assert {place for s, k, place in found(checked) if (s, k) == (severity, kind)} == places
    assert all("1_t1" not in f.place or kind == "duplicate" for f in checked.findings)


def test_a_child_is_not_as_long_as_its_slice_spacing_says(tmp_path: Path) -> None:
    table = "file\tsubject\tage\n1_t1.mha\t1\t2\n2_t1.mha\t2\t2\n3_t1.mha\t3\t2\n"
    checked = checked_with(tmp_path, stretched, table)
    places = {f.place for f in checked.findings if f.kind == "length"}
    assert places == {"3_t1, tibia-right", "3_t1, tibia-left", "3_t1, femur-right", "3_t1, femur-left"}
    scan, labels = leg_case(3)
    longer = scaled(scan, 2, 2.45)
    write(Volume(scan.array, longer), tmp_path / "source" / "images" / "3_t1.mha")
    write(LabelMap(labels.array, longer, task=LEGS), tmp_path / "source" / "masks" / "3_t1.mha")
    (tmp_path / "source" / "participants.tsv").write_text(table.replace("3\t2\n", "3\t0.2\n"))
    again = check(import_cohort("spider", tmp_path / "source", tmp_path / "c", task=LEGS))
    assert ("error", "slice spacing", "3_t1") in found(again)


def test_a_good_cohort_has_no_finding_in_any_orientation(tmp_path: Path) -> None:
    for number, codes in enumerate(("RAS", "LPI", "PIR", "SAL"), start=1):
        scan, labels = leg_case(number, codes=codes)
        write(scan, tmp_path / "source" / "images" / f"{number}_t1.mha")
        write(labels, tmp_path / "source" / "masks" / f"{number}_t1.mha")
    checked = check(import_cohort("spider", tmp_path / "source", tmp_path / "c", task=LEGS))
    assert [f for f in checked.findings if f.severity != "note"] == []
    assert {f.kind for f in checked.findings} == {"orientation"}


def test_every_finding_names_a_place_and_a_remedy_in_whole_sentences(tmp_path: Path) -> None:
    checked = checked_with(tmp_path, swapped)
    for finding in checked.findings:
        assert finding.place
        assert finding.message.endswith(".")
        assert finding.remedy.endswith(".")


def test_a_mask_beside_its_bones_is_told_how_far_and_where(tmp_path: Path) -> None:
    scan, labels = leg_case(5)
    assert alignment(scan, labels).distance_mm == 0
    for steps in ((2, 0, 0), (0, -2, 0), (1, 0, 2)):
        moved = relabelled(labels, np.roll(labels.array, steps, axis=(0, 1, 2)))
        told = alignment(scan, moved)
        # the mask has to go back by as much
        np.testing.assert_allclose(told.shift_mm, [-n * s for n, s in zip(steps, SPACING_MM, strict=True)])
        assert told.gain > SHIFT_GAIN


def test_a_shift_is_told_where_bones_border_on_brighter_and_on_darker_tissue() -> None:
    scan, labels = leg_case(5)
    above = np.arange(scan.shape[2]) > scan.shape[2] // 2
    turned = scan.with_array(np.where(above, scan.array.max() - scan.array, scan.array))
    assert alignment(turned, labels).distance_mm == 0
    told = alignment(turned, relabelled(labels, np.roll(labels.array, 2, axis=0)))
    np.testing.assert_allclose(told.shift_mm, [-2 * SPACING_MM[0], 0, 0])
    assert told.gain > SHIFT_GAIN


def test_a_mask_in_a_constant_scan_or_an_empty_one_is_not_shifted() -> None:
    scan, labels = leg_case(5)
    assert alignment(scan.with_array(np.full(scan.shape, 7)), labels).gain == 1
    assert alignment(scan, relabelled(labels, np.zeros_like(labels.array))).gain == 1


def test_the_body_holds_dark_bone_and_no_air() -> None:
    scan, labels = leg_case(5)
    body = body_outline(scan.array)
    assert body[labels.array != 0].all()
    assert body.mean() < 0.9
    assert not body[:3, :3].any()


def test_a_split_that_tears_a_subject_or_twins_is_found(tmp_path: Path) -> None:
    checked_with(tmp_path, copied)
    cohort = Cohort.load(tmp_path / "c")
    made = split(cohort, kind="k-fold", folds=3)
    made.write(tmp_path / "c" / "split.json")
    twins = [f for f in check(cohort).findings if f.kind == "split"]
    assert len(twins) == 2  # each is tested once while the other is learned from
    assert all("1_t1" in f.message and "3_t1" in f.message for f in twins)
    document = json.loads((tmp_path / "c" / "split.json").read_text())
    document["folds"][0]["train"].append(document["folds"][0]["test"][0])
    (tmp_path / "c" / "split.json").write_text(json.dumps(document))
    torn = [f.message for f in check(cohort).findings if f.severity == "error"]
    assert any(re.search(r"Subject \d stands in train and in test", message) for message in torn)


def test_a_second_check_reads_only_what_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = checked_with(tmp_path, swapped)
    read: list[str] = []
    scan = Cohort.scan
    monkeypatch.setattr(Cohort, "scan", lambda self, case: read.append(case.name) or scan(self, case))
    cohort = Cohort.load(tmp_path / "c")
    assert check(cohort).findings == first.findings
    assert read == []
    write(leg_case(3)[1], tmp_path / "c" / "labels" / "3_t1.nii.gz")
    assert not {f.kind for f in check(cohort).findings} & {"sides"}
    assert read == ["3_t1"]


def test_a_damaged_file_is_a_finding_and_the_rest_is_judged(tmp_path: Path) -> None:
    checked_with(tmp_path, swapped)
    path = tmp_path / "c" / "images" / "1_t1.nii.gz"
    path.write_bytes(path.read_bytes()[:300])
    checked = check(Cohort.load(tmp_path / "c"))
    assert ("error", "unreadable", "1_t1") in found(checked)
    assert ("error", "sides", "3_t1, tibia") in found(checked)


def test_the_page_is_whole_and_loads_nothing(tmp_path: Path) -> None:
    checked = checked_with(tmp_path, swapped, "file\tsubject\n3_t1.mha\t<b>anna\n")
    write_cohort_page(tmp_path / "page.html", checked)
    page = (tmp_path / "page.html").read_text()
    assert "<b>anna" not in page
    assert not re.search(r"(src|href)=\"(?!data:)", page)
    assert page.count("<svg") == 8
    assert page.count("data:image/jpeg") == 1
    for finding in checked.findings:
        assert finding.place in page


def test_ranges_hold_every_age_and_widen_without_one() -> None:
    for group in VOLUME_CM3:
        whole = volume_range_cm3(group, None)
        for age in (5, 9, 14, 40):
            some = volume_range_cm3(group, age)
            assert some is not None
            assert whole is not None
            assert whole[0] <= some[0] < some[1] <= whole[1]
    for group in LENGTH_MM:
        eight = length_range_mm(group, 8)
        assert eight is not None
        assert eight[0] < 300 * 0.95
        assert eight[1] < 450


def test_nobody_of_an_age_is_too_tall_for_it() -> None:
    """The 99th percentile of the taller sex, from the parameters of the CDC charts: M (1 + 2.326 L S)^(1/L)."""
    tall_mm = {2: 946, 4: 1124, 6: 1278, 8: 1423, 10: 1546, 12: 1683, 14: 1822, 16: 1901, 18: 1925, 20: 1933}
    for age, height in tall_mm.items():
        assert height < tallest_mm(age) < 1.07 * height


@pytest.mark.realdata
def test_real_masks_lie_where_they_belong_and_a_moved_one_does_not(data: Path, tmp_path: Path) -> None:
    from osteon.io import read, read_labels

    spine = Task.load("lumbar-spine")
    for name in ("102_t1", "411_t2", "341_t1", "212_t2"):
        scan = read(data / "spine-mri" / "images" / f"{name}.mha")
        labels = read_labels(data / "spine-mri" / "masks" / f"{name}.mha", spine)
        assert alignment(scan, labels).gain < SHIFT_GAIN
    axis = int(np.argmax(np.abs(scan.affine[1, :3])))
    moved = LabelMap(np.roll(labels.array, 6, axis=axis), labels.affine, task=spine)
    told = alignment(scan, moved)
    assert told.gain > SHIFT_GAIN
    assert told.distance_mm == pytest.approx(6, abs=2)
