"""A model's answer lies on the scan's own grid, at the right place in the world, within bounded memory."""

from __future__ import annotations

import tracemalloc
from itertools import permutations, product
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from osteon.anatomy import Task
from osteon.inference import Engine, engine_for, predict_classes
from osteon.inference.onto_grid import largest_class
from osteon.networks.forward import Batch
from osteon.networks.model import Model, ModelSpec, NetworkSpec, PostprocessingSpec, write_model
from osteon.preprocessing import Preprocessing
from osteon.volume import Volume

LETTERS = (("R", "L"), ("A", "P"), ("S", "I"))
ALL_48 = ["".join(LETTERS[axis][way] for axis, way in zip(axes, ways, strict=True))
          for axes in permutations(range(3)) for ways in product((0, 1), repeat=3)]  # fmt: skip


def spec(classes: tuple[str, ...] = ("vertebra-L5", "vertebra"), **preprocessing: object) -> ModelSpec:
    how = {"region": "none", "normalisation": "min-max", **preprocessing}
    return ModelSpec(
        name="tiny",
        title="Tiny",
        task="lumbar-spine",
        classes=classes,
        network=NetworkSpec(width=8),
        preprocessing=Preprocessing.model_validate(how),
        postprocessing=PostprocessingSpec(),
        licence="CC0",
        weights_sha256="",
    )


def stub(**preprocessing: object) -> Model:
    """A model that is never opened: its engine is `threshold`."""
    described = spec(**preprocessing)  # type: ignore[arg-type]
    return Model(Path("nowhere"), described, Task.load(described.task))


def threshold() -> Engine:
    """Class 2 where a slice is bright, 1 where it is half bright, background elsewhere."""

    def logits(slices: Batch) -> Batch:
        assert slices.shape[2] % 32 == 0
        assert slices.shape[3] % 32 == 0
        middle = slices[:, slices.shape[1] // 2]
        return np.stack([-abs(middle) * 20, -abs(middle - 0.5) * 20, -abs(middle - 1) * 20], axis=1)

    return Engine("threshold", logits)


def scene(spacing: tuple[float, float, float] = (4.0, 0.9, 1.1)) -> tuple[Volume, NDArray[np.uint8]]:
    """Two boxes of intensity 50 and 100, an odd size, nothing symmetric."""
    classes = np.zeros((9, 51, 67), np.uint8)
    classes[2:6, 7:29, 11:40], classes[4:8, 33:48, 45:60] = 1, 2
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = (-17.0, 31.5, -240.0)
    array = classes * 50
    array[:, 4:49, 8:63] += 15  # the body around them
    return Volume(array.astype(np.int16), affine), classes


def dice(found: NDArray[np.uint8], true: NDArray[np.uint8], number: int) -> float:
    a, b = found == number, true == number
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


@pytest.mark.parametrize("codes", ALL_48)
def test_the_answer_has_the_scans_grid_and_place_in_every_orientation(codes: str) -> None:
    scan, classes = scene()
    turned = scan.reoriented(codes)
    found = predict_classes(turned, stub(spacing_mm="own"), threshold())
    assert found.shape == turned.shape
    np.testing.assert_array_equal(found.affine, turned.affine)
    assert found.array.dtype == np.uint8
    np.testing.assert_array_equal(found.reoriented("RAS").array, classes)


@pytest.mark.parametrize("plane", ["sagittal", "axial", "coronal"])
@pytest.mark.parametrize(
    "how", [{"spacing_mm": (1.3, 0.8)}, {"size": (96, 64, 18)}, {"region": "body"}], ids=["spacing", "size", "body"]
)
def test_labels_come_back_to_their_place_after_resampling(plane: str, how: dict[str, object]) -> None:
    scan, classes = scene((2.0, 1.5, 1.5))
    found = predict_classes(scan, stub(plane=plane, **how), threshold())
    assert found.shape == scan.shape
    for number in (1, 2):
        here, there = (np.argwhere(a == number).mean(axis=0) for a in (found.array, classes))
        # the rim between dark and bright is half bright and so is class 1: only the places count here
        assert np.abs(here - there).max() < (1.0 if number == 2 else 4.0)
    assert dice(found.array, classes, 2) > 0.85


def test_labels_come_back_on_an_oblique_grid() -> None:
    scan, classes = scene()
    affine = scan.affine.copy()
    affine[:3, :3] = Rotation.from_euler("xyz", (20, -12, 8), degrees=True).as_matrix() @ affine[:3, :3]
    found = predict_classes(Volume(scan.array, affine), stub(spacing_mm="own"), threshold())
    np.testing.assert_array_equal(found.array, classes)
    np.testing.assert_array_equal(found.affine, affine)


@pytest.mark.parametrize("shape", [(1, 40, 40), (3, 33, 1), (2, 7, 5)])
def test_small_and_odd_scans_are_answered(shape: tuple[int, int, int]) -> None:
    scan = Volume(np.random.default_rng(0).integers(0, 100, shape).astype(np.uint8), np.diag([4.0, 1, 1, 1]))
    assert predict_classes(scan, stub(), threshold()).shape == shape


def test_outside_the_cropped_body_is_background() -> None:
    scan, classes = scene((4.0, 1.0, 1.0))
    padded = Volume(np.pad(scan.array, 30), scan.affine)
    padded.array[20, 80:84, 5:10] = 115  # as bright as class 2, far from the body
    found = predict_classes(padded, stub(region="body", spacing_mm="own"), threshold())
    np.testing.assert_array_equal(found.array, np.pad(classes, 30))


def test_the_scan_is_not_changed() -> None:
    scan, _ = scene()
    before = scan.array.copy()
    predict_classes(scan, stub(), threshold())
    np.testing.assert_array_equal(scan.array, before)


@pytest.mark.parametrize("factor", [1.0, 0.6])
def test_the_largest_is_argmax_of_all_classes(factor: float) -> None:
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (5, 8, 9, 10)).astype(np.uint8)
    working = Volume(np.zeros(coarse.shape[1:], np.float32), np.diag([4.0, 1, 1, 1]))
    grid = working.grid.with_spacing((4.0, factor, factor))
    from osteon.geometry import resample_linear

    whole = np.stack([resample_linear(c, working.affine, grid, outside=255.0 * (n == 0)) for n, c in enumerate(coarse)])
    found = largest_class(coarse, working.grid, grid, np.zeros(grid.shape, np.int16))
    np.testing.assert_array_equal(found, whole.argmax(axis=0))


def test_memory_on_the_scans_grid_does_not_grow_with_classes() -> None:
    working = Volume(np.zeros((6, 20, 20), np.float32), np.diag([4.0, 4.0, 4.0, 1.0]))
    grid = working.grid.with_shape((12, 160, 160))
    peaks = []
    for classes in (3, 30):
        probabilities = np.random.default_rng(0).integers(0, 256, (classes, 6, 20, 20)).astype(np.uint8)
        like = np.zeros(grid.shape, np.uint8)
        tracemalloc.start()
        largest_class(probabilities, working.grid, grid, like)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    one_float_array = 4 * 12 * 160 * 160
    assert peaks[1] < peaks[0] + 0.5 * one_float_array
    assert peaks[1] < 12 * one_float_array  # 30 classes at once would be 30


@pytest.mark.parametrize("engine", ["torch", "openvino"])
def test_a_network_of_a_model_folder_answers_alike_in_both_engines(tmp_path: Path, engine: str) -> None:
    torch.manual_seed(0)
    described = spec()
    network = described.network_module().train()
    with torch.no_grad():
        for norm in network.modules():
            if isinstance(norm, torch.nn.BatchNorm2d):
                norm.momentum = None  # statistics of this batch, not a tenth of them
        network(torch.rand(4, 3, 64, 64))
        logits = network.eval()(torch.rand(4, 3, 64, 64))
        mean, spread = logits.mean(dim=(0, 2, 3)), logits.std(dim=(0, 2, 3))
        # every class wins somewhere, with a margin
        network.head.bias.copy_((network.head.bias - mean) / spread)
        network.head.weight /= spread[:, None, None, None]
    model = write_model(tmp_path / "tiny", described, network.state_dict(), "")
    rng = np.random.default_rng(0)
    scan = Volume(rng.integers(0, 200, (5, 45, 37)).astype(np.int16), np.diag([4.0, 1, 1, 1]))
    expected = predict_classes(scan, model, engine_for(model, "torch", "cpu"))
    made = engine_for(model, engine, "cpu")
    assert made.name == f"{engine} on cpu"
    found, again = (predict_classes(scan, model, made).array for _ in range(2))
    assert (found == expected.array).mean() > 0.999
    np.testing.assert_array_equal(found, again)
    assert len(np.unique(expected.array)) > 1
