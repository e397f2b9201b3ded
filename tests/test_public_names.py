"""What ``import osteon`` offers, and what it and ``--help`` cost."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import typer

import osteon
from osteon.cli import app

SLOW = ("torch", "vtkmodules", "matplotlib", "SimpleITK", "pandas", "monai", "openvino", "numpy", "nibabel", "pydicom")
TREE: Any = typer.main.get_command(app)


def loaded(program: str) -> set[str]:
    """Slow packages that a fresh process has loaded after a program."""
    end = f"\nimport sys\nsys.stderr.write(' '.join(name for name in {SLOW!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", program + end], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


def command_paths(command: Any = TREE, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Every command and group, as the words after ``osteon``."""
    below = getattr(command, "commands", {})
    return [path, *(deep for name, inner in below.items() for deep in command_paths(inner, (*path, name)))]


@pytest.mark.parametrize("name", osteon.__all__)
def test_a_public_name_is_there_and_described(name: str) -> None:
    found = getattr(osteon, name)
    assert found.__name__ == name
    assert found.__doc__
    assert name in dir(osteon)


def test_another_name_is_refused_as_any_module_does() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'segmnet'"):
        _ = osteon.segmnet  # type: ignore[attr-defined]


def test_importing_osteon_loads_nothing_slow() -> None:
    assert loaded("import osteon") == set()


def test_segmenting_begins_without_what_is_needed_only_after_the_network() -> None:
    assert loaded("import osteon.pipeline") <= {"numpy", "nibabel", "pydicom"}  # nibabel itself looks for pydicom
    assert "pandas" in loaded("import osteon.pipeline as p; p._load_what_follows()")


def test_help_of_every_command_loads_no_torch() -> None:
    program = f"""
import contextlib, io, sys
from osteon.cli import main
for path in {command_paths()!r}:
    sys.argv = ["osteon", *path, "--help"]
    with contextlib.redirect_stdout(io.StringIO()) as page:
        try:
            main()
        except SystemExit as end:
            assert end.code == 0, path
    assert "Usage: " + " ".join(["osteon", *path]) in page.getvalue(), path
"""
    assert loaded(program) == set()


@pytest.mark.parametrize("path", command_paths(), ids=lambda path: " ".join(path) or "osteon")
def test_every_command_and_option_says_what_it_is_for(path: tuple[str, ...]) -> None:
    command = TREE
    for word in path:
        command = command.commands[word]
    # one or two sentences without Python's words
    assert 10 < len(command.help.strip()) < 200
    assert command.help.strip().endswith(".")
    assert not {"callable", "None", "kwargs", "pathlib"} & set(command.help.split())
    for parameter in command.params:
        if parameter.name != "help":
            assert parameter.help, f"{parameter.name} of {' '.join(path)}"
            assert parameter.help.endswith("."), parameter.help


@pytest.mark.parametrize("path", [("train",), ("phantom", "make"), ("cohort", "split"), ("bench",)], ids=" ".join)
def test_commands_with_randomness_take_a_seed(path: tuple[str, ...]) -> None:
    command = TREE
    for word in path:
        command = command.commands[word]
    assert any("--seed" in parameter.opts for parameter in command.params)
