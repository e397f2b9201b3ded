"""The leg model's network, and the study's whole way from scan to meshes, as others would run them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from osteon.bench.denoising import AXIS, SHARE, by_scipy
from osteon.bench.inputs import LEG_MODEL, leg_scan
from osteon.bench.measured import Asked, Comparison, Way, alternately
from osteon.inference import Engine, engine_for, predict_classes
from osteon.inference.running import Bytes
from osteon.masks import surfaces_of
from osteon.networks.catalogue import STRIDE
from osteon.networks.forward import Batch
from osteon.networks.model import Model
from osteon.postprocessing import denoise_slices
from osteon.preprocessing import normalise, slices_with_context
from osteon.volume import LabelMap, Volume

SHAPE = (512, 512, 100)
BATCH = 32
"""Slices that the study gave to its network at once."""

WINDOW, OVERLAP = (160, 160), 0.25
"""Of MONAI's sliding window; the overlap is its default."""

Classes = NDArray[np.uint8]


def network(asked: Asked, folder: Path, shape: tuple[int, int, int] = SHAPE) -> Comparison:
    """From a scan in memory to the class of each of its voxels: ours, eager torch, MONAI's sliding window."""
    scan, model = leg_scan(shape, asked.seed), Model.load(asked.model or LEG_MODEL)
    engine = engine_for(model, asked.engine)
    ways = [
        Way(f"osteon, {engine.name}", lambda: predict_classes(scan, model, engine)),
        Way(f"eager torch, whole slices, batches of {BATCH}", lambda: eagerly(scan, model)),
        Way("eager torch in MONAI's sliding windows", lambda: eagerly(scan, model, windows=True)),
    ]
    notes = (
        "The others see the whole slice where ours sees the box of the body, and one scale of the model where ours "
        "compares several; all have the same weights and pixels.",
    )
    done = alternately(f"{_size(shape)} voxels of both legs, {model.spec.name}", ways, asked.repeats, notes=notes)
    alone_s = _alone(scan, model, engine, asked.repeats)
    share = alone_s / done.wall_s[ways[0].name]
    note = f"Of ours, the engine alone takes {alone_s:.3f} s for what it was shown, a share of {share:.0%}."
    return replace(done, notes=(*done.notes, note))


def _alone(scan: Volume, model: Model, engine: Engine, repeats: int) -> float:
    """Median time of an engine for the batches that it is shown of a scan, prepared beforehand."""
    shown: list[Batch] = []

    def listening(batches: Iterable[Batch]) -> Iterator[Bytes]:
        for seen in batches:
            shown.append(seen)
            yield from engine.answered([seen])

    predict_classes(scan, model, replace(engine, answers=listening))
    way = Way("engine", lambda: sum(len(answer) for answer in engine.answered(shown)))
    return alternately("the engine alone", [way], repeats).wall_s["engine"]


def study(asked: Asked, folder: Path, shape: tuple[int, int, int] = SHAPE) -> Comparison:
    """From a scan in memory to meshes, with the study's denoising: ours, and its libraries used by their defaults."""
    scan, model = leg_scan(shape, asked.seed), Model.load(asked.model or LEG_MODEL)
    engine, task = engine_for(model, asked.engine), model.task
    values = np.zeros(len(model.spec.classes) + 1, dtype=np.uint8)
    for number, value in task.value_of_class(model.spec.classes).items():
        values[number] = value

    def ours() -> object:
        labels = denoise_slices(values[predict_classes(scan, model, engine).array], AXIS, SHARE)
        return surfaces_of(LabelMap(labels, scan.affine, task=task))

    def theirs() -> object:
        from skimage.measure import marching_cubes

        labels = by_scipy(values[eagerly(scan, model)], AXIS, SHARE)
        return [marching_cubes(np.pad(labels == v, 1), 0.5, spacing=scan.spacing_mm) for v in np.unique(labels)[1:]]

    ways = [Way(f"osteon, {engine.name}", ours), Way("eager torch, PIL, scipy, skimage", theirs)]
    title = f"from a scan of {_size(shape)} voxels to meshes, with denoising slice by slice"
    return alternately(title, ways, asked.repeats)


def eagerly(scan: Volume, model: Model, *, windows: bool = False) -> Classes:
    """Classes as in the study: each slice resized by PIL, the network in eager mode, answers resized back.

    Parameters
    ----------
    scan : Volume
        Axes to the left, to the back and up, as those of `leg_scan`.
    model : Model
        Of axial slices.
    windows : bool
        Whether the network sees windows of a slice, put together by MONAI.
    """
    import torch

    how, module = model.spec.preprocessing, model.network()
    edges = how.spacing_mm or scan.spacing_mm[:2]
    sides = [round(n * s / e) for n, s, e in zip(scan.shape, scan.spacing_mm, edges, strict=False)]
    columns, rows = (-(-side // STRIDE) * STRIDE for side in sides)
    grey = normalise(scan.array, how.normalisation)
    # the network's rows run to the back and its columns to the left, as the scan's second and first axis
    pictures = (grey[:, :, k].T for k in range(grey.shape[2]))
    small = np.stack([_resized(picture, (rows, columns), Image.Resampling.BILINEAR) for picture in pictures])
    offset = max(1, round(how.context_mm / scan.spacing_mm[2]))
    run: Callable[[Any], Any] = module
    if windows:
        from monai.inferers import SlidingWindowInferer

        inferer = SlidingWindowInferer(WINDOW, sw_batch_size=BATCH, overlap=OVERLAP)
        run = lambda seen: inferer(seen, module)  # noqa: E731
    result = np.empty(scan.shape, dtype=np.uint8, order="F")
    for start in range(0, len(small), BATCH):
        indices = np.arange(start, min(start + BATCH, len(small)))
        with torch.inference_mode():
            logits = run(torch.from_numpy(slices_with_context(small, indices, how.channels, offset)))
        answer = torch.softmax(logits, dim=1).argmax(dim=1).to(torch.uint8).numpy()
        for k, picture in zip(indices, answer, strict=True):
            result[:, :, k] = _resized(picture, scan.shape[1::-1], Image.Resampling.NEAREST).T
    return result


def _resized(picture: NDArray[Any], shape: tuple[int, ...], way: Image.Resampling) -> NDArray[Any]:
    return np.asarray(Image.fromarray(picture).resize((shape[1], shape[0]), way))


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(str(n) for n in shape)
