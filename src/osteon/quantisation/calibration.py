"""Slices that tell nncf the range of each activation: of a cohort's training scans, and of bodies in any contrast."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from osteon.cohort import Case, Cohort
from osteon.errors import UsageError
from osteon.networks.catalogue import STRIDE
from osteon.networks.forward import Batch, slice_batches
from osteon.networks.model import Model
from osteon.preprocessing import Preprocessing, working_volume
from osteon.synthesis.bodies import Bodies

FIELD_MM = (288.0, 432.0)
"""Rows and columns of a made slice: both thighs of an adult."""

GROWN_SHARE = 0.7
"""Of children's bodies shown as large as adults, for a model that looks at a scan in several scales."""


def scanned_slices(cohort: Cohort, cases: Sequence[Case], model: Model, most: int, seed: int) -> list[Batch]:
    """Slices with their neighbours as the network sees them, ``(1, channel, row, column)``, evenly from all scans.

    Parameters
    ----------
    cohort : Cohort
    cases : sequence of Case
        Each is looked at in one of the model's scales, in turn.
    model : Model
    most : int
        So many slices; fewer where the scans have no more.
    seed : int
        Which.
    """
    rng = np.random.default_rng(seed)
    scales = model.spec.preprocessing.scales
    looks = [(case, scale) for case in cases for scale in scales]
    each = -(-most // max(1, len(looks)))
    chosen: list[Batch] = []
    for case, scale in [looks[n] for n in rng.permutation(len(looks))[:most]]:
        how = model.spec.preprocessing.scaled(scale)
        working = working_volume(cohort.scan(case), how)
        wanted = set(rng.choice(working.shape[0], min(each, working.shape[0]), replace=False).tolist())
        chosen += [slices for indices, slices in slice_batches(working, how, 1) if int(indices[0]) in wanted]
    return chosen[:most]


def made_slices(bodies: Sequence[Bodies], model: Model, count: int, seed: int) -> list[Batch]:
    """The same of bodies, each slice in another place, size and contrast (`osteon.synthesis.scanner`).

    Parameters
    ----------
    bodies : sequence of Bodies
    model : Model
    count, seed : int

    Raises
    ------
    UsageError
        If made slices are not what the model is shown: axial, of square pixels, normalised by percentiles.
    TaskError
        If the bodies have no such structures.
    """
    from osteon.synthesis.scanner import GeneratorSettings, SliceGenerator  # torch, which takes seconds

    how = model.spec.preprocessing
    edge_mm = _edge_mm(how)
    rows, columns = (STRIDE * round(mm / edge_mm / STRIDE) for mm in FIELD_MM)
    generator = SliceGenerator(
        [body for folder in bodies for body in folder.bodies],
        GeneratorSettings(grown_share=GROWN_SHARE if len(how.scales) > 1 else 0.0),
        model.spec.classes,
        size=(rows, columns),
        spacing_mm=edge_mm,
        context_mm=how.context_mm,
        channels=how.channels,
    )
    slices = generator.batch(seed, count)[0].contiguous().numpy()
    return [slices[n : n + 1] for n in range(count)]


def _edge_mm(how: Preprocessing) -> float:
    edges = how.spacing_mm
    if how.plane != "axial" or how.normalisation != "percentile" or edges is None or edges[0] != edges[1]:
        raise UsageError(
            "Slices made from bodies are axial, of square pixels, normalised by percentiles, and this model sees "
            "others. Leave --bodies out."
        )
    return edges[0]
