"""What a folder or archive holds: its series, taken apart into volumes, and each of them judged."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from osteon.errors import OsteonError, ReadError
from osteon.geometry import Grid
from osteon.io.dicom.frames import Frame, frames_of
from osteon.io.dicom.grouping import volumes_of
from osteon.io.dicom.headers import Header, ImageFile, Known, read_image
from osteon.io.dicom.pixels import pixels_of
from osteon.io.dicom.sources import Source
from osteon.io.dicom.stack import Stack, stacked

LEFT_OUT_NAMED = 3
"""How many unusable files are named; of the others, only how many there are."""


@dataclass(frozen=True, eq=False)
class Group:
    """Slices of one series that are a volume, or should be.

    Parameters
    ----------
    header : dict
        Of its first file.
    frames : list of Frame
        Empty where no file has a place in the body.
    images : int
        Slices that its files hold.
    number : int
        Place in the list, from 1.
    stack : Stack, optional
        None if it is no volume.
    error : OsteonError, optional
        Why it is none.
    notes : list of str
        What whoever reads it should know.
    stations : tuple of Group
        Of which it was joined.
    """

    header: Header = field(repr=False)
    frames: list[Frame]
    images: int
    number: int = 0
    stack: Stack | None = None
    error: OsteonError | None = None
    notes: list[str] = field(default_factory=list)
    stations: tuple[Group, ...] = ()

    @property
    def uid(self) -> str:
        """Of the series; empty for one joined of several."""
        return "" if self.stations else str(self.header.get("SeriesInstanceUID") or "")

    @property
    def study(self) -> str:
        """Unique identifier of the study."""
        return str(self.header.get("StudyInstanceUID") or "")

    @property
    def description(self) -> str:
        """As the scanner wrote it."""
        return str(self.header.get("SeriesDescription") or "").strip()

    @property
    def modality(self) -> str:
        """As the scanner wrote it."""
        return str(self.header.get("Modality") or "")

    @property
    def image(self) -> str:
        """Which image of a Dixon scan; nothing for any other scan."""
        return str(self.frames[0].marks["image"]) if self.frames else ""

    @property
    def grid(self) -> Grid | None:
        """Where its voxels lie."""
        return self.stack.grid if self.stack else None


@dataclass(frozen=True)
class Found:
    """Groups in the scanner's order, and files that are DICOM but cannot be read, each with a sentence why."""

    groups: list[Group]
    broken: list[str]


def find(turns: Sequence[Sequence[Source]], folder: Path) -> Found:
    """Look through files, and judge every group of slices.

    Raises
    ------
    ReadError
        If there is no DICOM image.
    """
    images: list[ImageFile] = []
    known: Known = {}
    broken: list[tuple[Source, OsteonError]] = []
    for sources in turns:
        for source in sources:
            try:
                images += [image] if (image := read_image(source, known)) else []
            except ReadError as error:
                broken.append((source, error))
        if images:
            break
    if not images and broken:
        raise broken[0][1]
    if not images:
        raise ReadError(
            f"{folder} holds no DICOM image (reports, indexes and other files are passed over). "
            "Give the folder that holds the slices."
        )
    return Found(_judged(images, folder), [_named_only(*fault) for fault in broken])


def judged(group: Group, where: str) -> Group:
    """The group with its stack, or with the reason why it is none."""
    if group.error is not None:
        return group
    try:
        if all("LOCALIZER" in str(frame.marks["type"]) for frame in group.frames):
            raise ReadError(
                f"{where} is a localizer: single slices to plan a scan by, no volume. Choose another series."
            )
        stack = stacked(group.frames, where)
        if stack.frames[0].stored.begin is None:
            pixels_of(stack.frames[:1])  # whether it can be decoded at all
    except OsteonError as error:
        # the files that were left out may be the reason
        return replace(group, error=type(error)(" ".join([str(error), *group.notes])))
    return replace(group, stack=stack, notes=[*stack.notes, *group.notes])


def _judged(images: list[ImageFile], folder: Path) -> list[Group]:
    series: dict[tuple[str, str], list[ImageFile]] = defaultdict(list)
    for image in images:
        series[image.header.get("StudyInstanceUID", ""), image.header.get("SeriesInstanceUID", "")].append(image)
    groups = [group for one in sorted(series.values(), key=_place_in_list) for group in _groups_of(one)]
    several = len(groups) > 1
    return [
        judged(replace(group, number=n), f"{folder}, series {n}," if several else str(folder))
        for n, group in enumerate(groups, start=1)
    ]


def _groups_of(images: list[ImageFile]) -> list[Group]:
    """Groups of one series; files without a place in the body are left out, and named."""
    frames: list[Frame] = []
    faults: list[tuple[Source, OsteonError]] = []
    for image in images:
        try:
            frames += frames_of(image)
        except OsteonError as error:
            faults.append((image.source, error))
    if not frames:
        slices = sum(_count(image.header) for image in images)
        return [Group(images[0].header, [], slices, error=faults[0][1])]
    headers = {image.source: image.header for image in images}
    notes = [f"Left out: {_named_only(*fault)}" for fault in faults[:LEFT_OUT_NAMED]]
    if len(faults) > LEFT_OUT_NAMED:
        notes.append(f"{len(faults)} files of the series were left out in all.")
    if images[0].header.get("PhotometricInterpretation") == "MONOCHROME1":
        notes.append("Its low values are the bright ones (MONOCHROME1); they are kept, so it looks like a negative.")
    return [Group(headers[part[0].source], part, len(part), notes=list(notes)) for part in volumes_of(frames)]


def _count(header: Header) -> int:
    """Frames that a file says it has."""
    try:
        return max(1, int(header.get("NumberOfFrames") or 1))
    except (TypeError, ValueError):
        return 1


def _place_in_list(images: list[ImageFile]) -> tuple[int, str, str]:
    header = images[0].header
    try:
        number = int(header.get("SeriesNumber") or 0)
    except (TypeError, ValueError):
        number = 0
    return number, str(header.get("SeriesDescription") or ""), str(header.get("SeriesInstanceUID") or "")


def _named_only(source: Source, error: OsteonError) -> str:
    """An error's sentence with the file's name alone: the folders above it may be called after a patient."""
    return str(error).replace(str(source), source.name)
