"""Tasks are data: their values, sides, codes and classes hold together, and a bad table is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from osteon.anatomy import Task
from osteon.errors import TaskError

LUMBAR = Task.load("lumbar-spine")
LEGS = Task.load("leg-bones")

GOOD = """
name = "two-bones"
title = "Two bones"
plane = "axial"
spacing_mm = [1.0, 1.0, 3.0]

[[structures]]
name = "bone-right"
value = 205
side = "right"
mirror = "bone-left"
colour = "#102030"

[[structures]]
name = "bone-left"
value = 500
side = "left"
mirror = "bone-right"
colour = "#405060"
"""

# Verhoeff's dihedral group: the fourth table of SNOMED CT's check digit (Release File Specification, 5.5)
MULTIPLY = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
PERMUTE = (
    "0123456789",
    "1576283094",
    "5803796142",
    "8916043527",
    "9453126870",
    "4286573901",
    "2793806415",
    "7046913258",
)


def verhoeff_holds(number: str) -> bool:
    check = 0
    for place, digit in enumerate(reversed(number)):
        check = int(MULTIPLY[check][int(PERMUTE[place % 8][int(digit)])])
    return check == 0


def test_the_check_digit_of_the_test_itself() -> None:
    # 236 and check digit 3 is Verhoeff's usual example; one digit wrong or two exchanged must not hold
    assert verhoeff_holds("2363")
    assert not verhoeff_holds("2364")
    assert not verhoeff_holds("2633")


@pytest.mark.parametrize("name", Task.available())
def test_every_task_loads_under_its_own_name(name: str) -> None:
    task = Task.load(name)
    assert task.name == name
    assert all(0 <= shade <= 1 for s in task.structures for shade in s.rgb)


def test_the_tasks_of_the_design_are_there() -> None:
    assert {"leg-bones", "lumbar-spine"} <= set(Task.available())


def test_lumbar_values_follow_spider() -> None:
    levels = ["L5", "L4", "L3", "L2", "L1", "T12", "T11", "T10", "T9", "T8"]
    assert [LUMBAR.by_name(f"vertebra-{level}").value for level in levels] == list(range(1, 11))
    assert LUMBAR.by_name("spinal-canal").value == 100
    below = ["S1", *levels]
    discs = [f"disc-{upper}-{lower}" for lower, upper in zip(below, levels, strict=False)]
    assert [LUMBAR.by_value(201 + n).name for n in range(5)] == discs[:5]
    assert LUMBAR.levels is not None
    assert LUMBAR.levels.order == tuple(f"vertebra-{level}" for level in levels)
    assert LUMBAR.levels.below == tuple(discs)


def test_leg_values_are_right_one_to_four_and_left_ten_more() -> None:
    for value, bone in enumerate(("tibia", "femur", "fibula", "pelvis"), start=1):
        right, left = LEGS.by_value(value), LEGS.by_value(value + 10)
        assert (right.name, right.side, left.name, left.side) == (f"{bone}-right", "right", f"{bone}-left", "left")


def test_mirror_partners_are_each_others() -> None:
    pairs = LEGS.mirrored_values()
    assert pairs == {1: 11, 2: 12, 3: 13, 4: 14, 11: 1, 12: 2, 13: 3, 14: 4}
    assert LUMBAR.mirrored_values() == {}


@pytest.mark.parametrize("task", [LEGS, LUMBAR], ids=lambda task: task.name)
def test_snomed_codes_are_international_concepts_with_their_check_digit(task: Task) -> None:
    codes = [s.snomed for s in task.structures if s.snomed is not None]
    assert codes
    for code in codes:
        assert verhoeff_holds(code), code
        assert code[-3:-1] == "00", f"{code} is not a concept of the international edition"


def test_both_sides_share_a_code_and_different_bones_do_not() -> None:
    codes = {s.parent: s.snomed for s in LEGS.structures}
    assert len(set(codes.values())) == 4
    assert all(s.snomed == codes[s.parent] for s in LEGS.structures)
    spine = [s.snomed for s in LUMBAR.structures]
    assert len(set(spine)) == len(spine)


def test_a_structures_own_class_goes_before_its_groups() -> None:
    table = LUMBAR.class_of_value(["vertebra-L5", "vertebra"])
    assert table == {1: 1} | dict.fromkeys(range(2, 11), 2)
    assert LUMBAR.class_of_value(["vertebra", "vertebra-L5"])[1] == 2


def test_structures_outside_the_classes_are_background() -> None:
    assert LUMBAR.class_of_value(["spinal-canal"]) == {100: 1}


def test_a_class_that_is_nothing_of_the_task_is_refused() -> None:
    with pytest.raises(TaskError, match="no structure or group named femur"):
        LUMBAR.class_of_value(["femur"])


def test_a_class_of_both_sides_has_no_value_to_be_written_as() -> None:
    with pytest.raises(TaskError, match="femur-right, femur-left"):
        LEGS.value_of_class(["femur"])
    assert LEGS.value_of_class(["femur-left", "femur-right"]) == {1: 12, 2: 2}


def test_levels_have_no_value_before_they_are_named() -> None:
    assert LUMBAR.value_of_class(["vertebra-L5", "vertebra", "spinal-canal"]) == {3: 100}
    assert LUMBAR.value_of_class(["vertebra", "disc", "spinal-canal"]) == {3: 100}


@pytest.mark.parametrize(
    ("below", "said"), [('["radius"]', "must name one structure for each"), ('["ulna", "x"]', "unknown structures: x")]
)
def test_what_lies_below_levels_is_one_known_structure_for_each(below: str, said: str) -> None:
    levels = f'[levels]\ngroup = "g"\norder = ["ulna", "radius"]\nbelow = {below}\n'
    bones = "".join(
        f'[[structures]]\nname = "{name}"\nvalue = {value}\nside = "midline"\ncolour = "#000000"\n'
        for value, name in ((1, "ulna"), (2, "radius"))
    )
    head = 'name = "arm"\ntitle = "A"\nplane = "axial"\nspacing_mm = [1, 1, 1]\n'
    with pytest.raises(TaskError, match=said):
        Task.from_toml(head + levels + bones, "arm")


def test_a_users_task_is_read_by_path_with_any_values(tmp_path: Path) -> None:
    path = tmp_path / "two-bones.toml"
    path.write_text(GOOD)
    assert Task.load(path).mirrored_values() == {205: 500, 500: 205}


@pytest.mark.parametrize("task", [LEGS, LUMBAR, Task.from_toml(GOOD, "good")], ids=lambda task: task.name)
def test_a_task_written_as_toml_is_the_same_task(task: Task) -> None:
    assert Task.from_toml(task.toml(), "again") == task


def test_a_users_own_task_travels_with_what_was_made_for_it(tmp_path: Path) -> None:
    own, changed = Task.from_toml(GOOD, "good"), LEGS.model_copy(update={"title": "Mine"})
    for number, task in enumerate((own, changed, LEGS)):
        folder = tmp_path / str(number)
        folder.mkdir()
        task.write_beside(folder)
        assert Task.load_beside(folder, task.name) == task
        assert (folder / "task.toml").exists() == (task is not LEGS)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("value = 500", "value = 205", "share a label value"),
        ('name = "bone-left"', 'name = "bone-right"', "share a name"),
        ('mirror = "bone-right"', 'mirror = "bone-left"', "not each other's mirror partner"),
        ('mirror = "bone-right"', "", "not each other's mirror partner"),
        ('side = "left"', 'side = "right"', "not left and right"),
        ('side = "left"', 'side = "port"', "structures.1.side"),
        ("value = 500", "value = 0", "structures.1.value"),
        ("#102030", "red", "structures.0.colour"),
        ('title = "Two bones"', 'title = "Two bones"\ncolor = 1', "color"),
        ('plane = "axial"', 'plane = "oblique"', "plane"),
        ("[[structures]]", '[levels]\ngroup = "g"\norder = ["nobody"]\n\n[[structures]]', "unknown structures: nobody"),
        ('name = "two-bones"', "name = two-bones", "not valid TOML"),
    ],
)
def test_a_contradiction_in_the_table_is_named(old: str, new: str, said: str) -> None:
    assert old in GOOD
    with pytest.raises(TaskError, match=said) as caught:
        Task.from_toml(GOOD.replace(old, new, 1), "my.toml")
    assert "my.toml" in str(caught.value)


def test_an_unknown_task_and_a_missing_file_are_said(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"Known: .*leg-bones"):
        Task.load("hand")
    with pytest.raises(TaskError, match="no task file"):
        Task.load(tmp_path / "none.toml")
    with pytest.raises(TaskError, match="no structure named hand"):
        LEGS.by_name("hand")
    with pytest.raises(TaskError, match="no structure of value 99"):
        LEGS.by_value(99)
