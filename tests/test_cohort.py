"""Importing the SPIDER layout: what can be used becomes a cohort, everything else is named with its reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from osteon.anatomy import Task
from osteon.cohort import Cohort, import_spider
from osteon.errors import CohortError
from osteon.io import write
from osteon.volume import Volume

SHAPE = (6, 30, 40)
AFFINE = np.array([[0, 0, 1.0, -20], [0, -1.0, 0, 10], [-4.0, 0, 0, 55], [0, 0, 0, 1]])


def scan(seed: int) -> Volume:
    return Volume(np.random.default_rng(seed).integers(0, 500, SHAPE).astype(np.int16), AFFINE)


def mask(*values: int) -> Volume:
    array = np.zeros(SHAPE, dtype=np.uint8)
    for place, value in enumerate(values):
        array[2:4, 5:20, 4 * place : 4 * place + 3] = value
    return Volume(array, AFFINE)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class Source:
    """A folder in the SPIDER layout."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for part in ("images", "masks"):
            (folder / part).mkdir(parents=True)

    def add(self, name: str, image: Volume | None, labels: Volume | None) -> Source:
        if image is not None:
            write(image, self.folder / "images" / name)
        if labels is not None:
            write(labels, self.folder / "masks" / name)
        return self

    def table(self, *rows: str, beside_images: bool = False, head: str = "file\tsubject\tsource\tsequence") -> Source:
        folder = self.folder / "images" if beside_images else self.folder
        (folder / "participants.tsv").write_text("\n".join([head, *rows]) + "\n")
        return self


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return Source(tmp_path / "spider").add("1_t1.mha", scan(1), mask(1, 2))


def reasons(cohort: Cohort) -> dict[str, str]:
    return {d.file: d.reason for d in cohort.manifest.dropped}


def test_a_case_keeps_its_voxels_its_place_and_its_labels(source: Source, tmp_path: Path) -> None:
    cohort = import_spider(source.folder, tmp_path / "cohort")
    (case,) = cohort.cases
    assert (case.name, case.subject, case.group, case.sequence) == ("1_t1", "1", "spider", "t1")
    np.testing.assert_array_equal(cohort.scan(case).array, scan(1).array)
    np.testing.assert_allclose(cohort.scan(case).affine, AFFINE, atol=1e-4)
    np.testing.assert_array_equal(cohort.labels(case).array, mask(1, 2).array)
    assert not cohort.manifest.dropped


def test_the_manifest_says_what_was_annotated(source: Source, tmp_path: Path) -> None:
    source.add("2_t2_SPACE.mha", scan(2), mask(201, 100))
    cohort = import_spider(source.folder, tmp_path / "cohort")
    assert [c.annotated for c in cohort.cases] == [("vertebra-L5", "vertebra-L4"), ("spinal-canal", "disc-L5-S1")]
    assert cohort.cases[1].sequence == "t2_SPACE"


def test_a_cohort_read_again_is_the_cohort_that_was_written(source: Source, tmp_path: Path) -> None:
    made = import_spider(source.add("2_t1.mha", scan(2), mask(1)).folder, tmp_path / "cohort")
    again = Cohort.load(tmp_path / "cohort")
    assert again.manifest == made.manifest
    assert again.digest() == made.digest()
    assert repr(again) == "Cohort(cohort: 2 cases of 2 subjects; lumbar-spine)"


def moved() -> Volume:
    affine = AFFINE.copy()
    affine[0, 3] += 7
    return Volume(mask(1).array, affine)


def shrunk(volume: Volume, factor: float) -> Volume:
    affine = volume.affine.copy()
    affine[:3, :3] *= factor
    return Volume(volume.array, affine)


@pytest.mark.parametrize(
    ("image", "labels", "file", "said"),
    [
        (scan(9), None, "images/9_t1.mha", "no mask of this name"),
        (None, mask(1), "masks/9_t1.mha", "no image of this name"),
        (scan(9), moved(), "images/9_t1.mha", "7.00 mm apart"),
        (scan(9), Volume(mask(1).array[:, :, 1:], AFFINE), "images/9_t1.mha", "6 x 30 x 40 voxels"),
        (scan(9), mask(), "images/9_t1.mha", "the mask is empty"),
        (scan(9), mask(1, 77), "images/9_t1.mha", "77"),
        (shrunk(scan(9), 0.1), shrunk(mask(1), 0.1), "images/9_t1.mha", "no body has this extent"),
        (shrunk(scan(9), 10), shrunk(mask(1), 10), "images/9_t1.mha", "no body has this extent"),
        (Volume(np.full(SHAPE, 3, np.int16), AFFINE), mask(1), "images/9_t1.mha", "constant"),
    ],
    ids=["no-mask", "no-image", "moved", "other-shape", "empty", "unknown-label", "too-small", "too-large", "constant"],
)
def test_what_cannot_be_used_is_dropped_with_its_reason(
    source: Source, tmp_path: Path, image: Volume | None, labels: Volume | None, file: str, said: str
) -> None:
    cohort = import_spider(source.add("9_t1.mha", image, labels).folder, tmp_path / "cohort")
    assert [c.name for c in cohort.cases] == ["1_t1"]
    assert list(reasons(cohort)) == [file]
    assert said in reasons(cohort)[file]
    assert not (tmp_path / "cohort" / "images" / "9_t1.nii.gz").exists()


def test_a_damaged_file_is_dropped_with_its_reason(source: Source, tmp_path: Path) -> None:
    source.add("9_t1.mha", scan(9), mask(1))
    path = source.folder / "images" / "9_t1.mha"
    path.write_bytes(path.read_bytes()[:-500])
    assert list(reasons(import_spider(source.folder, tmp_path / "cohort"))) == ["images/9_t1.mha"]


def test_the_same_voxels_under_two_names_are_one_case(source: Source, tmp_path: Path) -> None:
    # also when they are stored in another type
    source.add("7_t1.mha", Volume(scan(1).array.astype(np.float32), AFFINE), mask(3))
    cohort = import_spider(source.folder, tmp_path / "cohort")
    assert [c.name for c in cohort.cases] == ["1_t1"]
    assert reasons(cohort) == {"images/7_t1.mha": "it has the same voxels as 1_t1.mha"}


@pytest.mark.parametrize("beside_images", [False, True])
def test_the_table_wins_over_file_names(source: Source, tmp_path: Path, beside_images: bool) -> None:
    source.add("2_t2.mha", scan(2), mask(1)).add("3_t1.mha", scan(3), mask(1))
    source.table("1_t1.mha\tanna\thospital\tT1w", "2_t2.mha\tanna\thospital\t", beside_images=beside_images)
    cohort = import_spider(source.folder, tmp_path / "cohort")
    facts = [(c.subject, c.group, c.sequence) for c in cohort.cases]
    assert facts == [("anna", "hospital", "T1w"), ("anna", "hospital", "t2"), ("3", "spider", "t1")]
    assert cohort.subjects == ["3", "anna"]
    assert [c.name for c in cohort.of_subjects(["anna"])] == ["1_t1", "2_t2"]
    assert len(cohort.manifest.notes) == 1
    assert "3_t1.mha is not in participants.tsv" in cohort.manifest.notes[0]


def test_without_a_table_the_number_is_the_subject_and_nothing_is_noted(source: Source, tmp_path: Path) -> None:
    cohort = import_spider(source.add("1_t2.mha", scan(2), mask(1)).folder, tmp_path / "cohort")
    assert cohort.subjects == ["1"]
    assert cohort.manifest.notes == ()


Prepare = Callable[[Source], object]


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (lambda s: s.table("1_t1.mha\ta\t\t", "1_t1.mha\tb\t\t"), "twice, with two subjects"),
        (
            lambda s: s.table("1_t1.mha\ta\t\t").table("1_t1.mha\tb\t\t", beside_images=True),
            "twice, with two subjects .see also",
        ),
        (lambda s: s.table("1_t1.mha,a", head="file,subject"), "columns file and subject"),
    ],
    ids=["in-one-table", "in-two-tables", "commas"],
)
def test_a_table_that_contradicts_itself_is_refused(
    source: Source, tmp_path: Path, prepare: Prepare, said: str
) -> None:
    prepare(source)
    with pytest.raises(CohortError, match=said):
        import_spider(source.folder, tmp_path / "cohort")


def test_two_tables_that_agree_are_both_read(source: Source, tmp_path: Path) -> None:
    source.add("2_t2.mha", scan(2), mask(1))
    source.table("1_t1.mha\ta\t\t").table("1_t1.mha\ta\t\t", "2_t2.mha\ta\t\t", beside_images=True)
    assert import_spider(source.folder, tmp_path / "cohort").subjects == ["a"]


def test_a_foreign_folder_is_left_as_it_is(source: Source, tmp_path: Path) -> None:
    foreign = tmp_path / "thesis"
    foreign.mkdir()
    (foreign / "chapter.txt").write_text("years of work")
    (tmp_path / "file").write_text("x")
    for target in (foreign, tmp_path / "file"):
        with pytest.raises(CohortError, match="left as it is"):
            import_spider(source.folder, target)
    assert (foreign / "chapter.txt").read_text() == "years of work"


def test_a_cohort_is_replaced_as_one(source: Source, tmp_path: Path) -> None:
    import_spider(source.add("2_t1.mha", scan(2), mask(1)).folder, tmp_path / "cohort")
    for part in ("images", "masks"):
        (source.folder / part / "1_t1.mha").unlink()
    import_spider(source.folder, tmp_path / "cohort")
    assert names(tmp_path / "cohort" / "images") == ["2_t1.nii.gz"]


def test_a_failed_import_leaves_nothing(tmp_path: Path) -> None:
    bad = Source(tmp_path / "bad").add("2_t1.mha", scan(2), mask())
    with pytest.raises(CohortError, match=r"Nothing in .* can be used .*the mask is empty"):
        import_spider(bad.folder, tmp_path / "cohort")
    assert names(tmp_path) == ["bad"]


def test_a_failed_import_leaves_the_old_cohort(source: Source, tmp_path: Path) -> None:
    before = import_spider(source.folder, tmp_path / "cohort").digest()
    bad = Source(tmp_path / "bad").add("2_t1.mha", scan(2), mask())
    with pytest.raises(CohortError, match="Nothing in"):
        import_spider(bad.folder, tmp_path / "cohort")
    assert Cohort.load(tmp_path / "cohort").digest() == before
    assert names(tmp_path) == ["bad", "cohort", "spider"]


def test_another_layout_is_said(tmp_path: Path) -> None:
    with pytest.raises(CohortError, match="no folder images"):
        import_spider(tmp_path, tmp_path / "cohort")
    (tmp_path / "images").mkdir()
    with pytest.raises(CohortError, match=r"holds no .mha file"):
        import_spider(tmp_path, tmp_path / "cohort")


def test_a_cohort_of_a_users_own_task_is_read_again(source: Source, tmp_path: Path) -> None:
    own = Task.load("lumbar-spine").model_copy(update={"name": "my-spine"})
    made = import_spider(source.folder, tmp_path / "cohort", task=own)
    again = Cohort.load(tmp_path / "cohort")
    assert again.task == own
    assert again.labels(made.cases[0]).values() == [1, 2]


def test_a_damaged_cohort_is_refused(source: Source, tmp_path: Path) -> None:
    with pytest.raises(CohortError, match="not a cohort"):
        Cohort.load(tmp_path)
    folder = tmp_path / "cohort"
    import_spider(source.folder, folder)
    text = (folder / "cohort.json").read_text()
    for damaged in (text[:-20], json.dumps(json.loads(text) | {"extra": 1})):
        (folder / "cohort.json").write_text(damaged)
        with pytest.raises(CohortError, match="damaged"):
            Cohort.load(folder)
    (folder / "cohort.json").write_text(text)
    (folder / "labels" / "1_t1.nii.gz").unlink()
    with pytest.raises(CohortError, match=r"labels/1_t1.nii.gz, which is missing"):
        Cohort.load(folder)


def test_the_digest_follows_voxels_subjects_and_annotations(tmp_path: Path) -> None:
    def digest(name: str, image: Volume, labels: Volume, row: str) -> str:
        folder = Source(tmp_path / name).add("1_t1.mha", image, labels).table(row).folder
        return import_spider(folder, tmp_path / f"{name}-cohort").digest()

    same = [digest(name, scan(1), mask(1), "1_t1.mha\ta\t\t") for name in ("x", "y")]
    assert same[0] == same[1]
    others = {
        digest("image", scan(2), mask(1), "1_t1.mha\ta\t\t"),
        digest("subject", scan(1), mask(1), "1_t1.mha\tb\t\t"),
        digest("labels", scan(1), mask(1, 2), "1_t1.mha\ta\t\t"),
        same[0],
    }
    assert len(others) == 4


@pytest.mark.realdata
def test_the_real_cohort_has_64_cases_of_60_subjects(data: Path, tmp_path: Path) -> None:
    cohort = import_spider(data / "spine-mri", tmp_path / "cohort", task=Task.load("lumbar-spine"))
    assert (len(cohort.cases), len(cohort.subjects)) == (64, 60)
    assert reasons(cohort) == {"images/333_t1.mha": "it has the same voxels as 332_t1.mha"}
    assert "vertebra-L5" not in next(c for c in cohort.cases if c.name.startswith("4")).annotated
