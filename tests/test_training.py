"""What a network is asked for, what it is shown, and how it is told what was wrong."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models import brightness_model
from osteon.anatomy import Task
from osteon.cohort import Case
from osteon.errors import OsteonError, TaskError, TrainingError
from osteon.study import StudyConfig
from osteon.training.augmentation import Crop, augmented, flipped, recoloured
from osteon.training.cases import PreparedCase
from osteon.training.config import AugmentationConfig, LossConfig, OptimiserConfig, SamplingConfig, TrainingConfig
from osteon.training.data import Sampler
from osteon.training.loss import SegmentationLoss
from osteon.training.optimisation import learning_rate
from osteon.training.session import Session
from osteon.training.starting import start_from
from osteon.training.targets import IGNORE, UNKNOWN_RADIUS_MM, targets
from osteon.training.validation import judged, scores
from osteon.volume import LabelMap, Volume

LUMBAR = Task.load("lumbar-spine")
LEGS = Task.load("leg-bones")
NO_CHANGE = AugmentationConfig(
    rotation_degrees=0, scaling=1, flip=0, gamma=1, contrast=0, brightness=0, noise=0, bias_field=0, blur_mm=0
)


def config(**changes: object) -> TrainingConfig:
    facts: dict[str, object] = {"name": "tiny", "title": "Tiny", "classes": ("vertebra-L5", "vertebra"), "batch": 3}
    return TrainingConfig.model_validate(facts | changes)


def column(*values: int, tilt: float = 0.0) -> LabelMap:
    """Bodies of 20 mm from the lowest up, 30 mm apart, along a spine that leans forward by ``tilt`` mm a level."""
    array = np.zeros((24, 60, 80), np.uint8)  # right, front, up at 4, 2, 3 mm
    for level, value in enumerate(values):
        front = 30 + round(level * tilt / 2)
        array[9:15, front - 8 : front + 8, 3 + 10 * level : 10 + 10 * level] = value
    return LabelMap(array, np.diag([4.0, 2.0, 3.0, 1.0]), task=LUMBAR)


# targets


def test_targets_are_classes() -> None:
    labels = column(1, 2, 3)
    labels.array[0, 0, 0] = 100
    found = targets(labels, ["vertebra-L5", "vertebra"])
    assert set(np.unique(found)) == {0, 1, 2, IGNORE}
    np.testing.assert_array_equal(found == 1, labels.array == 1)
    np.testing.assert_array_equal(found == 2, np.isin(labels.array, (2, 3)))


@pytest.mark.parametrize("tilt", [0.0, 6.0])
def test_what_lies_above_the_highest_level_teaches_nothing(tilt: float) -> None:
    labels = column(1, 2, 3, tilt=tilt)
    ignored = targets(labels, ["vertebra"]) == IGNORE
    high, below = (np.argwhere(labels.array == v).mean(axis=0) * (4, 2, 3) for v in (3, 2))
    axis = (high - below) / np.linalg.norm(high - below)
    where = np.argwhere(np.ones(labels.shape, bool)) * np.array([4.0, 2.0, 3.0]) - high
    along = where @ axis
    across = np.linalg.norm(where - along[:, None] * axis, axis=1)
    top = (np.argwhere(labels.array == 3) * np.array([4.0, 2.0, 3.0]) - high) @ axis
    expected = (along > top.max()) & (across < UNKNOWN_RADIUS_MM)
    on_the_border = np.isclose(along, top.max()) | np.isclose(across, UNKNOWN_RADIUS_MM)
    np.testing.assert_array_equal(ignored.ravel()[~on_the_border], expected[~on_the_border])
    assert ignored[12, 30 + round(2 * tilt / 2), 45:].all()
    assert not ignored[:, :, :25].any()


@pytest.mark.parametrize("values", [(), (1,), (0, 0, 5)])
def test_fewer_than_two_levels_have_no_axis(values: tuple[int, ...]) -> None:
    assert IGNORE not in targets(column(*values), ["vertebra"])


def test_a_task_without_levels_ignores_nothing() -> None:
    labels = LabelMap(column(1, 2, 3).array, np.eye(4), task=LEGS)
    assert IGNORE not in targets(labels, ["tibia-right", "femur-right"])


# loss


def logits_and_target(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, 3, 4, 5, generator=generator, dtype=torch.float32)
    return logits, torch.randint(0, 3, (2, 4, 5), generator=generator)


def dice_and_focal(logits: torch.Tensor, target: torch.Tensor, gamma: float) -> tuple[float, float]:
    """Batch soft Dice of softmax, and focal loss of each class's sigmoid, voxel by voxel in plain Python."""
    classes = logits.shape[1]
    overlap, said, true, focal = [0.0] * classes, [0.0] * classes, [0.0] * classes, 0.0
    for b, r, c in np.ndindex(tuple(target.shape)):
        z = [float(v) for v in logits[b, :, r, c]]
        total = sum(math.exp(v) for v in z)
        for k in range(classes):
            y, p = float(target[b, r, c] == k), math.exp(z[k]) / total
            overlap[k], said[k], true[k] = overlap[k] + p * y, said[k] + p, true[k] + y
            right = 1 / (1 + math.exp(-z[k] if y else z[k]))
            focal += -((1 - right) ** gamma) * math.log(right)
    dice = [1 - (2 * o + 1e-5) / (s + t + 1e-5) for o, s, t in zip(overlap, said, true, strict=True)]
    return sum(dice) / classes, focal / (target.numel() * classes)


@pytest.mark.parametrize("gamma", [0.0, 2.0])
def test_loss_is_the_sum_written_out(gamma: float) -> None:
    logits, target = logits_and_target()
    dice, focal = dice_and_focal(logits, target, gamma)
    for weights in ((1.0, 1.0), (1.0, 0.0), (0.5, 3.0)):
        how = LossConfig(dice_weight=weights[0], focal_weight=weights[1], focal_gamma=gamma)
        found = float(SegmentationLoss(how, 2)(logits, target))
        assert found == pytest.approx(weights[0] * dice + weights[1] * focal, rel=1e-4)


def test_ignored_voxels_have_no_gradient_and_no_say() -> None:
    logits, target = logits_and_target()
    target[:, 1] = IGNORE
    target[1, 3, 2] = IGNORE
    loss = SegmentationLoss(LossConfig(), 2)
    logits.requires_grad_()
    value = loss(logits, target)
    value.backward()
    ignored = (target == IGNORE)[:, None].expand_as(logits)
    assert logits.grad is not None
    assert (logits.grad[ignored] == 0).all()
    assert (logits.grad[~ignored] != 0).all()
    other = torch.where(ignored, 100 * torch.randn_like(logits), logits)
    assert loss(other, target).item() == value.item()


def test_the_right_answer_costs_nothing_and_the_wrong_one_does() -> None:
    _, target = logits_and_target()
    right = 40.0 * torch.nn.functional.one_hot(target, 3).permute(0, 3, 1, 2) - 20
    loss = SegmentationLoss(LossConfig(), 2)
    assert float(loss(right, target)) < 1e-3
    assert float(loss(right.roll(1, dims=1), target)) > 1


# flips


def crop(seed: int = 0, classes: int = 4) -> Crop:
    rng = np.random.default_rng(seed)
    slices = rng.random((3, 6, 8), dtype=np.float32)
    return Crop(slices, rng.integers(0, classes + 1, (6, 8)).astype(np.uint8), (2.0, 3.0))


BONES = ["tibia-right", "femur-right", "tibia-left", "femur-left"]


def test_flip_swaps_left_and_right_femur_in_axial_slices() -> None:
    before = crop()
    after = flipped(before, "axial", LEGS.mirrored_classes(BONES))
    partner = {0: 0, 1: 3, 2: 4, 3: 1, 4: 2}
    for row, column in np.ndindex(6, 8):
        assert after.target[row, 7 - column] == partner[int(before.target[row, column])]
    np.testing.assert_array_equal(after.slices, before.slices[:, :, ::-1])
    assert after.centre == (2.0, 4.0), "the crop stays centred on the same anatomy"


def test_flip_turns_the_order_of_sagittal_slices() -> None:
    before = crop(classes=2)
    after = flipped(before, "sagittal", LUMBAR.mirrored_classes(["vertebra-L5", "vertebra"]))
    np.testing.assert_array_equal(after.slices, before.slices[::-1])
    np.testing.assert_array_equal(after.target, before.target)
    assert after.centre == before.centre


@pytest.mark.parametrize("plane", ["axial", "sagittal", "coronal"])
def test_flipping_twice_changes_nothing(plane: str) -> None:
    swap = LEGS.mirrored_classes(BONES)
    before = crop()
    before.target[0] = IGNORE
    after = flipped(flipped(before, plane, swap), plane, swap)
    np.testing.assert_array_equal(after.slices, before.slices)
    np.testing.assert_array_equal(after.target, before.target)
    assert after.centre == before.centre


def test_a_class_without_its_mirror_partner_is_refused() -> None:
    with pytest.raises(TaskError, match="femur-left is not"):
        LEGS.mirrored_classes(["femur-right", "tibia-right", "tibia-left"])
    assert (LEGS.mirrored_classes(["femur", "tibia"]) == np.arange(256)).all()


# augmentation


def test_without_changes_augmentation_is_a_cut() -> None:
    rng = np.random.default_rng(0)
    slices = rng.random((3, 40, 50), dtype=np.float32)
    target = rng.integers(0, 3, (40, 50)).astype(np.uint8)
    target[3] = IGNORE
    cut, labels = augmented(Crop(slices, target, (19.5, 24.5)), (32, 32), NO_CHANGE, rng)
    np.testing.assert_allclose(cut.numpy(), slices[:, 4:36, 9:41], atol=1e-4)
    np.testing.assert_array_equal(labels.numpy(), target[4:36, 9:41])
    batch = torch.rand(2, 3, 8, 9)
    assert torch.equal(recoloured(batch, NO_CHANGE, rng), batch)


def test_outside_the_scan_is_background() -> None:
    slices, target = np.ones((1, 10, 10), np.float32), np.ones((10, 10), np.uint8)
    cut, labels = augmented(Crop(slices, target, (4.5, 4.5)), (32, 64), NO_CHANGE, np.random.default_rng(0))
    assert cut.sum() == pytest.approx(100, rel=1e-3)
    assert labels.sum() == 100


def test_picture_and_target_turn_together() -> None:
    target = np.zeros((64, 64), np.uint8)
    target[10:30, 20:50] = 1
    how = NO_CHANGE.model_copy(update={"rotation_degrees": 40.0, "scaling": 1.3})
    for seed in range(5):
        whole = Crop(target[None].astype(np.float32), target, (31.5, 31.5))
        cut, labels = augmented(whole, (96, 96), how, np.random.default_rng(seed))
        assert (cut[0] > 0.5)[labels == 1].float().mean() > 0.97
        assert labels.sum() / target.sum() == pytest.approx(_scale(how, seed) ** 2, rel=0.06)


def test_a_crop_that_is_not_warped_holds_the_scans_own_pixels() -> None:
    rng = np.random.default_rng(0)
    slices = rng.random((1, 40, 50), dtype=np.float32)
    target = np.arange(2000).reshape(40, 50).astype(np.uint8)
    how = AugmentationConfig(warped=0.25)
    kept = 0
    for _ in range(200):
        centre = (float(rng.uniform(16, 23)), float(rng.uniform(16, 33)))
        cut, labels = augmented(Crop(slices, target, centre), (32, 32), how, rng)
        row, column = round(centre[0] - 15.5), round(centre[1] - 15.5)
        window = (slice(row, row + 32), slice(column, column + 32))
        same = bool((labels.numpy() == target[window]).all())
        assert not same or np.abs(cut[0].numpy() - slices[0][window]).max() < 1e-3
        kept += same
    assert 0.65 < kept / 200 < 0.85


def _scale(how: AugmentationConfig, seed: int) -> float:
    rng = np.random.default_rng(seed)
    rng.uniform()  # the angle
    return float(how.scaling ** rng.uniform(-1, 1))


@given(st.integers(0, 2**31))
@settings(max_examples=10, deadline=None)
def test_the_same_random_state_gives_the_same_change(seed: int) -> None:
    how, batch = AugmentationConfig(), torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    first, second = (recoloured(batch, how, np.random.default_rng(seed)) for _ in range(2))
    assert torch.equal(first, second)
    assert first.isfinite().all()
    assert not torch.equal(first, batch)


def test_gamma_keeps_negative_z_scores_apart() -> None:
    how = NO_CHANGE.model_copy(update={"gamma": 2.0})
    batch = torch.linspace(-2, 2, 32).view(1, 1, 4, 8)
    found = recoloured(batch, how, np.random.default_rng(0)).flatten()
    assert (found.diff() > 0).all()


def test_a_random_curve_maps_equal_greys_to_equal_greys_and_dark_to_dark() -> None:
    how, rng = NO_CHANGE.model_copy(update={"remapped": 0.5}), np.random.default_rng(0)
    batch = torch.rand(16, 2, 24, 24, generator=torch.Generator().manual_seed(0)).mul(32).floor() / 31
    found = recoloured(batch, how, rng)
    changed = [not torch.equal(one, other) for one, other in zip(found, batch, strict=True)]
    assert 3 <= sum(changed) <= 13
    falls = 0
    for item in np.flatnonzero(changed):
        greys = [found[item][batch[item] == grey] for grey in batch[item].unique()]
        assert all(grey.max() - grey.min() < 1e-6 for grey in greys)
        assert greys[0].max() <= 0.1
        curve = torch.stack([grey[0] for grey in greys])
        assert 0 <= curve.min() <= curve.max() <= 1
        falls += int((curve.diff() < 0).any())
    assert falls > 2, "bright tissue may become dark"


@pytest.mark.parametrize("blur", [0.05, 0.3, 2.0])
def test_any_blur_keeps_the_mean(blur: float) -> None:
    how, batch = NO_CHANGE.model_copy(update={"blur_mm": blur}), torch.zeros(1, 2, 33, 33)
    batch[:, :, 16, 16] = 1
    for seed in range(8):
        assert float(recoloured(batch, how, np.random.default_rng(seed)).sum()) == pytest.approx(2, rel=1e-4)


# sampling


def prepared(name: str, group: str, seed: int, labelled: bool = True) -> PreparedCase:
    rng = np.random.default_rng(seed)
    array = rng.random((5, 40, 36), dtype=np.float32)
    labels = np.zeros(array.shape, np.uint8)
    if labelled:
        labels[2:4, 10:20, 10:20] = 1 + seed % 2
    affine = np.diag([4.0, 1.0, 1.0, 1.0])
    reference = LabelMap(labels, affine, task=LUMBAR)
    case = Case(
        name=name, subject=name, group=group, sequence="t1", image="", labels="", annotated=("vertebra-L5",),
        voxels_sha256=name,
    )  # fmt: skip
    target = targets(reference, ["vertebra-L5", "vertebra"])
    return PreparedCase(case, LUMBAR, Volume(array, affine), target, np.array([True, True, seed % 2 == 1]))


SMALL = SamplingConfig(rows=32, columns=32)
CASES = [prepared("a", "x", 0), prepared("b", "x", 1), prepared("c", "y", 2)]


def test_a_batch_is_a_function_of_seed_epoch_and_step() -> None:
    first, second = Sampler(CASES, config(sampling=SMALL)), Sampler(CASES, config(sampling=SMALL))
    first.batch(0, 0)  # what was drawn before does not matter
    slices, target, _, annotated = first.batch(3, 7)
    again, same, place, known = second.batch(3, 7)
    assert torch.equal(annotated, known)
    assert place.isnan().all(), "nobody knows where along the body a crop of a cohort lies"
    assert torch.equal(slices, again)
    assert torch.equal(target, same)
    assert slices.shape == (3, 3, 32, 32)
    assert target.shape == (3, 32, 32)
    assert target.dtype == torch.int64
    others = [second.batch(3, 8), second.batch(4, 7), Sampler(CASES, config(sampling=SMALL, seed=1)).batch(3, 7)]
    assert not any(torch.equal(slices, other.slices) for other in others)


def test_labelled_crops_hold_labels() -> None:
    how = config(sampling={"rows": 32, "columns": 32, "labelled": 1.0}, augmentation=NO_CHANGE, batch=8)
    for step in range(4):
        target = Sampler(CASES, how).batch(0, step).target
        assert ((target > 0) & (target != IGNORE)).flatten(1).any(dim=1).all()


@pytest.mark.parametrize(("balance", "share"), [(0.0, 1 / 3), (1.0, 1 / 2)])
def test_balance_draws_cases_or_groups_equally(balance: float, share: float) -> None:
    sampler = Sampler(CASES, config(sampling={"rows": 32, "columns": 32, "balance": balance}))
    assert sampler.weights[2] == pytest.approx(share)
    assert sampler.weights.sum() == pytest.approx(1)


def test_cases_without_labels_are_not_drawn_and_nothing_else_is_refused() -> None:
    empty = prepared("d", "x", 3, labelled=False)
    assert Sampler([*CASES, empty], config(sampling=SMALL)).cases == CASES
    with pytest.raises(TrainingError, match="No training case holds a label"):
        Sampler([empty], config(sampling=SMALL))


# validation


class Oracle(torch.nn.Module):
    """Answers class 1 where the middle slice is bright, else background."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = torch.nn.Parameter(torch.tensor(20.0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        bright = self.gain * (x[:, 1] - 0.5)
        return torch.stack([-bright, bright, torch.full_like(bright, -50)], dim=1)


def test_scores_are_those_of_a_known_answer() -> None:
    array, target = np.zeros((4, 32, 40), np.float32), np.zeros((4, 32, 40), np.uint8)
    array[1:3, :10, :10], target[1:3, :10, :20] = 1, 1  # finds half of 400 voxels
    array[3], target[3] = 1, IGNORE  # what nobody annotated does not count
    case = PreparedCase(CASES[0].case, LUMBAR, Volume(array, np.diag([4.0, 1, 1, 1])), target, np.ones(3, bool))
    how = config(batch=2)
    found = scores([judged(Oracle(), case, how, SegmentationLoss(LossConfig(), 2))], how.classes)
    assert found["dice_vertebra-L5"] == pytest.approx(2 * 200 / (200 + 400))
    assert found["iou"] == pytest.approx(200 / 400)
    assert found["f1"] == found["dice_vertebra-L5"]
    assert found["accuracy"] == pytest.approx((3 * 32 * 40 - 200) / (3 * 32 * 40))
    assert math.isnan(found["dice_vertebra"]), "a class that no case holds has no score, not 0 or 1"


# schedule and configuration


def test_learning_rate_warms_up_and_follows_half_a_cosine() -> None:
    how = OptimiserConfig(learning_rate=0.1, warmup_epochs=2, final_share=0.1)
    rates = [learning_rate(step, 5, 10, how) for step in range(50)]
    assert rates[:10] == pytest.approx([0.01 * n for n in range(1, 11)])
    assert rates[10] == pytest.approx(0.1)
    assert rates[30] == pytest.approx(0.1 * (0.1 + 0.9 / 2))
    assert all(a > b for a, b in pairwise(rates[10:]))
    assert rates[-1] == pytest.approx(0.01, rel=0.02)
    assert learning_rate(0, 5, 10, how.model_copy(update={"warmup_epochs": 0})) == pytest.approx(0.1)


HEAD = 'name = "tiny"\ntitle = "Tiny"\nclasses = ["vertebra-L5", "vertebra"]\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("epoch = 3", "epoch: is not a known key"),
        ("[optimiser]\nlr = 0.1", "optimiser.lr: is not a known key"),
        ("[sampling]\nrows = 100", "sampling.rows: .*multiple of 32"),
        ("epochs = 0", "epochs: "),
        ("[postprocessing]\nanchor = 'vertebra-L4'", "anchor is vertebra-L4, which is none of the classes"),
        ("[preprocessing]\nsize = [9, 9, 9]\nspacing_mm = [1, 1]", "preprocessing: .*either spacing_mm or size"),
        ("[network", "not valid TOML"),
        ("start = 'm'\n[encoder]\nweights = 'download'", "start and encoder.weights both say"),
    ],
)
def test_a_mistake_in_the_configuration_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(HEAD + text)
    with pytest.raises(TrainingError, match=said) as caught:
        TrainingConfig.load(path)
    assert "recipe.toml" in str(caught.value)


def test_a_name_no_model_can_have_is_refused_before_training(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(HEAD.replace("tiny", "My Model"))
    with pytest.raises(TrainingError, match="name: "):
        TrainingConfig.load(path)


def test_the_recipes_are_read_and_their_classes_known() -> None:
    recipes = sorted((Path(__file__).parents[1] / "recipes").glob("*.toml"))
    assert recipes
    for recipe in recipes:
        # the recipe of the studies has tables for their arms, too
        read = StudyConfig.load(recipe).training if recipe.stem == "studies" else TrainingConfig.load(recipe)
        tasks = [Task.load(name) for name in Task.available()]
        assert any(_knows(task, read.classes) for task in tasks), recipe.name


def _knows(task: Task, classes: tuple[str, ...]) -> bool:
    try:
        task.value_of_class(classes)
    except TaskError:
        return False
    return True


def test_a_fixed_size_can_be_written_in_toml(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(HEAD + "[preprocessing]\nsize = [256, 128, 32]")
    read = TrainingConfig.load(path)
    assert read.preprocessing.size == (256, 128, 32)
    assert TrainingConfig.model_validate_json(read.model_dump_json()) == read


def test_a_network_starts_from_the_weights_of_a_model(tmp_path: Path) -> None:
    model = brightness_model(tmp_path / "model")
    settings = {"start": str(model.folder), "network": {"width": 8}}
    network = model.spec.network_module()
    assert start_from(network, config(**settings)) == model.spec.weights_sha256
    for name, weights in model.network().state_dict().items():
        assert torch.equal(network.state_dict()[name], weights), name


def test_a_wider_network_starts_with_the_answers_of_a_narrow_one(tmp_path: Path) -> None:
    model = brightness_model(tmp_path / "model")
    how = config(start=str(model.folder), network={"width": 16})
    network = how.network.built(3, 3)
    assert start_from(network, how) == model.spec.weights_sha256
    seen = torch.randn(2, 3, 32, 64)
    with torch.no_grad():
        torch.testing.assert_close(network.eval()(seen), model.network()(seen), rtol=1e-4, atol=1e-5)


def test_the_head_of_a_start_is_mapped_by_name(tmp_path: Path) -> None:
    model = brightness_model(tmp_path / "model")
    theirs = model.network().state_dict()
    classes = ("disc", "vertebra", "vertebra-L4", "vertebra-L5")
    how = config(start=str(model.folder), network={"width": 8}, classes=classes)
    torch.manual_seed(0)
    network = how.network.built(3, 5)
    random = {name: weights.clone() for name, weights in network.state_dict().items()}
    start_from(network, how)
    found = network.state_dict()
    for part in ("head.weight", "head.bias"):
        assert torch.equal(found[part][0], theirs[part][0]), "background"
        assert torch.equal(found[part][1], random[part][1]), "unknown to the model: as it was"
        assert torch.equal(found[part][2], theirs[part][2])
        assert torch.equal(found[part][3], theirs[part][2]), "of the model's group"
        assert torch.equal(found[part][4], theirs[part][1])
    assert all(torch.equal(found[n], theirs[n]) for n in theirs if not n.startswith("head."))
    session = Session(how, "cpu")
    session.start(Sampler(CASES, how))
    assert session.fresh == ("disc",)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"network": {"width": 8, "place": True}}, "network = .*place=False.* has .*place=True"),
        ({"network": {"width": 20}}, r"has the shape \(8, 3, 7, 7\), which cannot be widened to \(20, 3, 7, 7\)"),
        ({"preprocessing": {"channels": 5}}, r"preprocessing\.channels = 3, this configuration has 5"),
        ({"start": "no-such-model"}, "There is no model"),
    ],
)
def test_a_model_that_does_not_fit_is_no_start(tmp_path: Path, changes: dict[str, object], said: str) -> None:
    model = brightness_model(tmp_path / "model")
    facts: dict[str, object] = {"start": str(model.folder), "network": {"width": 8}}
    with pytest.raises(OsteonError, match=said):
        start_from(model.spec.network_module(), config(**(facts | changes)))


def test_a_missing_configuration_is_said(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="There is no configuration"):
        TrainingConfig.load(tmp_path / "none.toml")
