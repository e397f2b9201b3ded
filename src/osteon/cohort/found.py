"""What a layout finds in a source, before anything is read: scans, their masks, and whose they are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from osteon.cohort.manifest import Dropped
from osteon.io.scans import case_name

IMAGE_SUFFIXES = (".nii.gz", ".nii", ".mha", ".mhd", ".nrrd", ".nhdr")


@dataclass(frozen=True)
class FoundCase:
    """A scan of the source with the files of its masks.

    Parameters
    ----------
    name : str
        Of the case; names its files in the cohort.
    subject, group, sequence : str
    image : Path
        A file, or a folder of DICOM files.
    place : str
        Of the image in the source, as a user knows it; named where the case is dropped.
    labels : Path, optional
        A label map.
    masks : tuple of (str, Path)
        Or one binary mask for each structure.
    mapping : mapping of int to int, optional
        From the label map's values to the task's, 0 for background.
    annotated : tuple of str
        Structures that somebody says were annotated, beside those that are present.
    age_years : float, optional
    """

    name: str
    subject: str
    group: str
    sequence: str
    image: Path
    place: str
    labels: Path | None = None
    masks: tuple[tuple[str, Path], ...] = ()
    mapping: Mapping[int, int] | None = None
    annotated: tuple[str, ...] = ()
    age_years: float | None = None

    def signature(self, how: str) -> str:
        """SHA-256 over names, sizes and times of all its files and the facts above; ``how`` it is imported counts too.

        A file that was changed has another size or another time of modification, as for make and rsync.
        """
        files = [self.image, *([self.labels] if self.labels else []), *(path for _, path in self.masks)]
        facts = [self.name, self.subject, self.group, self.sequence, self.age_years, *self.annotated, how]
        mapping = sorted(self.mapping.items()) if self.mapping is not None else None
        structures = [structure for structure, _ in self.masks]
        text = json.dumps([facts, mapping, structures, [_stamps(path) for path in files]])
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass
class Found:
    """All that a layout found in a source.

    Parameters
    ----------
    layout : str
    cases : list of FoundCase
    dropped : list of Dropped
        Files that cannot become a case, known without reading them.
    notes : list of str
        Whole sentences.
    folds : list of (train, validation)
        Names of cases, where the source says how it was split.
    """

    layout: str
    cases: list[FoundCase]
    dropped: list[Dropped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    folds: list[tuple[list[str], list[str]]] = field(default_factory=list)

    def drop(self, file: str, reason: str) -> None:
        """Note a file that does not become a case."""
        self.dropped.append(Dropped(file=file, reason=reason))


def images_in(folder: Path, suffixes: tuple[str, ...] = IMAGE_SUFFIXES) -> list[Path]:
    """Image files of a folder, sorted; hidden ones (also a Mac's ``._`` files) are passed over."""
    entries = (p for p in folder.iterdir() if p.name.lower().endswith(suffixes) and not p.name.startswith("."))
    return sorted(p for p in entries if p.is_file())


def stem_of(path: Path) -> str:
    """Name without the suffixes of an image format."""
    return case_name(path)


def _stamps(path: Path) -> list[tuple[str, int, int]]:
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    # the voxels of a .mhd header lie in a file beside it
    files += [p for p in (path.with_suffix(".raw"), path.with_suffix(".zraw")) if p.is_file() and p != path]
    return [(file.name, (state := file.stat()).st_size, state.st_mtime_ns) for file in files]
