"""Label maps on disk, found by the name of their case."""

from __future__ import annotations

from pathlib import Path

from osteon.errors import ReadError, UsageError
from osteon.io.formats import SUFFIXES

ENDINGS = tuple(suffix for suffix, kind in SUFFIXES.items() if kind != "dicom")
INNER = "segmentation.nii.gz"
"""Label map in a folder named after its case, as `osteon segment` writes it."""


def find_cases(path: Path) -> dict[str, Path]:
    """Label maps at a path, by case name and in its order.

    Parameters
    ----------
    path : Path
        A label map; a case's folder, which holds ``segmentation.nii.gz``; or a folder of either.

    Raises
    ------
    ReadError
        If there is nothing, or nothing that is a label map.
    UsageError
        If one folder holds two label maps of one case.
    """
    if not path.exists():
        raise ReadError(f"There is nothing at {path}. Give a label map, or a folder of them.")
    if path.is_file():
        name = _case_name(path)
        if name is None:
            raise ReadError(f"{path.name} is not a label map by its name; known endings are {', '.join(ENDINGS)}.")
        return {name: path}
    if (path / INNER).is_file():
        return {path.resolve().name: path / INNER}
    cases: dict[str, Path] = {}
    for entry in sorted(path.iterdir()):
        name, file = _case_at(entry)
        if name is None:
            continue
        if name in cases:
            raise UsageError(
                f"{path} holds two label maps of the case {name}: {cases[name].relative_to(path)} and "
                f"{file.relative_to(path)}. Keep the one that counts."
            )
        cases[name] = file
    if not cases:
        raise ReadError(
            f"{path} holds no label map: neither NAME with one of the endings {', '.join(ENDINGS)}, "
            f"nor a folder NAME with {INNER} in it."
        )
    return cases


def _case_at(entry: Path) -> tuple[str | None, Path]:
    if entry.name.startswith("."):  # what a Mac leaves, and what is still being written
        return None, entry
    if entry.is_dir():
        inner = entry / INNER
        return (entry.name if inner.is_file() else None), inner
    return _case_name(entry), entry


def _case_name(file: Path) -> str | None:
    for suffix in ENDINGS:
        if file.name.lower().endswith(suffix):
            return file.name[: -len(suffix)]
    return None
