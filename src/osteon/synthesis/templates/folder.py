"""Bodies on disk: a folder of templates, each with its parts, its labels and what is known of it."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np

from osteon.anatomy import Task
from osteon.errors import ReadError
from osteon.io import read
from osteon.io.labels import read_labels
from osteon.io.nifti import write_nifti
from osteon.io.whole import folder_written_whole
from osteon.synthesis.body import Body
from osteon.synthesis.parts import CODE
from osteon.volume import Volume

PARTS_FILE, LABELS_FILE, ABOUT_FILE = "parts.nii.gz", "labels.nii.gz", "body.toml"
MAKE_SOME = "Make some with osteon phantom bodies, or from label maps and surfaces with recipes/leg_templates.py."


def write_body(body: Body, folder: str | Path) -> Path:
    """Write ``folder/<name>/`` with ``parts.nii.gz``, ``labels.nii.gz`` and ``body.toml``; an older one is replaced.

    Returns
    -------
    Path
        The body's own folder.
    """
    about = [f"source = {json.dumps(body.source)}", f"task = {json.dumps(body.labels.task.name)}"]
    if body.age_years is not None:
        about.append(f"age_years = {float(body.age_years)}")
    about += ["", "[truth]", *(f"{json.dumps(key)} = {float(value)}" for key, value in sorted(body.truth.items()))]
    with folder_written_whole(Path(folder) / body.name) as part:
        write_nifti(body.parts, body.parts.array, part / PARTS_FILE)
        write_nifti(body.labels, body.labels.array, part / LABELS_FILE)
        (part / ABOUT_FILE).write_text("\n".join(about) + "\n", encoding="utf-8")
    return Path(folder) / body.name


def load_bodies(folder: str | Path) -> list[Body]:
    """Read every body of a folder of templates, by name.

    Raises
    ------
    ReadError
        If the folder is missing or holds no body, or a body's files are missing, damaged or of something else.
    TaskError
        If its labels do not belong to its task.
    GeometryError
        If its parts and labels lie on two grids.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ReadError(f"There is no folder of templates {folder}. {MAKE_SOME}")
    bodies = [_load(path.parent) for path in sorted(folder.glob(f"[!.]*/{ABOUT_FILE}"))]
    if not bodies:
        raise ReadError(f"{folder} holds no templates: none of its folders has a {ABOUT_FILE}. {MAKE_SOME}")
    return bodies


def _load(folder: Path) -> Body:
    about = _about(folder / ABOUT_FILE)
    for name in (PARTS_FILE, LABELS_FILE):
        if not (folder / name).is_file():
            raise ReadError(f"The template {folder} has no {name}. Build it again.")
    parts = read(folder / PARTS_FILE)
    strange = sorted(set(np.unique(parts.array).tolist()) - set(CODE.values()))
    if strange or parts.orientation != "RAS":
        raise ReadError(
            f"{folder / PARTS_FILE} is no map of parts: it runs {parts.orientation}+ (RAS+ is expected) and holds the "
            f"unknown codes {strange[:10]}. Build the template again."
        )
    labels = read_labels(folder / LABELS_FILE, Task.load(str(about.get("task", "leg-bones"))))
    parts.grid.require_match(labels.grid, f"{folder / PARTS_FILE}", LABELS_FILE)
    truth, age = about.get("truth", {}), about.get("age_years")
    try:
        known = {str(key): float(value) for key, value in truth.items()}
        years = None if age is None else float(age)
    except (AttributeError, TypeError, ValueError) as error:
        raise ReadError(f"{folder / ABOUT_FILE} gives an age or a truth that is no number.") from error
    whole = Volume(np.ascontiguousarray(parts.array, dtype=np.uint8), parts.affine)
    return Body(folder.name, whole, labels, str(about["source"]), years, known)


def _about(path: Path) -> dict[str, Any]:
    try:
        about = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ReadError(f"{path} is not valid TOML: {error}. Build the template again.") from error
    if not isinstance(about.get("source"), str):
        raise ReadError(f'{path} does not say where the body comes from. Add a line such as source = "visible-human".')
    return about
