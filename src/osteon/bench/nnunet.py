"""The whole job against nnU-Net v2 with its default 2-D and 3-D plans, on both legs of 512 x 512 x 500 voxels."""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from osteon.bench.inputs import LEG_MODEL, write_leg_dicom
from osteon.bench.legs import PIXELS, SLICES
from osteon.bench.measured import Asked, Comparison, Way, alternately
from osteon.bench.segmenting import segment_timed
from osteon.networks.model import Model
from osteon.networks.nnunet.extra import nnunet_module

CONFIGURATIONS = {"nnU-Net 2-D": "2d", "nnU-Net 3-D": "3d_fullres"}
DATASET = "Dataset001_Legs"
CASES = 20
"""Of the data set that is planned for; prediction does not depend on it."""

OVERLAP = 0.5
"""Share of a tile by which nnU-Net moves on, its default."""

FOLDERS = ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")


@dataclass(frozen=True)
class Tiles:
    """What nnU-Net does to a scan: passes of its network over tiles.

    Parameters
    ----------
    shape : tuple of int
        Of a tile.
    passes : int
        All tiles, each as it is and mirrored along every axis and set of axes, as by default.
    run : callable
        One pass.
    """

    shape: tuple[int, ...]
    passes: int
    run: Callable[[], object]


def nnunet(asked: Asked, folder: Path, shape: tuple[int, int, int] = (PIXELS, PIXELS, SLICES)) -> Comparison:
    """``osteon segment`` of a DICOM series as a process, against the time that nnU-Net's network alone would take.

    A whole prediction of nnU-Net takes hours on a CPU. One pass of its network over one tile is timed, in turn with
    Osteon's whole job, and multiplied by their number, which its plan says. Its reading, preparing, putting together
    and writing are left out, in its favour. Its weights are random: they change the answer, not the time.

    Raises
    ------
    ModelError
        If nnU-Net is not installed.
    """
    nnunet_module("paths")  # says at once if it is missing
    source = write_leg_dicom(folder, shape, asked.seed)
    name = asked.model or LEG_MODEL
    numbers = count()

    def ours() -> object:
        out = folder / f"osteon-{next(numbers)}"
        out.mkdir()
        return segment_timed(source, shape, replace(asked, repeats=1), name, out)

    spacing_mm = (shape[2] and 1020.0 / shape[2], 420.0 / shape[1], 420.0 / shape[0])
    tiles = planned_tiles(folder, shape[::-1], spacing_mm, len(Model.load(name).spec.classes) + 1)
    ways = [Way("osteon, DICOM to report", ours), *(Way(peer, of.run) for peer, of in tiles.items())]
    times = {peer: of.passes for peer, of in tiles.items()}
    done = alternately(f"both legs, {' x '.join(str(n) for n in shape)} voxels", ways, asked.repeats)
    notes = [
        f"{peer}: one pass over a tile of {' x '.join(str(n) for n in of.shape)} timed, times {of.passes} passes."
        for peer, of in tiles.items()
    ]
    return replace(
        done,
        wall_s={way: seconds * times.get(way, 1) for way, seconds in done.wall_s.items()},
        processor_s={way: seconds * times.get(way, 1) for way, seconds in done.processor_s.items()},
        notes=(*notes, "nnU-Net's network alone, with random weights; Osteon's processor time is its children's."),
    )


def planned_tiles(
    folder: Path, shape: tuple[int, ...], spacing_mm: tuple[float, ...], classes: int
) -> dict[str, Tiles]:
    """Plan as nnU-Net does for a data set of such scans, and build its networks.

    Parameters
    ----------
    folder : Path
        For nnU-Net's files.
    shape, spacing_mm : (3,) tuple
        Slices, rows and columns.
    classes : int
        Background included.
    """
    import torch

    plans = _plans(folder / "nnunet", shape, spacing_mm, classes)
    build = nnunet_module("utilities.get_network_from_plans").get_network_from_plans
    steps = nnunet_module("inference.sliding_window_prediction").compute_steps_for_sliding_window
    found = {}
    for peer, configuration in CONFIGURATIONS.items():
        plan = plans["configurations"][configuration]
        how = plan["architecture"]
        network = build(
            how["network_class_name"],
            how["arch_kwargs"],
            how["_kw_requires_import"],
            1,
            classes,
            allow_init=True,
            deep_supervision=False,
        ).eval()
        patch = tuple(int(n) for n in plan["patch_size"])
        seen = shape[-len(patch) :]
        padded = tuple(max(n, side) for n, side in zip(seen, patch, strict=True))
        each = int(np.prod([len(along) for along in steps(padded, patch, OVERLAP)]))
        slices = shape[0] if len(patch) == 2 else 1

        def one(network: Any = network, patch: tuple[int, ...] = patch) -> object:
            with torch.inference_mode():
                return network(torch.zeros(1, 1, *patch))

        found[peer] = Tiles(patch, slices * each * 2 ** len(patch), one)
    return found


def _plans(folder: Path, shape: tuple[int, ...], spacing_mm: tuple[float, ...], classes: int) -> dict[str, Any]:
    """nnU-Net's default plans, from what it would find in a data set of such scans."""
    raw, preprocessed = (folder / name / DATASET for name in FOLDERS[:2])
    (raw / "imagesTr").mkdir(parents=True)
    preprocessed.mkdir(parents=True)
    (raw / "imagesTr" / "legs_0000.nii.gz").touch()
    labels = {"background": 0} | {f"bone{number}": number for number in range(1, classes)}
    dataset = {
        "channel_names": {"0": "MRI"},
        "labels": labels,
        "numTraining": CASES,
        "file_ending": ".nii.gz",
        "overwrite_image_reader_writer": "SimpleITKIO",
    }
    grey = dict.fromkeys(("max", "mean", "median", "min", "percentile_00_5", "percentile_99_5", "std"), 1.0)
    fingerprint = {
        "spacings": [spacing_mm] * CASES,
        "shapes_after_crop": [shape] * CASES,
        "foreground_intensity_properties_per_channel": {"0": grey},
        "median_relative_size_after_cropping": 1.0,
    }
    (raw / "dataset.json").write_text(json.dumps(dataset), encoding="utf-8")
    (preprocessed / "dataset_fingerprint.json").write_text(json.dumps(fingerprint), encoding="utf-8")
    with _folders(folder), contextlib.redirect_stdout(io.StringIO()):
        planner = nnunet_module("experiment_planning.experiment_planners.default_experiment_planner")
        answer: dict[str, Any] = planner.ExperimentPlanner(DATASET).plan_experiment()
    return answer


@contextlib.contextmanager
def _folders(folder: Path) -> Iterator[None]:
    """nnU-Net takes its folders from the environment."""
    before = {name: os.environ.get(name) for name in FOLDERS}
    os.environ.update({name: str(folder / name) for name in FOLDERS})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
