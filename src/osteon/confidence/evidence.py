"""What a model's answer tells of its own worth, structure by structure, as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import nan

import numpy as np
from numpy.typing import NDArray

from osteon.boxes import Box, boxes_of, held_box
from osteon.confidence.plausibility import plausibility
from osteon.geometry import Grid, inverse
from osteon.inference import Prediction
from osteon.networks.model import ModelSpec
from osteon.postprocessing.connected import largest_parts
from osteon.volume import LabelMap

NEAR_MM = 20.0
"""Probability counts for a structure as far as this from the box around it."""

Mask = NDArray[np.bool_]
Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class Evidence:
    """What speaks for and against one structure.

    Parameters
    ----------
    structure : str
    group : str
        Its parent, or itself: left and right, and all levels, are judged alike.
    numbers : dict of str to float
        By name; NaN where a number is not defined.
    """

    structure: str
    group: str
    numbers: dict[str, float]


def evidence_of(prediction: Prediction, labels: LabelMap, spec: ModelSpec) -> list[Evidence]:
    """Evidence of every structure that was found, in the task's order.

    Parameters
    ----------
    prediction : Prediction
        The network's answer.
    labels : LabelMap
        What became of it, on the scan's grid.
    spec : ModelSpec
        Its classes give the probabilities their meaning.
    """
    class_of_value = labels.task.class_of_value(spec.classes)
    working = _nearest(labels, prediction.working)
    held = held_box(working)
    boxes = {} if held is None else boxes_of(working, held)
    changes = _Changes.of(prediction.classes.array, labels)
    shapes = plausibility(labels)
    found = []
    for structure in labels.task.structures:
        value = structure.value
        if structure.name not in shapes:
            continue
        number = class_of_value[value]
        same_class = [v for v, n in class_of_value.items() if n == number and v != value]
        numbers = dict(shapes[structure.name])
        if value in boxes:
            box = _grown(boxes[value], prediction.working.spacing_mm, working.shape)
            probability = prediction.probabilities[number][box].astype(np.float32) / 255
            others = _one_of(working[box], same_class)
            probability[others] = 0  # a neighbouring level's
            numbers |= of_probabilities(probability, working[box] == value)
            if prediction.votes is not None:
                numbers["disagreement"] = disagreement((prediction.votes[(slice(None), *box)] == number) & ~others)
        numbers |= changes.numbers(number, [value, *same_class])
        found.append(Evidence(structure.name, structure.parent or structure.name, numbers))
    return found


def of_probabilities(probability: Float32, mask: Mask) -> dict[str, float]:
    """Numbers from a structure's probability in and around its mask.

    ``soft_dice`` is the Dice that is to be expected if the probabilities are right, ``2 sum(p m) / (sum(p) + sum(m))``;
    ``doubt_inside`` is the mean of ``1 - p`` in the mask, ``doubt_outside`` the sum of ``p`` outside it against the
    mask; ``thin`` is the number of pixels at the outline against those in the mask, ``outline`` their mean of
    ``min(p, 1 - p)``; ``unrest`` is the change of ``p`` from slice to slice against the mask.

    Parameters
    ----------
    probability : (slice, row, column) float32 ndarray
        0 to 1.
    mask : (slice, row, column) bool ndarray
    """
    inside, total, size = float(probability[mask].sum()), float(probability.sum()), int(mask.sum())
    inner, outer = _with_neighbours(mask, np.logical_and), _with_neighbours(mask, np.logical_or)
    edge = probability[outer & ~inner]
    beside = (probability[2:] + probability[:-2]) / 2
    return {
        "soft_dice": 2 * inside / (total + size),
        "doubt_inside": 1 - inside / size,
        "doubt_outside": (total - inside) / size,
        "thin": float((outer & ~inner).sum()) / size,
        "outline": float(np.minimum(edge, 1 - edge).mean()),
        "unrest": float(np.abs(probability[1:-1] - beside).sum()) / size if len(probability) > 2 else nan,
    }


def disagreement(masks: Mask) -> float:
    """1 less the mean Dice of every two networks of an ensemble; NaN where none found anything.

    Parameters
    ----------
    masks : (network, slice, row, column) bool ndarray
        Where each network sees the structure, with its box around it.
    """
    sizes = masks.reshape(len(masks), -1).sum(axis=1)
    pairs = [(a, b) for a, b in combinations(range(len(masks)), 2) if sizes[a] + sizes[b]]
    dice = [2 * int((masks[a] & masks[b]).sum()) / int(sizes[a] + sizes[b]) for a, b in pairs]
    return 1 - float(np.mean(dice)) if dice else nan


@dataclass(frozen=True)
class _Changes:
    """The network's classes against what became of them, each looked at in its box only.

    Parameters
    ----------
    classes, labels : (i, j, k) integer ndarray
    before, after : dict of int to tuple of slice
        Boxes of the classes, and of the label values.
    largest : dict of int to int
        Voxels of each class's largest part.
    """

    classes: NDArray[np.uint8]
    labels: NDArray[np.integer]
    before: dict[int, Box]
    after: dict[int, Box]
    largest: dict[int, int]

    @classmethod
    def of(cls, classes: NDArray[np.uint8], labels: LabelMap) -> _Changes:
        held = held_box(classes)
        before = {} if held is None else boxes_of(classes, held)
        largest = {} if held is None else largest_parts(classes[held])
        return cls(classes, labels.array, before, labels.boxes, largest)

    def numbers(self, number: int, values: Sequence[int]) -> dict[str, float]:
        """How much post-processing changed a class, and how much of it lay apart from its largest part.

        ``changed`` is 1 less the Dice of before and after, ``apart`` the share of the class outside its largest part.
        """
        boxes = [self.before[number]] if number in self.before else []
        boxes += [self.after[value] for value in values if value in self.after]
        box = tuple(slice(min(b[a].start for b in boxes), max(b[a].stop for b in boxes)) for a in range(3))
        before, after = self.classes[box] == number, _one_of(self.labels[box], values)
        sizes = int(np.count_nonzero(before)), int(np.count_nonzero(after))
        changed = 1 - 2 * int(np.count_nonzero(before & after)) / sum(sizes)
        return {"changed": changed, "apart": 1 - self.largest[number] / sizes[0] if sizes[0] else 1.0}


def _nearest(labels: LabelMap, grid: Grid) -> NDArray[np.integer]:
    """Labels at the nearest voxels: enough for sums over structures, and much faster than the rule for results.

    The grid's axes are those of the labels in another order, so that the nearest is told axis by axis.
    """
    nearest = np.zeros(grid.shape, dtype=labels.array.dtype)
    if labels.held is None:
        return nearest
    to_source = inverse(labels.affine) @ grid.affine
    axes = np.abs(to_source[:3, :3]).argmax(axis=0)  # of the labels, along each of the grid's
    part, places = labels.array.transpose(axes), []
    for along, (axis, n) in enumerate(zip(axes, grid.shape, strict=True)):
        position = to_source[axis, along] * np.arange(n) + to_source[axis, 3]
        index = np.clip(np.floor(position + 0.5).astype(np.int64), 0, labels.shape[axis] - 1)
        (inside,) = np.nonzero((index >= labels.held[axis].start) & (index < labels.held[axis].stop))
        places.append(inside)
        part = part.take(index[inside], axis=along)
    nearest[np.ix_(*places)] = part
    return nearest


def _one_of(labels: NDArray[np.integer], values: Sequence[int]) -> Mask:
    """Where some labels stand."""
    found = np.zeros(labels.shape, dtype=bool)
    for value in values:
        found |= labels == value
    return found


def _with_neighbours(mask: Mask, together: np.ufunc) -> Mask:
    """Each pixel together with its eight neighbours in its slice; outside is nothing."""
    framed = np.pad(mask, ((0, 0), (1, 1), (1, 1)))
    rows = together(together(framed[:, :-2], framed[:, 1:-1]), framed[:, 2:])
    return np.asarray(together(together(rows[:, :, :-2], rows[:, :, 1:-1]), rows[:, :, 2:]))


def _grown(box: Box, spacing_mm: tuple[float, float, float], shape: tuple[int, ...]) -> Box:
    sides = []
    for part, edge, n in zip(box, spacing_mm, shape, strict=True):
        margin = max(1, round(NEAR_MM / edge))
        sides.append(slice(max(0, part.start - margin), min(n, part.stop + margin)))
    return sides[0], sides[1], sides[2]


def hidden_cm3(prediction: Prediction, labels: LabelMap, spec: ModelSpec) -> dict[str, float]:
    """Volume that the probabilities of each structure that was not found come to, all over the scan.

    Only of structures that have a class of their own: which level is missing no class tells.
    """
    value_of_class: dict[int, list[int]] = {}
    for value, number in labels.task.class_of_value(spec.classes).items():
        value_of_class.setdefault(number, []).append(value)
    found = set(labels.values())
    voxel_cm3 = prediction.working.voxel_volume_mm3 / 1000
    return {
        labels.task.by_value(values[0]).name: float(prediction.probabilities[number].sum(dtype=np.int64))
        / 255
        * voxel_cm3
        for number, values in sorted(value_of_class.items())
        if len(values) == 1 and values[0] not in found
    }
