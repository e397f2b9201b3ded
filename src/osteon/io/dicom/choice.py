"""Which of several series is meant: what the user named, else the only one that can be used."""

from __future__ import annotations

from pathlib import Path

from osteon.errors import ReadError
from osteon.io.dicom.groups import Found, Group
from osteon.io.dicom.marks import IMAGE_WORDS, contrast_of

LISTED = 30
"""Series that an error lists; `osteon inspect` lists all."""


def chosen(found: Found, series: str | None, path: Path, prefer: str | None) -> tuple[Group, list[str]]:
    """The group that is meant, and what to tell about the choice.

    Parameters
    ----------
    found : Found
    series : str, optional
        What the user named: number, UID, Dixon image, description or part of it.
    path : Path
        Named in errors.
    prefer : str, optional
        Dixon image to take where several can be used.

    Raises
    ------
    ReadError
        If nothing fits, or more than one.
    """
    if series is not None:
        return _named(found.groups, series.strip(), path), []
    if len(found.groups) == 1:
        return found.groups[0], []
    usable = _usable(found.groups)
    if len(usable) == 1 and len(usable[0].stations) == len(found.groups) - 1:
        return usable[0], []  # all the others are its stations, which is said anyway
    if len(usable) == 1:
        return usable[0], [_said(usable[0], found.groups, "the only one that can be used")]
    if not usable:
        raise ReadError(
            f"{path} holds {len(found.groups)} series and none that can be used. "
            + " ".join(str(group.error) for group in found.groups[:LISTED] if group.error)
        )
    magnitude = [group for group in usable if group.frames[0].marks["component"] in ("", "magnitude")]
    if len(magnitude) == 1:
        return magnitude[0], [_said(magnitude[0], found.groups, "the only magnitude images")]
    fitting = [group for group in usable if prefer and group.image == prefer]
    if len(fitting) == 1:
        return fitting[0], [_said(fitting[0], found.groups, f"the {prefer} images, which suit this task best")]
    raise ReadError(
        f"{path} holds {len(found.groups)} series; one scan is one series. Name the one to take with --series and its "
        f"number, for example --series {usable[0].number}: {_listed(fitting or usable)}."
    )


def group_of_file(groups: list[Group], path: Path) -> Group:
    """The group in which a file is; stations stand for themselves."""
    for group in groups:
        if any(frame.source.path == path for frame in group.frames):
            return group
    without_place = next((group for group in groups if group.error is not None and not group.frames), None)
    if without_place is not None:
        return without_place
    raise ReadError(f"{path} is no slice of a volume. Give the folder of its series.")


def _named(groups: list[Group], series: str, path: Path) -> Group:
    by_number = [group for group in groups if str(group.number) == series]
    fitting = by_number or _fitting(groups, series)
    if len(fitting) > 1:
        fitting = _usable(fitting) or fitting
    if len(fitting) == 1:
        return fitting[0]
    what = "no series" if not fitting else f"{len(fitting)} series"
    raise ReadError(f"{path} holds {what} named {series}. Choose by number: {_listed(fitting or groups)}.")


def _fitting(groups: list[Group], series: str) -> list[Group]:
    """Groups of this UID or Dixon image; else of this description; else with it in their description."""
    word = series.casefold()
    word = next((image for image, values in IMAGE_WORDS.items() if word.upper() in values), word)
    for fits in (
        lambda group: series == group.uid,
        lambda group: word == group.image,
        lambda group: word == group.description.casefold(),
        lambda group: word in group.description.casefold(),
    ):
        fitting = [group for group in groups if word and fits(group)]
        if fitting:
            return fitting
    return []


def _usable(groups: list[Group]) -> list[Group]:
    """Groups that are a volume; not stations that stand joined in the list; single slices if there is nothing else."""
    inside = {station for group in groups for station in group.stations}
    usable = [group for group in groups if group.stack is not None and group not in inside]
    return [group for group in usable if group.stack and len(group.stack.frames) > 1] or usable


def _said(group: Group, groups: list[Group], why: str) -> str:
    # without its description, which is free text and may hold anything
    return f"Of {len(groups)} series, number {group.number} was taken: {why}."


def _listed(groups: list[Group]) -> str:
    planes = {group.grid.orientation if group.grid else "" for group in groups}
    shown = "; ".join(
        f"{group.number}: {group.description or 'no description'}, {group.images} images of "
        f"{int(group.header['Columns'])} x {int(group.header['Rows'])}{_words(group, several_planes=len(planes) > 1)}"
        for group in groups[:LISTED]
    )
    return shown + (f"; and {len(groups) - LISTED} more" if len(groups) > LISTED else "")


def _words(group: Group, *, several_planes: bool) -> str:
    """What tells a group from others of its description."""
    words = [contrast_of(group.frames[0].marks)] if group.frames else []
    words += [f"axes {group.grid.orientation}+"] if group.grid and several_planes else []
    words += [] if group.grid else ["not usable"]
    words += [f"{len(group.stations)} stations joined"] if group.stations else []
    return "".join(f", {word}" for word in words if word)
