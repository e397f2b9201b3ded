"""The real nnU-Net, from a cohort to segmented scans; skipped where it is not installed. Minutes on a CPU."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from osteon.anatomy import Task
from osteon.cohort import Cohort, Fold, import_cohort
from osteon.inference import engine_for, predict
from osteon.io import write
from osteon.networks.nnunet.extra import nnunet_module
from osteon.training import TrainingConfig, train
from osteon.volume import LabelMap, Volume

pytestmark = pytest.mark.skipif(find_spec("nnunetv2") is None, reason="nnunetv2 is not installed (extra nnunet)")

FOLD = Fold(train=("1", "2", "5", "6"), validation=("3",), test=("4",))
LEGS = Task.load("leg-bones")


def shins(seed: int, codes: str) -> tuple[Volume, LabelMap]:
    """Two bright ellipsoids in noise; the left one is the brighter."""
    rng, shape = np.random.default_rng(seed), (48, 32, 24)
    affine = np.array([[3.0, 0, 0, -72], [0, 3, 0, -48], [0, 0, 4, -48], [0, 0, 0, 1]])
    index = np.indices(shape).transpose(1, 2, 3, 0)
    labels = np.zeros(shape, np.uint8)
    for across, value in ((34, 1), (13, 11)):
        centre = np.array([across, 16, 12]) + rng.uniform(-2, 2, 3)
        radii = np.array([5, 5, 9]) * rng.uniform(0.8, 1.2)
        labels[(((index - centre) / radii) ** 2).sum(axis=-1) < 1] = value
    array = np.select([labels == 1, labels == 11], [300, 380], 100) + 20 * rng.normal(size=shape)
    scan = Volume(np.abs(array).astype(np.int16), affine)
    return scan.reoriented(codes), LabelMap(labels, affine, task=LEGS).reoriented(codes)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    source = tmp_path_factory.mktemp("shins")
    for number in range(1, 7):
        scan, labels = shins(number, "RAS" if number % 2 else "LPI")
        write(scan, source / "images" / f"{number}_t1.mha")
        write(labels, source / "masks" / f"{number}_t1.mha")
    return import_cohort("spider", source, source / "cohort", task=LEGS)


@pytest.mark.parametrize("network", ["nnunet-2d", "nnunet-3d"])
def test_a_trained_nnunet_segments_as_nnunet_itself_does(cohort: Cohort, tmp_path: Path, network: str) -> None:
    facts = {
        "name": "shins",
        "title": "Shins",
        "classes": ["tibia-right", "tibia-left"],
        "epochs": 4,
        "steps": 10,
        "network": {"name": network},
        "nnunet": {"memory_gb": 0.6},
    }
    config = TrainingConfig.model_validate(facts)
    model = train(cohort, tmp_path / "run", config=config, fold=FOLD, device="cpu")
    rows = json.loads((tmp_path / "run" / "nnunet" / "history.json").read_text(encoding="utf-8"))
    assert rows[-1]["loss"] < rows[0]["loss"]
    scan, labels = shins(4, "LPI")
    found = predict(scan, model, engine_for(model, device="cpu")).classes.array
    theirs = by_nnunet(scan, next((tmp_path / "run" / "nnunet" / "results").glob("*/*")))
    assert np.mean(found == theirs) > 0.999
    assert dice(found == 1, theirs == 1) > 0.98
    assert dice(found == 1, labels.mask("tibia-right")) > 0.5


def dice(one: np.ndarray, other: np.ndarray) -> float:
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


def by_nnunet(scan: Volume, trained: Path) -> np.ndarray:
    """Classes that nnU-Net's own code gives for a scan, on the scan's grid: from checkpoint to label map."""
    predictor = nnunet_module("inference.predict_from_raw_data").nnUNetPredictor(device=torch.device("cpu"))
    predictor.initialize_from_trained_model_folder(str(trained), (0,), "checkpoint_final.pth")
    turned = scan.reoriented("RAS")
    array = turned.array.transpose(2, 1, 0)[None].astype(np.float32)
    spacing = {"spacing": list(turned.spacing_mm[::-1])}
    answer = predictor.predict_single_npy_array(array, spacing, None, None, False)
    back = Volume(np.asarray(answer).transpose(2, 1, 0), turned.affine).reoriented(scan.orientation)
    return np.asarray(back.array)
