"""Label maps come back from what other programs read, with names, colours and codes, and without the patient."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from scipy.spatial import cKDTree

from osteon.anatomy import Task
from osteon.errors import GeometryError, TaskError, UsageError
from osteon.io import read, read_labels
from osteon.io.dicom import write_dicom_series
from osteon.io.itk import affine_of
from osteon.io.seg import export, nnunet_values
from osteon.volume import LabelMap, Volume

TASK = Task.load("leg-bones")


def labels(order: str | None = None) -> LabelMap:
    """Oblique, right-handed voxels of 0.8 x 0.8 x 4 mm; a right tibia, a left femur and a left pelvis."""
    array = np.zeros((30, 40, 12), dtype=np.uint8)
    array[5:12, 8:20, 2:9], array[14:20, 8:20, 2:9], array[22:25, 3:9, 5:11] = 1, 12, 14
    tilt = np.radians(10)
    turn = np.array([[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]])
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([-0.8, -0.8, 4])
    affine[:3, 3] = (10, -30, 100)
    made = LabelMap(array, affine, task=TASK)
    return made.reoriented(order) if order else made


@pytest.fixture
def series(tmp_path: Path) -> Path:
    """The scan as DICOM, with a patient's name in every file."""
    write_dicom_series(
        Volume(labels().array.astype(np.int16) * 10, labels().affine), tmp_path / "scan", description="t1", seed=1
    )
    for path in (tmp_path / "scan").iterdir():
        data = pydicom.dcmread(path)
        data.PatientName, data.PatientID, data.PatientBirthDate = "Secret^Name", "SECRET-7", "20100101"
        data.InstitutionName, data.StudyDate = "SECRET Hospital", "20200202"
        data.save_as(path)
    return tmp_path / "scan"


def test_slicers_segmentation_is_the_label_map_with_names_colours_and_codes(tmp_path: Path) -> None:
    import SimpleITK as sitk  # noqa: N813

    assert export(labels(), tmp_path / "legs.seg.nrrd") == []
    image = sitk.ReadImage(str(tmp_path / "legs.seg.nrrd"))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image).T, labels().array)
    np.testing.assert_allclose(affine_of(image), labels().affine, atol=1e-9)
    segments = {image.GetMetaData(f"Segment{n}_Name"): n for n in range(3)}
    assert list(segments) == ["tibia-right", "femur-left", "pelvis-left"]
    n = segments["femur-left"]
    assert image.GetMetaData(f"Segment{n}_LabelValue") == "12"
    assert image.GetMetaData(f"Segment{n}_Extent") == "14 19 8 19 2 8"
    colour = [float(part) for part in image.GetMetaData(f"Segment{n}_Color").split()]
    np.testing.assert_allclose(colour, TASK.by_name("femur-left").rgb, atol=1e-5)
    words = image.GetMetaData(f"Segment{n}_Tags").removeprefix("TerminologyEntry:").rstrip("|").split("~")
    assert words[1:4] == ["SCT^123037004^Anatomical Structure", "SCT^71341001^femur", "SCT^7771000^Left"]
    assert len(words) == 7
    assert image.GetMetaData("Segmentation_ContainedRepresentationNames") == "Binary labelmap|"
    back = read_labels(tmp_path / "legs.seg.nrrd", TASK)
    np.testing.assert_array_equal(back.array, labels().array)


def test_itk_snaps_label_file_has_every_structure_with_its_value_and_colour(tmp_path: Path) -> None:
    export(labels(), tmp_path / "legs.txt")
    lines = [line for line in (tmp_path / "legs.txt").read_text().splitlines() if not line.startswith("#")]
    rows = {int(line.split()[0]): line for line in lines}
    assert rows[0].split()[1:7] == ["0"] * 6
    assert set(rows) == {0, *(structure.value for structure in TASK.structures)}
    assert rows[12].split()[1:4] == ["242", "179", "160"]
    assert rows[12].endswith('"femur-left"')


def segments_of(path: Path) -> tuple[dict[str, Any], Any]:
    """Mask of each segment over world positions (LPS), and the dataset."""
    import highdicom

    read_back = highdicom.seg.segread(path)
    found = {}
    for number in read_back.segment_numbers:
        volume = read_back.get_volume(segment_numbers=[number], combine_segments=True)
        index = np.argwhere(np.asarray(volume.array) > 0)
        world = index @ volume.affine[:3, :3].T + volume.affine[:3, 3]
        found[read_back.get_segment_description(number).segment_label] = world
    return found, read_back


@pytest.mark.parametrize("linked", [False, True])
@pytest.mark.parametrize("order", [None, "RAS", "SAR", "ILP"])
def test_dicom_seg_read_back_has_every_voxel_at_its_place(
    tmp_path: Path, series: Path, linked: bool, order: str | None
) -> None:
    given = labels(order)
    export(given, tmp_path / "legs.dcm", series=series if linked else None)
    found, dataset = segments_of(tmp_path / "legs.dcm")
    assert set(found) == {"tibia-right", "femur-left", "pelvis-left"}
    for name, world in found.items():
        expected = given.world_mm(np.argwhere(given.mask(name))) * (-1, -1, 1)
        assert len(world) == len(expected)
        assert cKDTree(expected).query(world)[0].max() < 1e-3
        assert cKDTree(world).query(expected)[0].max() < 1e-3
    femur = next(s for s in dataset.SegmentSequence if s.SegmentLabel == "femur-left")
    assert femur.segmented_property_type.value == "71341001"
    side = femur.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence[0]
    assert (side.CodeValue, side.CodeMeaning) == ("7771000", "Left")


def test_a_linked_dicom_seg_names_the_scans_images_and_nothing_of_the_patient(tmp_path: Path, series: Path) -> None:
    export(labels(), tmp_path / "legs.dcm", series=series)
    data = pydicom.dcmread(tmp_path / "legs.dcm")
    images = [pydicom.dcmread(path) for path in series.iterdir()]
    assert data.StudyInstanceUID == images[0].StudyInstanceUID
    assert data.FrameOfReferenceUID == images[0].FrameOfReferenceUID
    named = {one.ReferencedSOPInstanceUID for one in data.ReferencedSeriesSequence[0].ReferencedInstanceSequence}
    assert named == {image.SOPInstanceUID for image in images}
    raw = (tmp_path / "legs.dcm").read_bytes()
    for secret in (b"Secret", b"SECRET", b"20100101", b"20200202"):
        assert secret not in raw


def test_a_dicom_seg_that_stands_alone_names_no_image_and_is_the_same_each_time(tmp_path: Path) -> None:
    export(labels(), tmp_path / "a.dcm")
    export(labels(), tmp_path / "b.dcm")
    assert (tmp_path / "a.dcm").read_bytes() == (tmp_path / "b.dcm").read_bytes()
    data = pydicom.dcmread(tmp_path / "a.dcm")
    assert not [element for element in data.iterall() if element.keyword == "ReferencedSOPInstanceUID"]
    assert data.PatientName == ""


def test_a_dicom_seg_on_another_scans_series_is_refused(tmp_path: Path, series: Path) -> None:
    moved = LabelMap(labels().array, labels().affine + 30 * np.eye(4, k=3), task=TASK)
    with pytest.raises(GeometryError, match=r"30\.00 mm apart"):
        export(moved, tmp_path / "legs.dcm", series=series)
    assert not (tmp_path / "legs.dcm").exists()


def test_an_empty_label_map_makes_no_dicom_seg(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="empty"):
        export(LabelMap(np.zeros((4, 4, 4), dtype=np.uint8), np.eye(4), task=TASK), tmp_path / "e.dcm")
    assert not (tmp_path / "e.dcm").exists()


def test_nnunet_values_have_no_gaps_and_are_the_same_for_every_case(tmp_path: Path) -> None:
    (said,) = export(labels(), tmp_path / "c.nii.gz", format="nnunet")
    values = nnunet_values(TASK)
    assert sorted(values.values()) == list(range(9))
    back = read(tmp_path / "c.nii.gz").array
    for name in ("tibia-right", "femur-left", "pelvis-left"):
        np.testing.assert_array_equal(back == values[name], labels().mask(name))
        assert f"{name} {values[name]}" in said


def test_spiders_values_are_kept_and_other_tasks_refused(tmp_path: Path) -> None:
    spine = Task.load("lumbar-spine")
    array = np.zeros((8, 8, 8), dtype=np.uint8)
    array[2], array[4], array[6] = 1, 100, 201
    export(LabelMap(array, np.eye(4), task=spine), tmp_path / "1.mha", format="spider")
    np.testing.assert_array_equal(read(tmp_path / "1.mha").array, array)
    with pytest.raises(UsageError, match="lumbar-spine"):
        export(labels(), tmp_path / "2.mha", format="spider")


@pytest.mark.parametrize(
    ("name", "more", "words"),
    [
        ("a.nii.gz", {}, "does not tell"),
        ("a.nii.gz", {"format": "slicer"}, r"written as \.seg\.nrrd"),
        ("a.dcm", {"format": "dicomseg"}, "no format dicomseg"),
        ("a.txt", {"series": "somewhere"}, "Leave --series out"),
        ("old.txt", {}, "--overwrite"),
    ],
)
def test_mistakes_are_named_and_nothing_is_written(tmp_path: Path, name: str, more: Any, words: str) -> None:
    (tmp_path / "old.txt").write_text("old")
    with pytest.raises(UsageError, match=words):
        export(labels(), tmp_path / name, **more)
    assert [path.name for path in tmp_path.iterdir()] == ["old.txt"]


@pytest.mark.realdata
@pytest.mark.parametrize("kind", ["siemens", "hitachi", "philips_enhanced", "siemens_multiframe"])
def test_a_dicom_seg_lies_over_a_real_series(data: Path, tmp_path: Path, kind: str) -> None:
    """Oblique ones, multi-frame ones, and such whose frame of reference was taken away with the names."""
    folder = data / "dicom" / kind / "anatomical" / "001"
    scan = read(folder)
    array = np.zeros(scan.shape, dtype=np.uint8)
    array[3:20, 5:9, 1:3] = 12
    given = LabelMap(array, scan.affine, task=TASK)
    export(given, tmp_path / "legs.dcm", series=folder)
    found, dataset = segments_of(tmp_path / "legs.dcm")
    expected = given.world_mm(np.argwhere(array)) * (-1, -1, 1)
    assert len(found["femur-left"]) == len(expected)
    assert cKDTree(expected).query(found["femur-left"])[0].max() < 1e-3
    images = {(i.SOPInstanceUID, i.SOPClassUID) for i in (pydicom.dcmread(p, force=True) for p in folder.iterdir())}
    named = dataset.ReferencedSeriesSequence[0].ReferencedInstanceSequence
    assert {(one.ReferencedSOPInstanceUID, one.ReferencedSOPClassUID) for one in named} == images
