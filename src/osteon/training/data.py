"""Cases prepared once, batches drawn from them: the same seed, epoch and step give the same batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from osteon.anatomy import Task
from osteon.cohort import Case, Cohort
from osteon.errors import TrainingError
from osteon.preprocessing import context_offset, slices_with_context, working_labels, working_volume
from osteon.training.augmentation import Crop, augmented, flipped, recoloured
from osteon.training.batches import UNKNOWN_PLACE, Batch
from osteon.training.config import TrainingConfig
from osteon.training.targets import IGNORE, targets
from osteon.volume import LabelMap, Volume


@dataclass(frozen=True)
class PreparedCase:
    """A case as the network sees it.

    Parameters
    ----------
    case : Case
    working : Volume
        (slice, row, column), float32.
    target : (slice, row, column) uint8 ndarray
    reference : LabelMap
        The case's labels on the working grid.
    annotated : (class,) bool ndarray
        Whether each class, background first, was annotated in this case.
    """

    case: Case
    working: Volume
    target: NDArray[np.uint8]
    reference: LabelMap
    annotated: NDArray[np.bool_]

    @property
    def labelled_slices(self) -> NDArray[np.int_]:
        """Slices in which something is annotated."""
        held = ((self.target > 0) & (self.target != IGNORE)).any(axis=(1, 2))
        return np.flatnonzero(held)


def prepare_cases(
    cohort: Cohort, cases: Sequence[Case], config: TrainingConfig, said: Callable[[str], None]
) -> list[PreparedCase]:
    """Read and prepare cases; those in which none of the classes was annotated are left out, and that is said."""
    prepared = []
    for case in cases:
        annotated = annotated_classes(case, cohort.task, config)
        if not annotated[1:].any():
            said(f"{case.name} is left out: none of {', '.join(config.classes)} was annotated in it.")
            continue
        working = working_volume(cohort.scan(case), config.preprocessing)
        reference = working_labels(cohort.labels(case), working)
        target = targets(reference, config.classes)
        if not config.loss.partial_labels:
            annotated[:] = True
        prepared.append(PreparedCase(case, working, target, reference, annotated))
    return prepared


def annotated_classes(case: Case, task: Task, config: TrainingConfig) -> NDArray[np.bool_]:
    """Whether each class, background first, was annotated in a case; a group was if one of its structures was."""
    class_of_value = task.class_of_value(config.classes)
    found = {class_of_value.get(task.by_name(name).value, 0) for name in case.annotated}
    return np.isin(np.arange(len(config.classes) + 1), [0, *found])


class Sampler:
    """Draws batches of augmented crops.

    Parameters
    ----------
    cases : list of PreparedCase
    config : TrainingConfig
    """

    def __init__(self, cases: list[PreparedCase], config: TrainingConfig) -> None:
        cases = [c for c in cases if c.labelled_slices.size]
        if not cases:
            raise TrainingError("No training case holds a label of the classes to learn; check the split and classes.")
        self.cases = cases
        self.config = config
        self.swap = cases[0].reference.task.mirrored_classes(config.classes)
        groups = Counter(c.case.group for c in cases)
        weights = np.array([groups[c.case.group] ** -config.sampling.balance for c in cases])
        self.weights = weights / weights.sum()
        self.labelled = [c.labelled_slices for c in cases]

    def batch(self, epoch: int, step: int) -> Batch:
        """One batch, a function of the seed, the epoch and the step alone."""
        rng = np.random.default_rng([self.config.seed, epoch, step])
        how, size = self.config.augmentation, (self.config.sampling.rows, self.config.sampling.columns)
        drawn, pairs = [], []
        for _ in range(self.config.real_crops):
            drawn.append(int(rng.choice(len(self.cases), p=self.weights)))
            pairs.append(augmented(self._crop(drawn[-1], rng), size, how, rng))
        slices = recoloured(torch.stack([s for s, _ in pairs]), how, rng)
        target = torch.stack([t for _, t in pairs]).long()
        place = torch.full((len(pairs),), UNKNOWN_PLACE)
        annotated = torch.from_numpy(np.stack([self.cases[number].annotated for number in drawn]))
        return Batch(slices.contiguous(memory_format=torch.channels_last), target, place, annotated)

    def _crop(self, number: int, rng: np.random.Generator) -> Crop:
        case = self.cases[number]
        rows, columns = case.target.shape[1:]
        if rng.random() < self.config.sampling.labelled:
            index = int(rng.choice(self.labelled[number]))
            held = np.argwhere((case.target[index] > 0) & (case.target[index] != IGNORE))
            middle = (held.min(axis=0) + held.max(axis=0)) / 2
            reach = np.array([self.config.sampling.rows, self.config.sampling.columns]) / 4
            centre = middle + rng.uniform(-reach, reach)
        else:
            index = int(rng.integers(case.target.shape[0]))
            centre = rng.uniform(0, [rows, columns])
        offset = context_offset(case.working.spacing_mm[0], self.config.preprocessing.context_mm)
        channels = self.config.preprocessing.channels
        slices = slices_with_context(case.working.array, np.array([index]), channels, offset)[0]
        crop = Crop(slices, case.target[index], (float(centre[0]), float(centre[1])))
        if rng.random() < self.config.augmentation.flip:
            crop = flipped(crop, self.config.preprocessing.plane, self.swap)
        return crop
