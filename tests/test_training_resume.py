"""A run that was killed at any moment and resumed ends in the same bytes as one that was not."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from osteon.anatomy import Task
from osteon.cohort import Case, Cohort, Fold
from osteon.cohort.manifest import Manifest, voxels_sha256, write_manifest
from osteon.errors import TaskError, TrainingError
from osteon.io import write
from osteon.networks.model import Model
from osteon.training import TrainingConfig, TrainingPaths, train
from osteon.volume import LabelMap, Volume

TASK = Task.load("lumbar-spine")
FOLD = Fold(train=("s0", "s1"), validation=("s2",), test=("s3",))


def tiny(**changes: object) -> TrainingConfig:
    facts: dict[str, object] = {
        "name": "tiny",
        "title": "Tiny",
        "classes": ["vertebra-L5", "vertebra"],
        "epochs": 4,
        "steps": 3,
        "batch": 2,
        "network": {"width": 8},
        "encoder": {"frozen_epochs": 1},
        "sampling": {"rows": 32, "columns": 32},
        "preprocessing": {"region": "none"},
        "optimiser": {"warmup_epochs": 1, "average": 0.5},
    }
    return TrainingConfig.model_validate(facts | changes)


def make_cohort(folder: Path, seed: int = 0, subjects: int = 4) -> Cohort:
    """Random boxes for vertebrae."""
    rng = np.random.default_rng(seed)
    affine, cases = np.diag([4.0, 1.0, 1.0, 1.0]), []
    for n in range(subjects):
        labels = np.zeros((6, 34, 40), np.uint8)
        at = int(rng.integers(2, 8))
        labels[1:5, 8 + at : 20 + at, 2:12], labels[1:5, 8 + at : 20 + at, 16:28] = 1, 2
        array = (rng.normal(100, 20, labels.shape) + 200 * (labels > 0)).astype(np.int16)
        write(Volume(array, affine), folder / f"images/{n}.nii.gz")
        write(LabelMap(labels, affine, task=TASK), folder / f"labels/{n}.nii.gz")
        names = {"name": f"c{n}", "subject": f"s{n}", "group": "boxes", "sequence": "t1"}
        files = {"image": f"images/{n}.nii.gz", "labels": f"labels/{n}.nii.gz"}
        annotated = ("vertebra-L5", "vertebra-L4")
        cases.append(Case(**names, **files, annotated=annotated, voxels_sha256=voxels_sha256(array)))
    write_manifest(folder, Manifest(task=TASK.name, layout="boxes", cases=tuple(cases)))
    return Cohort.load(folder)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return make_cohort(tmp_path_factory.mktemp("data") / "cohort")


KILLER = '''
"""Train in a process of its own that kills itself with SIGKILL at a given moment."""
import json, os, signal, sys
import torch
import matplotlib.backends.backend_agg, matplotlib.figure  # once, not in every fork
from osteon.cohort import Cohort, Fold
from osteon.training import TrainingConfig, checkpoint, data, loop, outcome, record, session

torch.set_num_threads(1)
cohort, config = Cohort.load(sys.argv[1]), TrainingConfig.model_validate_json(sys.argv[2])
fold = Fold(**json.loads(sys.argv[3]))

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def after(module, name, wanted, then=die):
    """Let a function of a module run ``wanted`` times, then die."""
    whole, calls = getattr(module, name), []
    def counted(*arguments, **named):
        calls.append(1)
        if len(calls) > wanted:
            then(*arguments, **named) if then is not die else die()
        return whole(*arguments, **named)
    setattr(module, name, counted)

def half_a_checkpoint(tensors, path, metadata):
    path.write_bytes(b"half a checkpoint")
    die()

MOMENTS = {
    "before-the-first-checkpoint": lambda: after(session, "save_checkpoint", 0),
    "after-the-first-checkpoint": lambda: after(session, "record", 0),
    "in-mid-epoch": lambda: after(data, "augmented", 2 * 3 * 2 + 3),
    "while-validating": lambda: after(session, "judged", 2),
    "between-best-weights-and-checkpoint": lambda: after(session, "save_checkpoint", 2),
    "while-writing-a-checkpoint": lambda: after(checkpoint, "save_file", 1, half_a_checkpoint),
    "while-drawing-curves": lambda: after(record, "draw_curves", 2),
    "after-the-last-checkpoint": lambda: after(session, "record", 3),
    "while-writing-the-model": lambda: after(outcome, "write_model", 0),
}

def run(folder, moment, resume):
    """Train in a fork, as a fresh process would, without importing everything again; answers how it ended."""
    child = os.fork()
    if child == 0:
        if not folder.endswith("unbroken"):  # drawing takes longer than learning here
            record.draw_curves = lambda path, history: path.write_bytes(b"curves")
        MOMENTS.get(moment, lambda: None)()
        try:
            loop.train(cohort, folder, config=config, fold=fold, resume=resume, device="cpu")
        except BaseException as error:
            print(moment, type(error).__name__, error, file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

out, ended = sys.argv[4], {"unbroken": [run(sys.argv[4] + "/unbroken", None, False)]}
for moment in MOMENTS:
    ended[moment] = [run(f"{out}/{moment}", moment, False), run(f"{out}/{moment}", None, True)]
# and one that is killed twice
ended["twice"] = [run(f"{out}/twice", m, True) for m in ("after-the-first-checkpoint", "while-validating", None)]
print(json.dumps(ended))
'''

MOMENTS = [
    "before-the-first-checkpoint",
    "after-the-first-checkpoint",
    "in-mid-epoch",
    "while-validating",
    "between-best-weights-and-checkpoint",
    "while-writing-a-checkpoint",
    "while-drawing-curves",
    "after-the-last-checkpoint",
    "while-writing-the-model",
    "twice",
]


@pytest.fixture(scope="module")
def runs(cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an unbroken run and with runs that were killed and resumed."""
    if not hasattr(os, "fork"):
        pytest.skip("the runs are forks of one process, which this system does not have")
    folder = tmp_path_factory.mktemp("runs")
    (folder / "killer.py").write_text(KILLER)
    arguments = [str(cohort.folder), tiny().model_dump_json(), FOLD.model_dump_json(), str(folder)]
    done = subprocess.run(
        [sys.executable, str(folder / "killer.py"), *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    ended = json.loads(done.stdout.splitlines()[-1])
    assert set(ended) == {"unbroken", *MOMENTS}
    for name, codes in ended.items():
        killed = len(codes) - 1
        assert codes == [-9] * killed + [0], f"{name}: {codes}; {done.stderr[-2000:]}"
    return folder


def rows(folder: Path) -> list[dict[str, str]]:
    with TrainingPaths(folder).metrics.open(newline="") as stream:
        return [
            {key: value for key, value in row.items() if not key.endswith("seconds")} for row in csv.DictReader(stream)
        ]


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_and_resumed_run_ends_in_the_same_bytes(runs: Path, moment: str) -> None:
    unbroken, resumed = TrainingPaths(runs / "unbroken"), TrainingPaths(runs / moment)
    for file in ("weights.safetensors", "model.toml", "card.md"):
        assert (resumed.model / file).read_bytes() == (unbroken.model / file).read_bytes(), file
    assert resumed.best.read_bytes() == unbroken.best.read_bytes()
    assert rows(resumed.folder) == rows(unbroken.folder)
    assert sorted(p.name for p in resumed.folder.iterdir()) == sorted(p.name for p in unbroken.folder.iterdir())


def test_an_unbroken_run_leaves_all_its_files(runs: Path) -> None:
    paths = TrainingPaths(runs / "unbroken")
    assert sorted(p.name for p in paths.folder.iterdir()) == [
        "best.safetensors", "checkpoint.safetensors", "config.json", "curves.png", "metrics.csv", "model", "run.json",
        "subjects.json",
    ]  # fmt: skip
    assert paths.curves.read_bytes().startswith(b"\x89PNG")
    assert [row["epoch"] for row in rows(paths.folder)] == ["1", "2", "3", "4"]
    with paths.metrics.open() as stream:
        assert stream.readline().strip().split(",") == [
            "epoch", "learning_rate", "train_loss", "loss", "accuracy", "f1", "iou", "dice_vertebra-L5",
            "dice_vertebra", "validation_seconds", "validation_processor_seconds", "seconds", "processor_seconds",
        ]  # fmt: skip
    assert Model.load(paths.model).spec.classes == ("vertebra-L5", "vertebra")
    record = json.loads((paths.folder / "run.json").read_text())
    assert record["fold"] == {"train": ["s0", "s1"], "validation": ["s2"], "test": ["s3"]}
    assert str(runs) not in (paths.folder / "run.json").read_text()


def test_test_subjects_are_never_read(cohort: Cohort, tmp_path: Path) -> None:
    made = make_cohort(tmp_path / "cohort")
    held_out = made.of_subjects(FOLD.test)[0]
    for file in (held_out.image, held_out.labels):
        (made.folder / file).write_bytes(b"must not be read")
    train(made, tmp_path / "run", config=tiny(epochs=1, steps=1), fold=FOLD, device="cpu")


def test_a_frozen_encoder_stays_and_then_learns(cohort: Cohort, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    def encoder(name: str, epochs: int, frozen: int) -> dict[str, torch.Tensor]:
        config = tiny(epochs=epochs, encoder={"frozen_epochs": frozen})
        train(cohort, tmp_path / name, config=config, fold=FOLD, device="cpu")
        stored = load_file(tmp_path / name / "checkpoint.safetensors")
        return {n: w for n, w in stored.items() if n.startswith("network.encoder.")}

    def same(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> bool:
        return all(torch.equal(w, two[n]) for n, w in one.items())

    first, second = encoder("one", 1, 2), encoder("two", 2, 2)
    assert same(first, second)
    assert not same(second, encoder("three", 2, 1))


@pytest.fixture
def started(runs: Path, tmp_path: Path) -> Path:
    """A copy of the unbroken run's folder."""
    import shutil

    return Path(shutil.copytree(runs / "unbroken", tmp_path / "run"))


def test_a_run_in_the_way_is_not_overwritten(cohort: Cohort, started: Path) -> None:
    before = (started / "checkpoint.safetensors").read_bytes()
    with pytest.raises(TrainingError, match="holds a run already"):
        train(cohort, started, config=tiny(), fold=FOLD)
    assert (started / "checkpoint.safetensors").read_bytes() == before


def test_a_run_of_another_configuration_is_not_continued(cohort: Cohort, started: Path) -> None:
    with pytest.raises(TrainingError, match="another configuration"):
        train(cohort, started, config=tiny(epochs=9), fold=FOLD, resume=True)


def test_a_run_of_other_subjects_is_not_continued(cohort: Cohort, started: Path) -> None:
    # the network has seen s0: continued with s0 on the other side, it would be tested on what it knows
    leaky = Fold(train=("s1", "s3"), validation=("s2",), test=("s0",))
    with pytest.raises(TrainingError, match="other subjects"):
        train(cohort, started, config=tiny(), fold=leaky, resume=True)


def test_a_run_of_another_state_of_the_cohort_is_not_continued(started: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="another state of the cohort"):
        train(make_cohort(tmp_path / "c", seed=1), started, config=tiny(), fold=FOLD, resume=True)


@pytest.mark.parametrize("resume", [False, True])
def test_a_foreign_folder_is_left_as_it_is(cohort: Cohort, tmp_path: Path, resume: bool) -> None:
    (tmp_path / "thesis.txt").write_text("years")
    with pytest.raises(TrainingError, match="something else than a training run"):
        train(cohort, tmp_path, config=tiny(), fold=FOLD, resume=resume)
    with pytest.raises(TrainingError, match="is a file"):
        train(cohort, tmp_path / "thesis.txt", config=tiny(), fold=FOLD, resume=resume)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_damaged_checkpoint_is_refused(cohort: Cohort, started: Path) -> None:
    path = started / "checkpoint.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(TrainingError, match="cannot be continued"):
        train(cohort, started, config=tiny(), fold=FOLD, resume=True, device="cpu")


def test_held_out_scans_may_not_come_in_through_another_cohort(cohort: Cohort, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="c2 of cohort has the same voxels as c2"):
        train(cohort, tmp_path / "run", config=tiny(), fold=FOLD, also=[cohort])
    assert not (tmp_path / "run").exists()


def test_some_subjects_of_a_further_cohort_judge_instead_of_teaching(cohort: Cohort, tmp_path: Path) -> None:
    other = make_cohort(tmp_path / "other", seed=5, subjects=3)

    def how(judging: int) -> TrainingConfig:
        return tiny(epochs=1, steps=1, sampling={"rows": 32, "columns": 32, "judging": judging})

    heard: list[str] = []
    train(cohort, tmp_path / "run", config=how(1), fold=FOLD, also=[other], said=heard.append)
    assert heard[0].startswith("4 training cases, 2 validation cases")
    with pytest.raises(TrainingError, match="takes 3 subjects of other, which has 3: none are left"):
        train(cohort, tmp_path / "none-left", config=how(3), fold=FOLD, also=[other])


def test_nothing_to_validate_on_is_said(cohort: Cohort, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="No validation case"):
        train(cohort, tmp_path / "run", config=tiny(), fold=Fold(train=("s0",)), device="cpu")


def test_a_class_that_nobody_annotated_is_refused(cohort: Cohort, tmp_path: Path) -> None:
    said: list[str] = []
    with pytest.raises(TrainingError, match="No validation case"):
        train(
            cohort, tmp_path / "run", config=tiny(classes=["spinal-canal"]), fold=FOLD, device="cpu", said=said.append
        )
    assert any("c0 is left out: none of spinal-canal was annotated" in line for line in said)
    legs = replace(cohort, task=Task.load("leg-bones"))
    with pytest.raises(TaskError, match="several structures"):
        train(legs, tmp_path / "other", config=tiny(classes=["femur"]), fold=FOLD)
