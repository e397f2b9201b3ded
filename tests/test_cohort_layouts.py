"""Each layout becomes a cohort with the right subjects, structures and sides; what cannot be used is named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cohorts import leg_case, mask_of
from limbs import LEGS
from osteon.cohort import Cohort, Split, export_nnunet, find_cases, import_cohort, split
from osteon.cohort.naming import structure_named
from osteon.cohort.pairs import matched
from osteon.cohort.workspace import PROCESSED, RAW_MASKS, RAW_SCANS
from osteon.errors import CohortError, UsageError
from osteon.io import write
from osteon.io.dicom import write_dicom_series
from osteon.volume import LabelMap, Volume


def reasons(cohort: Cohort) -> dict[str, str]:
    return {d.file: d.reason for d in cohort.manifest.dropped}


def renumbered(labels: LabelMap, values: dict[int, int]) -> Volume:
    table = np.zeros(256, dtype=np.uint8)
    for old, new in values.items():
        table[old] = new
    return Volume(table[labels.array], labels.affine)


# --- names ---


@pytest.mark.parametrize(
    ("text", "structure", "assumed"),
    [
        ("TIBIA_R", "tibia-right", False),
        ("left femur", "femur-left", False),
        ("RR_fibula", "fibula-right", False),
        ("tibiaLeft", "tibia-left", False),
        ("FEMUR", "femur-right", True),
        ("LR_fibula", None, False),
        ("kidney", None, False),
        ("femur_left_right", None, False),
    ],
)
def test_a_name_means_a_structure_or_nothing_is_guessed(text: str, structure: str | None, assumed: bool) -> None:
    named = structure_named(LEGS, text)
    assert (named.structure, named.side_assumed) == (structure, assumed)


# --- nnU-Net ---


@pytest.fixture
def nnunet(tmp_path: Path) -> Path:
    folder = tmp_path / "Dataset007_Legs"
    for number in (1, 2, 3):
        scan, labels = leg_case(number)
        write(scan, folder / "imagesTr" / f"leg_{number}_0000.nii.gz")
        write(renumbered(labels, {12: 1, 2: 2}), folder / "labelsTr" / f"leg_{number}.nii.gz")
    table = {"background": 0, "femur_left": 1, "Right Femur": 2}
    document = {"channel_names": {"0": "T1"}, "labels": table, "numTraining": 3, "file_ending": ".nii.gz"}
    (folder / "dataset.json").write_text(json.dumps(document))
    return folder


def test_nnunet_labels_are_mapped_by_their_names(nnunet: Path, tmp_path: Path) -> None:
    cohort = import_cohort("nnunet", nnunet, tmp_path / "c", task=LEGS)
    case = cohort.cases[0]
    assert (case.name, case.subject, case.sequence) == ("leg_1", "leg_1", "T1")
    assert case.annotated == ("femur-right", "femur-left")
    np.testing.assert_array_equal(cohort.labels(case).mask("femur-left"), leg_case(1)[1].mask("femur-left"))
    assert any("every case counts as a subject" in note for note in cohort.manifest.notes)


def test_nnunet_names_that_the_task_lacks_are_refused(nnunet: Path, tmp_path: Path) -> None:
    document = json.loads((nnunet / "dataset.json").read_text())
    document["labels"]["kidney"] = 3
    (nnunet / "dataset.json").write_text(json.dumps(document))
    with pytest.raises(CohortError, match=r"kidney.*--map"):
        import_cohort("nnunet", nnunet, tmp_path / "c", task=LEGS)
    cohort = import_cohort("nnunet", nnunet, tmp_path / "c", task=LEGS, mapping={1: 12, 2: 0, 3: 0})
    assert cohort.cases[0].annotated == ("femur-left",)


def test_nnunet_folds_are_taken_over_unless_they_tear_a_subject(nnunet: Path, tmp_path: Path) -> None:
    folds = [{"train": ["leg_1", "leg_2"], "val": ["leg_3"]}, {"train": ["leg_3", "leg_2"], "val": ["leg_1"]}]
    (nnunet / "splits_final.json").write_text(json.dumps(folds))
    cohort = import_cohort("nnunet", nnunet, tmp_path / "c", task=LEGS)
    taken = Split.load(tmp_path / "c" / "split.json", cohort)
    assert [fold.validation for fold in taken.folds] == [("leg_3",), ("leg_1",)]
    (nnunet / "participants.tsv").write_text("file\tsubject\nleg_1\tanna\nleg_2\tanna\nleg_3\tbert\n")
    torn = import_cohort("nnunet", nnunet, tmp_path / "torn", task=LEGS)
    assert torn.subjects == ["anna", "bert"]
    assert not (tmp_path / "torn" / "split.json").exists()
    assert any("anna on both sides" in note for note in torn.manifest.notes)


def test_a_cohort_goes_to_nnunet_and_back(nnunet: Path, tmp_path: Path) -> None:
    (nnunet / "participants.tsv").write_text("file\tsubject\tage\nleg_1\tanna\t9\nleg_2\tanna\t9\nleg_3\tbert\t\n")
    cohort = import_cohort("nnunet", nnunet, tmp_path / "c", task=LEGS)
    folds = split(cohort, kind="k-fold", folds=2)
    written = export_nnunet(cohort, tmp_path / "Dataset009_Again", folds=folds)
    document = json.loads((written / "dataset.json").read_text())
    # nnU-Net wants consecutive values
    assert document["labels"] == {"background": 0, "femur-right": 1, "femur-left": 2}
    for fold in json.loads((written / "splits_final.json").read_text()):
        assert ("leg_1" in fold["val"]) == ("leg_2" in fold["val"])
        assert set(fold["train"]).isdisjoint(fold["val"])
        assert len(fold["train"] + fold["val"]) == 3
    again = import_cohort("nnunet", written, tmp_path / "again", task=LEGS)
    facts = [(c.name, c.subject, c.age_years, c.annotated, c.voxels_sha256) for c in again.cases]
    assert facts == [(c.name, c.subject, c.age_years, c.annotated, c.voxels_sha256) for c in cohort.cases]
    for one, other in zip(again.cases, cohort.cases, strict=True):
        np.testing.assert_array_equal(again.labels(one).array, cohort.labels(other).array)
    with pytest.raises(UsageError, match="Dataset001"):
        export_nnunet(cohort, tmp_path / "elsewhere")


# --- BIDS ---


@pytest.fixture
def bids(tmp_path: Path) -> Path:
    root = tmp_path / "study"
    for number, ses in (("01", "a"), ("01", "b"), ("02", "a")):
        scan, labels = leg_case(int(number) + 10 * (ses == "b"))
        stem = f"sub-{number}_ses-{ses}"
        write(scan, root / f"sub-{number}" / f"ses-{ses}" / "anat" / f"{stem}_T1w.nii.gz")
        made = root / "derivatives" / "manual" / f"sub-{number}" / f"ses-{ses}" / "anat"
        if number == "01":
            write(renumbered(labels, {1: 5, 11: 6}), made / f"{stem}_desc-manual_dseg.nii.gz")
            (made / f"{stem}_desc-manual_dseg.tsv").write_text("index\tname\n5\tright tibia\n6\tleft tibia\n")
        else:
            write(mask_of(labels, "femur-left", 255), made / f"{stem}_T1w_hemi-L_label-femur_mask.nii.gz")
            write(mask_of(labels, "tibia-left"), made / f"{stem}_hemi-L_label-tibia_mask.nii.gz")
    (root / "participants.tsv").write_text("participant_id\tage\tsite\nsub-01\t8.5\tnorth\nsub-02\tn/a\tsouth\n")
    return root


def test_bids_segmentations_find_their_scans_and_sides(bids: Path, tmp_path: Path) -> None:
    cohort = import_cohort("bids", bids, tmp_path / "c", task=LEGS)
    assert [(c.name, c.subject, c.group, c.age_years) for c in cohort.cases] == [
        ("sub-01_ses-a_T1w", "01", "north", 8.5),
        ("sub-01_ses-b_T1w", "01", "north", 8.5),
        ("sub-02_ses-a_T1w", "02", "south", None),
    ]
    assert cohort.cases[0].annotated == ("tibia-right", "tibia-left")
    assert cohort.cases[2].annotated == ("tibia-left", "femur-left")
    truth = leg_case(2)[1]
    for name in ("tibia-left", "femur-left"):
        np.testing.assert_array_equal(cohort.labels(cohort.cases[2]).mask(name), truth.mask(name))


def test_a_bids_segmentation_that_two_scans_could_own_is_asked_about(bids: Path, tmp_path: Path) -> None:
    write(leg_case(30)[0], bids / "sub-01" / "ses-a" / "anat" / "sub-01_ses-a_T2w.nii.gz")
    cohort = import_cohort("bids", bids, tmp_path / "c", task=LEGS)
    said = reasons(cohort)["derivatives/manual/sub-01/ses-a/anat/sub-01_ses-a_desc-manual_dseg.nii.gz"]
    assert "T1w" in said
    assert "T2w" in said
    assert [c.name for c in cohort.cases] == ["sub-01_ses-b_T1w", "sub-02_ses-a_T1w"]


# --- pairs ---


def pair_names(images: list[str], labels: list[str]) -> dict[str, str]:
    pairs = matched([Path(n) for n in images], [Path(n) for n in labels])
    return {pair.image.name: pair.labels.name for pair in pairs}


@pytest.mark.parametrize(
    ("images", "labels", "expected"),
    [
        (["msk_006.nii", "msk_016.nii"], ["6.nii", "16.nii"], {"msk_006.nii": "6.nii", "msk_016.nii": "16.nii"}),
        (
            ["anna.nii", "bert.nii"],
            ["bert_seg.nii", "anna_seg.nii"],
            {"anna.nii": "anna_seg.nii", "bert.nii": "bert_seg.nii"},
        ),
        (["1_t1.nii", "1_t2.nii"], ["1_t2_l.nii", "1_t1_l.nii"], {"1_t1.nii": "1_t1_l.nii", "1_t2.nii": "1_t2_l.nii"}),
        (["1_t2.nii", "3_t1.nii"], ["1_l.nii", "2_l.nii"], {"1_t2.nii": "1_l.nii"}),
        (["1_t1.nii", "1_t2.nii", "2_t1.nii"], ["1.nii", "2.nii"], {"2_t1.nii": "2.nii"}),  # whose is 1?
        (["a.nii"], ["whatever.nii"], {"a.nii": "whatever.nii"}),
        (  # in the middle, and one name is unlike all others
            ["Pat 006 T1 (final).nii", "PAT-7_t1.nii", "pat 12 t2.nii", "x_t1.nii"],
            ["seg_6_v2.nii", "seg_007_v2.nii", "Seg-12.nii", "y-mask.nii"],
            {"Pat 006 T1 (final).nii": "seg_6_v2.nii", "PAT-7_t1.nii": "seg_007_v2.nii", "pat 12 t2.nii": "Seg-12.nii"},
        ),
        (["p_6_t1.nii", "p_6_t2.nii", "x_1.nii"], ["seg_6_a.nii", "seg_7_a.nii"], {}),  # whose is 6?
    ],
)
def test_pairs_share_the_telling_part_of_their_names(
    images: list[str], labels: list[str], expected: dict[str, str]
) -> None:
    assert pair_names(images, labels) == expected


def test_a_word_that_most_names_have_is_no_subject() -> None:
    images = ["Pat 006 T1 (final).nii", "Pat_7_t1.nii", "pat 12 t2.nii", "x_t1.nii"]
    pairs = matched([Path(name) for name in images], [Path(f"{n}.nii") for n in (6, 7, 12)])
    assert [pair.subject for pair in pairs] == ["006", "7", "12"]


def test_pairs_become_a_cohort_whose_subjects_are_no_sequences(tmp_path: Path) -> None:
    for number, sequence in ((6, "t1"), (6, "t2"), (10, "t1")):
        scan, labels = leg_case(number + (sequence == "t2"))
        write(scan, tmp_path / "my scans" / f"{sequence}_pat{number:03d}.nii.gz")
        write(labels, tmp_path / "my labels" / f"pat{number}_{sequence}_done.nrrd")
    found = find_cases("pairs", [tmp_path], LEGS)
    assert {case.name: case.labels.name for case in found.cases if case.labels} == {
        "t1_pat006": "pat6_t1_done.nrrd",
        "t1_pat010": "pat10_t1_done.nrrd",
        "t2_pat006": "pat6_t2_done.nrrd",
    }
    cohort = import_cohort("pairs", [tmp_path / "my scans", tmp_path / "my labels"], tmp_path / "c", task=LEGS)
    assert [c.subject for c in cohort.cases] == ["pat006", "pat010", "pat006"]


# --- the study's workspace ---


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    root = tmp_path / "MRI - study"
    scan, labels = leg_case(6)
    write_dicom_series(scan, root / RAW_SCANS / "6_AutoBindWATER_650_9B", description="WATER", seed=1)
    for name, file in (("fibula-right", "6_RR_fibula_9B"), ("tibia-right", "6_RR_tibia_9B")):
        # 3D Slicer may write the axes the other way round
        write(mask_of(labels, name, 7).reoriented("LPS"), root / RAW_MASKS / f"{file}.nii")
    scan, labels = leg_case(10)
    write_dicom_series(scan, root / RAW_SCANS / "10_AutoBindWATER_450_13A", description="WATER", seed=2)
    write(mask_of(labels, "femur-left"), root / RAW_MASKS / "10_L_femur_13A.nii")
    write(mask_of(labels, "femur-left"), root / RAW_MASKS / "10_LR_tibia_13A.nii")
    write(mask_of(labels, "femur-left"), root / RAW_MASKS / "99_R_tibia_1C.nii")
    return root


def test_the_raw_workspace_gives_subjects_sides_and_what_was_annotated(workspace: Path, tmp_path: Path) -> None:
    cohort = import_cohort("workspace", workspace, tmp_path / "c")
    assert cohort.task.name == "leg-bones"
    assert [(c.name, c.subject, c.annotated) for c in cohort.cases] == [
        ("10_AutoBindWATER_450_13A", "10_13A", ("femur-left",)),
        ("6_AutoBindWATER_650_9B", "6_9B", ("tibia-right", "fibula-right")),  # no pelvis mask, and kept
    ]
    case, truth = cohort.cases[1], leg_case(6)[1]
    labels = cohort.labels(case)
    cohort.scan(case).grid.require_match(labels.grid, "scan", "labels")
    for name in ("tibia-right", "fibula-right"):
        np.testing.assert_array_equal(labels.reoriented("RAS").mask(name), truth.mask(name))
    said = reasons(cohort)
    assert "no clear side" in said[f"{RAW_MASKS}/10_LR_tibia_13A.nii"]
    assert "no scan of number 99" in said[f"{RAW_MASKS}/99_R_tibia_1C.nii"]


def test_overlapping_raw_masks_follow_the_rule_and_are_counted(workspace: Path, tmp_path: Path) -> None:
    truth = leg_case(6)[1]
    wide = Volume((truth.mask("tibia-right") | truth.mask("fibula-right")).astype(np.uint8), truth.affine)
    write(wide, workspace / RAW_MASKS / "6_RR_tibia_9B.nii")
    cohort = import_cohort("workspace", workspace, tmp_path / "c")
    case = cohort.cases[1]
    assert case.annotated == ("tibia-right",)
    voxels = int(truth.mask("fibula-right").sum())
    assert any(f"both claim {voxels} voxels" in note for note in case.notes)
    first = import_cohort("workspace", workspace, tmp_path / "c", overlap="priority")
    assert first.labels(first.cases[1]).mask("tibia-right").sum() == wide.array.sum()


def test_the_processed_workspace_uses_the_studys_values_and_drops_copies(tmp_path: Path) -> None:
    root = tmp_path / "base"
    scans, masks = root / PROCESSED / "scans", root / PROCESSED / "multiclass_masks"
    for number in (6, 7):
        scan, labels = leg_case(number, "left" if number == 7 else "right")
        write(scan, scans / f"msk_{number:03d}.nii.gz")
        write(
            renumbered(labels, {1: 1, 2: 2, 3: 3, 4: 4, 11: 1, 12: 2, 13: 3, 14: 4}), masks / f"msk_{number:03d}.nii.gz"
        )
    write(leg_case(8)[0], scans / "msk_006_aug0.nii.gz")
    write(leg_case(9)[0], scans / "msk_009.nii.gz")
    write(mask_of(leg_case(9)[1], "tibia-left"), root / PROCESSED / "masks" / "TIBIA" / "TIBIA_9_LL.nii.gz")
    write(mask_of(leg_case(7)[1], "tibia-left"), root / PROCESSED / "masks" / "TIBIA" / "TIBIA_7_LL.nii.gz")
    cohort = import_cohort("workspace", root, tmp_path / "c")
    assert [(c.name, c.subject) for c in cohort.cases] == [("msk_006", "6"), ("msk_007", "7"), ("msk_009", "9")]
    assert cohort.cases[0].annotated == ("tibia-right", "femur-right", "fibula-right", "pelvis-right")
    assert cohort.cases[1].annotated == ("tibia-left", "femur-left", "fibula-left", "pelvis-left")
    assert cohort.cases[2].annotated == ("tibia-left",)
    assert "augmented copy" in reasons(cohort)[f"{PROCESSED}/scans/msk_006_aug0.nii.gz"]
    assert any("msk_006: nothing names one side" in note for note in cohort.manifest.notes)


def test_a_subject_in_both_forms_is_taken_once_from_the_raw_one(workspace: Path, tmp_path: Path) -> None:
    scan, labels = leg_case(6)
    write(scan, workspace / PROCESSED / "scans" / "msk_006.nii.gz")
    write(renumbered(labels, {1: 1}), workspace / PROCESSED / "multiclass_masks" / "msk_006.nii.gz")
    cohort = import_cohort("workspace", workspace, tmp_path / "c")
    assert [c.name for c in cohort.cases] == ["10_AutoBindWATER_450_13A", "6_AutoBindWATER_650_9B"]
    assert any("msk_006.nii.gz was passed over" in note for note in cohort.manifest.notes)


# --- all of them ---


@pytest.mark.parametrize("layout", ["spider", "nnunet", "bids", "pairs", "workspace"])
def test_an_empty_folder_is_one_clear_refusal_and_nothing_is_written(layout: str, tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    with pytest.raises((CohortError, UsageError)):
        import_cohort(layout, tmp_path / "source", tmp_path / "c", task=LEGS)
    assert [p.name for p in tmp_path.iterdir()] == ["source"]


def test_an_unknown_layout_and_rule_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="dropbox"):
        import_cohort("dropbox", tmp_path, tmp_path / "c")
    with pytest.raises(UsageError, match="latest"):
        import_cohort("spider", tmp_path, tmp_path / "c", overlap="latest")  # type: ignore[arg-type]
