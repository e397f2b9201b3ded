"""SliceGenerator: batches of made slices to train on, a function of the seed alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from osteon.errors import UsageError
from osteon.synthesis.body import BUILT_IN, Body
from osteon.synthesis.scanner.acquisition import COIL_KNOTS, Acquisition
from osteon.synthesis.scanner.cutting import cut
from osteon.synthesis.scanner.fields import alike
from osteon.synthesis.scanner.look import randomised, realistic
from osteon.synthesis.scanner.planes import draw_height, draw_offsets, draw_patient, draw_plane
from osteon.synthesis.scanner.prepared import PreparedBody
from osteon.synthesis.scanner.settings import GeneratorSettings
from osteon.synthesis.scanner.signals import brightest_signal, signals, texture_knots
from osteon.synthesis.scanner.threads import one_thread

REGIONS = ((0.0, 0.23), (0.23, 0.35), (0.35, 0.52), (0.52, 0.66), (0.66, 0.87), (0.87, 1.0))
"""Upper pelvis, hips with pubis and ischium, thigh, knee, calf, ankle and foot, as positions along the body."""


class SliceGenerator:
    """Makes axial MR slices with their neighbours and classes from bodies.

    Every batch is balanced over the regions of the body, built-in bodies and other people's, the sources of the others,
    and the bodies of a source.

    Parameters
    ----------
    bodies : sequence of Body
    settings : GeneratorSettings
    classes : sequence of str
        Structures of the bodies' task that become classes 1, 2, and so on; with a structure also its mirror partner.
    size : (2,) tuple of int
        Rows (to the back) and columns (to the left) of a slice.
    spacing_mm : float
        Of its pixels.
    context_mm : float
        Distance at which neighbouring slices are taken, as `osteon.preprocessing.Preprocessing` has it.
    channels : int
        Odd.
    ignore : int
        Class of places that teach nothing: those beyond the ends of a body that goes on.
    device : str
        Where slices are made. The same seed gives the same slices on every kind of device, but for their noise.

    Raises
    ------
    UsageError
        If there is no body, or none that reaches into a region with a weight.
    TaskError
        If a class is unknown, or its mirror partner is no class.
    """

    def __init__(
        self,
        bodies: Sequence[Body],
        settings: GeneratorSettings,
        classes: Sequence[str],
        *,
        size: tuple[int, int] = (208, 208),
        spacing_mm: float = 2.0,
        context_mm: float = 4.0,
        channels: int = 3,
        ignore: int = 255,
        device: str = "cpu",
    ) -> None:
        if not bodies:
            raise UsageError("A slice generator needs at least one body.")
        self.settings, self.size, self.spacing_mm = settings, size, spacing_mm
        self.context_mm, self.channels, self.device = context_mm, channels, torch.device(device)
        self.swap = torch.from_numpy(bodies[0].labels.task.mirrored_classes(classes)).to(self.device)
        self.bodies = [PreparedBody.of(body, classes, ignore=ignore).to(self.device) for body in bodies]
        self.by_region = [_by_source(self.bodies, span) for span in REGIONS]
        weights = np.array([w * any(held) for w, held in zip(settings.regions, self.by_region, strict=True)])
        if weights.sum() == 0:
            raise UsageError("None of the bodies reaches into a region of the body that has a weight.")
        self.weights = weights / weights.sum()

    def batch(self, seed: int | Sequence[int] | np.random.Generator, batch: int) -> tuple[Tensor, Tensor, Tensor]:
        """Make a batch.

        Parameters
        ----------
        seed : int, sequence of int, or Generator
        batch : int

        Returns
        -------
        slices : (batch, channel, row, column) float32 Tensor, channels last
            0 to 1.5, as `osteon.preprocessing.normalise` by percentiles leaves a scan.
        target : (batch, row, column) int64 Tensor
        position : (batch,) float32 Tensor
            Of the slice's middle along the body, 0 iliac crest to 1 sole.
        """
        rng = np.random.default_rng(seed)
        with one_thread():
            made = [self.one(rng) for _ in range(batch)]
        slices = torch.stack([m[0] for m in made]).contiguous(memory_format=torch.channels_last)
        target = torch.stack([m[1] for m in made]).long()
        return slices, target, torch.tensor([m[2] for m in made], dtype=torch.float32, device=self.device)

    def one(self, rng: np.random.Generator) -> tuple[Tensor, Tensor, float]:
        """Make one slice: ``(channel, row, column)`` float32, ``(row, column)`` uint8, position."""
        how = self.settings
        region = int(rng.choice(len(REGIONS), p=self.weights))
        body = self.draw_body(region, rng)
        height = draw_height(body, REGIONS[region], rng)
        patient = draw_patient(body, how, rng)
        if rng.random() < how.random_contrast:
            look = randomised(how, rng)
        else:
            look = realistic(str(rng.choice(how.protocols)), patient.age_years, how, rng)
        spacing_mm = self.spacing_mm / patient.zoom
        picture_mm = (self.size[0] * spacing_mm, self.size[1] * spacing_mm)
        offsets = draw_offsets(self.channels, self.context_mm, spacing_mm, how, rng)
        plane = draw_plane(body, height, patient.size, picture_mm, offsets, how, rng)
        acquisition = Acquisition.draw(how, self.size, spacing_mm, rng)
        materials, target = cut(body, plane, self.size, spacing_mm)
        texture = alike(self.channels, texture_knots(picture_mm, rng), 0.5, rng)
        signal = signals(materials, look, how.texture, texture, rng)
        shown = window(plane.window_mm, self.size, spacing_mm, self.device)
        signal = signal * shown
        target = target * shown.to(torch.uint8)
        if plane.mirrored:
            target = self.swap.index_select(0, target.reshape(-1).int()).view(self.size)
        spots = body.spots_near(height, float(rng.uniform(60, 300)))
        brightest = brightest_signal(spots, look, acquisition.bias, rng)
        slices = acquisition.taken(signal, alike(self.channels, COIL_KNOTS, 0.15, rng), brightest, rng)
        if acquisition.wrap is not None:
            # what folds over shows no anatomy in its place; what lies beyond is not in the picture
            target = _only_visible(target, *acquisition.wrap)
        return slices, target, float(body.position(np.array([height]))[0])

    def draw_body(self, region: int, rng: np.random.Generator) -> PreparedBody:
        """Draw a body that holds one of `REGIONS`."""
        built_in, others = self.by_region[region]
        if built_in and (not others or rng.random() < self.settings.built_in_share):
            return self.bodies[int(rng.choice(built_in))]
        of_source = others[int(rng.integers(len(others)))]
        return self.bodies[int(rng.choice(of_source))]


def window(edges_mm: list[float], size: tuple[int, int], spacing_mm: float, device: torch.device) -> Tensor:
    """Pixels within edges (along a row, down a column) about the picture's middle: ``(row, column)`` bool."""
    down, along = ((torch.arange(n, device=device) - (n - 1) / 2) * spacing_mm for n in size)
    return ((down >= edges_mm[2]) & (down <= edges_mm[3]))[:, None] & ((along >= edges_mm[0]) & (along <= edges_mm[1]))


def _by_source(bodies: list[PreparedBody], span: tuple[float, float]) -> tuple[list[int], list[list[int]]]:
    """Numbers of the bodies that hold a region: the built-in ones, and the others grouped by source."""
    held = [(b.source, n) for n, b in enumerate(bodies) if b.holds(span)]
    others = sorted({source for source, _ in held} - {BUILT_IN})
    return [n for source, n in held if source == BUILT_IN], [[n for s, n in held if s == source] for source in others]


def _only_visible(target: Tensor, axis: int, visible: int) -> Tensor:
    first = (target.shape[axis] - visible) // 2
    result = torch.zeros_like(target)
    result.narrow(axis, first, visible).copy_(target.narrow(axis, first, visible))
    return result
