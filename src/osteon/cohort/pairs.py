"""Two folders, one of scans and one of label maps, of any names: matched by the part of the names that they share."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from osteon.cohort.found import Found, FoundCase, images_in, stem_of
from osteon.cohort.participants import TABLE, read_participants
from osteon.errors import CohortError, UsageError
from osteon.io.formats import holds_dicom

SCANS = ("image", "scan", "mri", "volume", "raw", "dicom")
MASKS = ("mask", "label", "seg", "annotation", "truth")

SEQUENCE = re.compile(r"^(t1|t2|t1w|t2w|pd|pdw|flair|stir|ffe|gre|tse|se|dixon|dixon\d|water|fat|mri|mr|scan|image)$")
"""Words that name how somebody was scanned and not who."""

Tokens = tuple[str, ...]

WITHIN, SHARED_END, SHARED_RARE = 3, 2, 1
UNLIKE = (0, 0)
"""Ways in which two names are alike, and none."""


@dataclass(frozen=True)
class Pair:
    """A scan and the label map that its name was matched with.

    Parameters
    ----------
    image, labels : Path
    subject : str
    sure : bool
        False if each name holds something that the other contradicts; look at such a pair twice.
    """

    image: Path
    labels: Path
    subject: str
    sure: bool


def find_pairs(source: Sequence[Path], mapping: Mapping[int, int] | None = None) -> Found:
    """Cases of a folder of scans and a folder of label maps.

    Parameters
    ----------
    source : sequence of Path
        The two folders, scans first; or one folder that holds both under names such as ``images`` and ``masks``.
        A ``participants.tsv`` in any of them says which scans belong to one subject.
    mapping : mapping of int to int, optional
        From the masks' values to the task's.

    Raises
    ------
    CohortError
        If nothing can be matched.
    """
    scans, masks = _two_folders(source)
    images = images_in(scans) + [p for p in sorted(scans.iterdir()) if p.is_dir() and holds_dicom(p, below=True)]
    labels = images_in(masks)
    pairs, found = matched(images, labels), Found("pairs", [])
    participants = read_participants(list(dict.fromkeys([*source, scans])))
    group = scans.parent.name if len(source) == 1 or scans.parent == masks.parent else scans.name
    for pair in pairs:
        row = participants.of(pair.image.name)
        found.cases.append(
            FoundCase(
                name=stem_of(pair.image),
                subject=row.subject or pair.subject,
                group=row.source or group,
                sequence=row.sequence or "unknown",
                image=pair.image,
                place=f"{scans.name}/{pair.image.name}",
                labels=pair.labels,
                mapping=mapping,
                annotated=row.annotated,
                age_years=row.age_years,
            )
        )
        if not pair.sure:
            found.notes.append(
                f"{pair.image.name} and {pair.labels.name} share only a part of their names. Check them."
            )
    for folder, paths, used in ((scans, images, {p.image for p in pairs}), (masks, labels, {p.labels for p in pairs})):
        for path in (p for p in paths if p not in used):
            found.drop(f"{folder.name}/{path.name}", "no name in the other folder matches it, or more than one does")
    if not pairs:
        raise CohortError(f"No name in {scans} matches one in {masks}. Give scans and masks names that share a part.")
    if not participants.given:
        found.notes.append(f"There is no {TABLE}: subjects are taken from the file names. Check them.")
    return found


def matched(images: Sequence[Path], labels: Sequence[Path]) -> list[Pair]:
    """Pairs whose names share most, where that is mutual and no other comes equal.

    Names are compared as letters and numbers (``006`` is ``6``), without what all names of a folder have.
    """
    if len(images) == len(labels) == 1:
        return [Pair(images[0], labels[0], stem_of(images[0]), sure=True)]
    ours, theirs = _telling(images), _telling(labels)
    usual = _usual(ours.values())
    rare = _once(ours.values()) & _once(theirs.values())
    score = {(a, b): _shared(ours[a], theirs[b], rare) for a in images for b in labels}
    pairs = []
    for image in images:
        best = _only_best({b: score[image, b] for b in labels})
        if best is not None and _only_best({a: score[a, best] for a in images}) == image:
            sure = score[image, best][0] == WITHIN
            pairs.append(Pair(image, best, _subject(image, ours[image], usual), sure))
    return pairs


def _shared(a: Tokens, b: Tokens, rare: set[str]) -> tuple[int, int]:
    """In what way two names are alike, the better the larger, and by how many letters and digits.

    The shorter is within the longer; or they share an end; or a word or number that one name of each folder has.
    """
    shorter, longer = sorted((a, b), key=len)
    # words may stand in another order (pat6_t1 and t1_pat6), numbers may not: 1_2 is not 2_1
    numbers = iter([token for token in longer if token.isdigit()])
    in_order = all(token in numbers for token in shorter if token.isdigit())
    if shorter and in_order and not Counter(shorter) - Counter(longer):
        # of several that hold it, the one with least beside it
        return WITHIN, 1000 * sum(map(len, shorter)) - sum(map(len, longer))
    ends = max(_beginning(a, b), _beginning(a[::-1], b[::-1]))
    if ends:
        return SHARED_END, ends
    common = sum(len(token) for token in rare.intersection(a, b))
    return (SHARED_RARE, common) if common else UNLIKE


def _once(names: Iterable[Tokens]) -> set[str]:
    """Words and numbers that only one of the names has."""
    counts = Counter(token for name in names for token in set(name))
    return {token for token, count in counts.items() if count == 1}


def _beginning(a: Tokens, b: Tokens) -> int:
    count = 0
    for one, other in zip(a, b, strict=False):
        if one != other:
            break
        count += len(one)
    return count


def _only_best(scores: Mapping[Path, tuple[int, int]]) -> Path | None:
    ranked = sorted(scores, key=lambda path: scores[path], reverse=True)
    if not ranked or scores[ranked[0]] == UNLIKE:
        return None
    if len(ranked) > 1 and scores[ranked[1]] == scores[ranked[0]]:
        return None
    return ranked[0]


def _telling(paths: Sequence[Path]) -> dict[Path, Tokens]:
    """Tokens of each name without those that all names of the folder have."""
    tokens = {path: _tokens(stem_of(path)) for path in paths}
    common = set.intersection(*map(set, tokens.values())) if len(paths) > 1 else set()
    common = {token for token in common if not token.isdigit()}
    return {path: tuple(t for t in own if t not in common) or own for path, own in tokens.items()}


def _tokens(stem: str) -> Tokens:
    # t1 and t2 are words: their numbers are nobody's
    found = re.findall(r"(?<![^\W\d_])t[12](?!\d)|\d+|[^\W\d_]+", stem.lower())
    return tuple(str(int(token)) if token.isdigit() else token for token in found)


def _usual(names: Collection[Tokens]) -> set[str]:
    """Words that more than half of the names have, such as ``pat``: nobody's name, unless nothing else is said."""
    counts = Counter(token for name in names for token in set(name) if not token.isdigit())
    return {token for token, count in counts.items() if count > len(names) / 2}


def _subject(image: Path, telling: Tokens, usual: set[str]) -> str:
    words = [word for word in re.split(r"[\W_]+", stem_of(image)) if word and not SEQUENCE.match(word.lower())]
    told = [word for word in words if set(_tokens(word)) & set(telling)]
    if told and usual.issuperset(_tokens(told[0])):
        told = [word for word in told if re.search(r"\d", word)] or told
    return (told or words or [stem_of(image)])[0]


def _two_folders(source: Sequence[Path]) -> tuple[Path, Path]:
    for folder in source:
        if not folder.is_dir():
            raise CohortError(f"There is no folder {folder}. Check the spelling.")
    if len(source) == 2:
        return source[0], source[1]
    if len(source) != 1:
        raise UsageError(f"Pairs need a folder of scans and a folder of masks; {len(source)} folders were given.")
    below = [p for p in sorted(source[0].iterdir()) if p.is_dir()]
    masks = [p for p in below if any(word in p.name.lower() for word in MASKS)]
    scans = [p for p in below if p not in masks and any(word in p.name.lower() for word in SCANS)]
    if len(scans) != 1 or len(masks) != 1:
        names = ", ".join(p.name for p in below) or "none"
        raise UsageError(
            f"Which folder of {source[0]} holds scans and which holds masks cannot be told (folders: {names}). "
            "Give both: first the scans, then the masks."
        )
    return scans[0], masks[0]
