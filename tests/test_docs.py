"""The pages for users say what the program does: commands, options, keys, columns, links, examples."""

from __future__ import annotations

import ast
import importlib
import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from osteon.anatomy import Task
from osteon.cli import app
from osteon.measurement.leg import LONG_BONE_COLUMNS
from osteon.measurement.structures import COLUMNS as MEASUREMENTS
from osteon.measurement.vertebra import VERTEBRA_COLUMNS
from osteon.metrics.agreement import COLUMNS as SCORES
from osteon.training import TrainingConfig

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
COMMANDS: Any = typer.main.get_command(app)

FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)|<img[^>]* src=\"([^\"]+)\"")
SPAN = re.compile(r"`([^`]+)`")


def blocks(page: Path, language: str) -> list[str]:
    return [text for name, text in FENCE.findall(page.read_text(encoding="utf-8")) if name == language]


def osteon_lines(page: Path) -> list[str]:
    lines = [line.strip() for block in blocks(page, "sh") for line in block.splitlines()]
    return [line for line in lines if re.match(r"(\S*/)?osteon\b", line)]


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if hasattr(command, "commands"):
        for name, below in command.commands.items():
            yield from leaves(below, (*path, name))
    else:
        yield path, command


def resolve(words: list[str]) -> tuple[tuple[str, ...], Any, list[str]]:
    """Path of the command, the command, and the words after it."""
    command, path = COMMANDS, []
    while words and hasattr(command, "commands") and not words[0].startswith("-"):
        assert words[0] in command.commands, f"osteon {' '.join([*path, words[0]])} is no command"
        command = command.commands[words[0]]
        path.append(words[0])
        words = words[1:]
    return tuple(path), command, words


def option_rows(page: Path) -> Iterator[tuple[str, list[str]]]:
    """Nearest osteon line above each table of options, and the options of its rows."""
    last = ""
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("osteon "):
            last = line
        if re.match(r"\| `-", line):
            yield last, SPAN.findall(line.split("|")[1])


@pytest.mark.parametrize("line", [pytest.param(line, id=line) for page in PAGES for line in osteon_lines(page)])
def test_a_documented_command_line_is_accepted_by_the_program(line: str) -> None:
    path, command, words = resolve(shlex.split(line, comments=True)[1:])
    if words in (["--help"], []) and hasattr(command, "commands"):
        return
    command.make_context(" ".join(path), words)  # raises on an unknown option, a missing argument, a wrong number


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_options_in_tables_belong_to_the_command_above_them(page: Path) -> None:
    for line, options in option_rows(page):
        path, command, _ = resolve(shlex.split(line, comments=True)[1:])
        known = {option for parameter in command.params for option in parameter.opts}
        assert set(options) <= known, f"{' '.join(path)} in {page.name}"


def test_every_command_and_every_option_is_documented() -> None:
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    for path, command in leaves(COMMANDS):
        assert f"osteon {' '.join(path)}" in text
        for parameter in command.params:
            if parameter.param_type_name == "option":
                assert any(option in text for option in parameter.opts), f"{path}: {parameter.opts}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_lead_somewhere(page: Path) -> None:
    for target in (a or b for a, b in LINK.findall(page.read_text(encoding="utf-8"))):
        if target.startswith(("https://", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        file = page.parent / path if path else page
        assert file.exists(), f"{page.name} links to {target}"
        if anchor:
            heads = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = [re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads]
            assert anchor in slugs, f"{page.name} links to {target}"


def config_rows() -> dict[str, str]:
    """Documented key, with its table, and default."""
    text = (ROOT / "docs" / "own-model.md").read_text(encoding="utf-8")
    text = text.split("## Every key of the configuration")[1].split("\n## ")[0]
    found, table = {}, ""
    for line in text.splitlines():
        if line.startswith("### "):
            table = line.strip("# []") + "." if "[" in line else ""
        if row := re.match(r"\| `(\w+)` \| ([^|]+) \|", line):
            found[table + row[1]] = row[2].strip().strip("`")
    return found


def config_fields() -> dict[str, str]:
    """Key, with its table, and default, as the program has them."""
    found = {}
    for name, field in TrainingConfig.model_fields.items():
        if isinstance(field.default, BaseModel):
            inner = type(field.default).model_fields
            found |= {f"{name}.{key}": written(value.default) for key, value in inner.items()}
        else:
            found[name] = written(field.default)
    return found


def written(default: Any) -> str:
    if default is PydanticUndefined:
        return "needed"
    return "none" if default is None else json.dumps(default)


def test_documented_configuration_keys_and_defaults_are_the_programs() -> None:
    assert config_rows() == config_fields()


def test_toml_examples_load() -> None:
    found = {"configuration": 0, "task": 0}
    for page in PAGES:
        for block in blocks(page, "toml"):
            if "[[structures]]" in block:
                Task.from_toml(block, page.name)
                found["task"] += 1
            else:
                TrainingConfig.model_validate(tomllib.loads(block))
                found["configuration"] += 1
    assert all(found.values())


def test_every_column_of_measurements_and_scores_is_defined() -> None:
    text = (ROOT / "docs" / "measurements.md").read_text(encoding="utf-8")
    defined = set(SPAN.findall(FENCE.sub("", text)))
    for column in (*MEASUREMENTS, *VERTEBRA_COLUMNS, *LONG_BONE_COLUMNS, *SCORES):
        assert column in defined


def test_names_in_python_examples_exist() -> None:
    checked = 0
    for block in blocks(ROOT / "docs" / "python.md", "python"):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("osteon"):
                module = importlib.import_module(str(node.module))
                assert all(hasattr(module, alias.name) for alias in node.names)
                checked += 1
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "osteon":
                assert hasattr(importlib.import_module("osteon"), node.attr)
                checked += 1
    assert checked > 10


def test_the_rooms_stand_in_the_order_that_is_enforced() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = project["tool"]["importlinter"]["contracts"][0]["layers"]
    text = (ROOT / "docs" / "design.md").read_text(encoding="utf-8").split("## Conventions")[0]
    rooms = [re.sub(r"\.py$|/$", "", room) for room in re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)]
    assert rooms == [layer.removeprefix("osteon.") for layer in reversed(layers)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_name_no_machine(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"/root|/home/|/tmp|/mnt|C:\\Users", text)
