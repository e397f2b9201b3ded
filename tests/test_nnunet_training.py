"""nnU-Net's training seen from Osteon, with a stand-in for the process that runs it."""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import torch

from cohorts import write_spider
from limbs import LEGS
from nnunet_releases import checkpoint, plans
from osteon.anatomy import Task
from osteon.cohort import Cohort, Fold, import_cohort
from osteon.errors import ModelError, TrainingError
from osteon.networks.model import Model
from osteon.networks.nnunet import extra
from osteon.training import TrainingConfig, train
from osteon.training.nnunet import training
from osteon.training.nnunet.job import Job
from osteon.training.nnunet.process import run_job
from osteon.training.nnunet.training import unmirrored_axes

FOLD = Fold(train=("1", "2"), validation=("3",), test=("4",))


def config(**changes: Any) -> TrainingConfig:
    facts = {
        "name": "legs",
        "title": "Legs",
        "classes": ["tibia-right", "tibia-left"],
        "epochs": 2,
        "steps": 5,
        "network": {"name": "nnunet-3d"},
        "nnunet": {"workers": 1},
    }
    return TrainingConfig.model_validate(facts | changes)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    folder = tmp_path_factory.mktemp("legs")
    return import_cohort("spider", write_spider(folder / "source", 4), folder / "cohort", task=LEGS)


def epochs(job: Job, number: int) -> None:
    row = {"learning_rate": 0.01, "train_loss": 1.0, "loss": 0.9, "f1": 0.5, "iou": 0.4, "seconds": 60.0}
    rows = [{"epoch": float(n + 1)} | row | {"dice_tibia-right": 0.5} for n in range(number)]
    job.history.write_text(json.dumps(rows), encoding="utf-8")


def trained(job: Job) -> None:
    """What nnU-Net leaves."""
    folder = job.results / f"nnUNetTrainer__nnUNetPlans__{job.configuration}"
    (folder / "fold_0").mkdir(parents=True)
    (folder / "plans.json").write_text(json.dumps(plans(**{job.configuration: {}})), encoding="utf-8")
    (folder / "dataset.json").write_bytes((job.raw / "dataset.json").read_bytes())
    torch.save(checkpoint(3, job.configuration), folder / "fold_0" / "checkpoint_final.pth")


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """Jobs that were run, by a stand-in that trains two epochs."""
    seen: list[Job] = []

    def stand_in(job: Job, heard: Callable[[dict[str, Any]], None]) -> None:
        seen.append(job)
        heard({"event": "stage", "name": "planning"})
        heard({"event": "plan", "patch_size": [16, 32, 32], "batch_size": 2, "spacing": [6, 4, 4]})
        for number in (1, 2):
            epochs(job, number)
            heard({"event": "epoch", "number": number})
        trained(job)

    monkeypatch.setattr(training, "run_job", stand_in)
    monkeypatch.setattr(training, "nnunet_module", lambda name: None)
    return seen


def test_training_with_nnunet_leaves_what_any_training_leaves(cohort: Cohort, jobs: list[Job], tmp_path: Path) -> None:
    said: list[str] = []
    model = train(cohort, tmp_path / "run", config=config(), fold=FOLD, device="cpu", said=said.append)
    assert Model.load(tmp_path / "run" / "model").spec == model.spec
    assert (model.spec.classes, model.spec.name) == (("tibia-right", "tibia-left"), "legs")
    for name in ("metrics.csv", "curves.png", "run.json", "config.json", "subjects.json"):
        assert (tmp_path / "run" / name).is_file()
    assert len((tmp_path / "run" / "metrics.csv").read_text(encoding="utf-8").splitlines()) == 3
    assert any(line.startswith("epoch 2: loss 1.000") for line in said)
    assert "2 minutes" in model.card()
    facts = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))
    assert facts["plan"]["batch_size"] == 2


def test_nnunet_sees_the_training_subjects_by_class_and_never_the_test_subjects(
    cohort: Cohort, jobs: list[Job], tmp_path: Path
) -> None:
    train(cohort, tmp_path / "run", config=config(), fold=FOLD, device="cpu")
    raw = jobs[0].raw
    seen = sorted(path.name.split("_")[0] for path in (raw / "imagesTr").iterdir())
    assert seen == ["1", "2", "3"]
    assert sorted(path.name.split("_")[0] for path in (raw / "imagesTs").iterdir()) == ["4"]
    assert json.loads((raw / "splits_final.json").read_text(encoding="utf-8")) == [
        {"train": ["1_t1", "2_t1"], "val": ["3_t1"]}
    ]
    dataset = json.loads((raw / "dataset.json").read_text(encoding="utf-8"))
    assert dataset["labels"] == {"background": 0, "tibia-right": 1, "tibia-left": 2}
    assert dataset["overwrite_image_reader_writer"] == "NibabelIOWithReorient"
    case = next(case for case in cohort.cases if case.name == "1_t1")
    written = np.asarray(nibabel.load(raw / "labelsTr" / "1_t1.nii.gz").dataobj)
    labels = cohort.labels(case)
    assert np.array_equal(written == 1, labels.mask("tibia-right"))
    assert np.array_equal(written == 2, labels.mask("tibia-left"))
    assert jobs[0].augmenters == 1  # as configured


def test_without_validation_subjects_the_epochs_are_judged_on_training_subjects_and_it_is_said(
    cohort: Cohort, jobs: list[Job], tmp_path: Path
) -> None:
    said: list[str] = []
    fold = Fold(train=("1", "2", "3"), test=("4",))
    train(cohort, tmp_path / "run", config=config(), fold=fold, device="cpu", said=said.append)
    (sides,) = json.loads((jobs[0].raw / "splits_final.json").read_text(encoding="utf-8"))
    assert sides["val"] == sides["train"] == ["1_t1", "2_t1", "3_t1"]
    assert any("no validation subjects" in line for line in said)


def test_a_run_is_only_continued_with_the_same_configuration(cohort: Cohort, jobs: list[Job], tmp_path: Path) -> None:
    def again(resume: bool, **changes: Any) -> None:
        train(cohort, tmp_path / "run", config=config(**changes), fold=FOLD, device="cpu", resume=resume)

    def killed(job: Job, heard: object) -> None:
        epochs(job, 1)
        raise TrainingError("killed")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "run_job", killed)
        with pytest.raises(TrainingError, match="killed"):
            again(resume=False)
    with pytest.raises(TrainingError, match="--resume"):
        again(resume=False)
    with pytest.raises(TrainingError, match="another configuration"):
        again(resume=True, epochs=3)
    exported = (tmp_path / "run" / "nnunet" / "raw").stat().st_ino
    again(resume=True)
    assert (tmp_path / "run" / "nnunet" / "raw").stat().st_ino == exported
    assert (tmp_path / "run" / "model" / "model.toml").is_file()


def test_other_cohorts_and_an_absent_nnunet_are_refused_before_anything_is_written(
    cohort: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(TrainingError, match="--also"):
        train(cohort, tmp_path / "run", config=config(), fold=FOLD, also=[cohort], device="cpu")
    monkeypatch.setattr(extra, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"osteon\[nnunet\]"):
        train(cohort, tmp_path / "run", config=config(), fold=FOLD, device="cpu")
    assert not (tmp_path / "run").exists()


def test_nothing_is_mirrored_that_would_change_its_name() -> None:
    legs, spine = Task.load("leg-bones"), Task.load("lumbar-spine")
    assert unmirrored_axes(legs) == (0,)
    assert unmirrored_axes(spine) == (2,)
    plain = legs.structures[0].model_copy(update={"mirror": None})
    assert unmirrored_axes(legs.model_copy(update={"structures": (plain,), "limb": None})) == ()


def job_in(folder: Path) -> Job:
    (folder / "nnunet").mkdir()
    facts: dict[str, Any] = {"dataset": "Dataset001_Legs", "configuration": "2d", "planner": "P", "memory_gb": 8.0}
    facts |= {"workers": 1, "augmenters": 0, "seed": 0, "epochs": 1, "steps": 1, "minutes": None, "device": "cpu"}
    return Job(folder=folder / "nnunet", unmirrored=(), **facts)


def stand_in(folder: Path, text: str) -> Path:
    (folder / "stand_in.py").write_text(text, encoding="utf-8")
    return folder / "stand_in.py"


def test_what_the_process_tells_is_heard_and_the_rest_goes_to_its_log(tmp_path: Path) -> None:
    text = """
import json, os, sys
print("@osteon " + json.dumps({"event": "stage", "name": os.environ["nnUNet_raw"]}))
print("Plans:", json.loads(open(sys.argv[1]).read())["dataset"])
"""
    job, heard = job_in(tmp_path), list[dict[str, Any]]()
    run_job(job, heard.append, stand_in(tmp_path, text))
    assert heard == [{"event": "stage", "name": str(job.folder / "raw")}]
    assert job.log.read_text(encoding="utf-8") == "Plans: Dataset001_Legs\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            'print("ValueError: 3 labels")\nraise RuntimeError("workers are gone")',
            "while planning: ValueError: 3 labels.",
        ),
        ("sys.exit(7)", r"exit code 7"),
        ("os.kill(os.getpid(), 9)", "run out of memory"),
    ],
)
def test_the_first_error_of_the_process_is_shown(tmp_path: Path, text: str, said: str) -> None:
    if sys.platform == "win32" and "kill" in text:
        pytest.skip("signals are POSIX")
    begin = 'import os, sys\nprint(\'@osteon {"event": "stage", "name": "planning"}\', flush=True)\n'
    job = job_in(tmp_path)
    with pytest.raises(TrainingError, match=said) as raised:
        run_job(job, lambda event: None, stand_in(tmp_path, begin + text))
    assert str(job.log) in str(raised.value)


def test_a_stopped_training_ends_its_process(tmp_path: Path) -> None:
    text = 'import time\nprint(\'@osteon {"event": "stage", "name": "x"}\', flush=True)\ntime.sleep(600)'

    def stop(event: dict[str, Any]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):  # in seconds: it does not wait for the process
        run_job(job_in(tmp_path), stop, stand_in(tmp_path, text))


def test_operators_that_torchvision_misses_are_declared_before_it_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision" / "__init__.py").write_text("raise RuntimeError")
    (tmp_path / "torchvision" / "_C.so").write_text("built for another torch")
    spec = types.SimpleNamespace(origin=str(tmp_path / "torchvision" / "__init__.py"))
    monkeypatch.setattr(extra, "find_spec", lambda name: spec)
    extra.prepare_import()
    extra.prepare_import()  # a second time does no harm
    assert "Tensor dets" in str(torch.ops.torchvision.nms.default._schema)
