"""What a configuration begins with shows left and right, where these are classes of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from osteon.anatomy import Task
from osteon.training import TrainingConfig, finetuning_config
from osteon.training.first import blind_to_sides, first_tables
from recipe_modules import recipe_module

LEGS = ("tibia-right", "tibia-left")
PATCH = {"name": "unet3d", "width": 8, "patch": (16, 32, 32)}


def config(classes: tuple[str, ...], tables: dict[str, Any]) -> TrainingConfig:
    return TrainingConfig.checked({"name": "tiny", "title": "Tiny", "classes": classes} | tables, "here")


@pytest.mark.parametrize(
    ("task", "classes", "plane", "columns"),
    [
        ("leg-bones", LEGS, "axial", 288),
        ("leg-bones", ("tibia-right", "femur-right"), "sagittal", 160),  # one side only
        ("lumbar-spine", ("vertebra", "disc"), "sagittal", 160),
    ],
)
def test_classes_of_both_sides_are_first_looked_for_in_wide_axial_slices(
    task: str, classes: tuple[str, ...], plane: str, columns: int
) -> None:
    first = config(classes, first_tables(Task.load(task), classes))
    assert (first.preprocessing.plane, first.sampling.columns) == (plane, columns)
    assert blind_to_sides(first, Task.load(task)) is None


@pytest.mark.parametrize(
    ("classes", "tables", "blind"),
    [
        (LEGS, {}, True),
        (("tibia-right",), {}, False),
        (LEGS, {"preprocessing": {"plane": "coronal"}}, False),
        (LEGS, {"network": PATCH}, False),
        (LEGS, {"network": {"name": "nnunet-2d"}}, False),
    ],
)
def test_sagittal_slices_for_left_and_right_are_doubted(
    classes: tuple[str, ...], tables: dict[str, Any], blind: bool
) -> None:
    said = blind_to_sides(config(classes, tables), Task.load("leg-bones"))
    assert (said is not None) == blind
    assert said is None or 'set plane = "axial"' in said


def test_a_fine_tuning_sees_as_wide_crops_as_its_model_needs() -> None:
    assert finetuning_config("leg-bones").sampling.columns == 288
    assert finetuning_config("lumbar-vertebrae").sampling.columns == 160


def test_the_recipe_fine_tunes_as_the_command_does_and_every_start_learns_as_much(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recipes = Path(__file__).parents[1] / "recipes"
    monkeypatch.syspath_prepend(str(recipes))  # it takes its test scans from its neighbour
    legs = TrainingConfig.load(recipes / "leg-bones.toml")
    settings = recipe_module("leg_finetune").runs(legs, "leg-bones", Path("mobilenet.safetensors"), 150)
    tuned, command = settings["leg-bones"], finetuning_config("leg-bones")
    assert (tuned.optimiser.learning_rate, tuned.encoder) == (command.optimiser.learning_rate, command.encoder)
    assert {name: how.start for name, how in settings.items()} == {
        "leg-bones": "leg-bones",
        "random": None,
        "imagenet": None,
    }
    assert {(how.epochs, how.steps, how.batch, how.sampling.columns) for how in settings.values()} == {(5, 30, 12, 288)}
    assert all(how.sampling.synthetic == 0 for how in settings.values())
