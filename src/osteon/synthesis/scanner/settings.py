"""GeneratorSettings: how far made slices vary; a table of a training recipe."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, field_validator

from osteon.synthesis.scanner.protocol import PROTOCOLS

Range = tuple[float, float]


class GeneratorSettings(BaseModel):
    """What varies from slice to slice, and how often; 0 switches a thing off.

    Contrast
        ``random_contrast``: share of slices whose tissues have random intensities (Billot et al. 2023, doi
        10.1016/j.media.2023.102789); the others follow one of ``protocols``. ``tied``: chance that all muscles share an
        intensity in a random contrast, and that all bones do. ``tissue_variation``: standard deviation of relaxation
        times and proton densities between cases. ``texture``: size of the variation within a tissue, 1 as usual.
    Place and shape
        ``regions``: weights of upper pelvis, hips, thigh, knee, calf, ankle and foot. ``rotation_degrees``,
        ``tilt_degrees``: standard deviations in the slice's plane and out of it. ``shift_mm``: largest shift of the
        middle. ``scaling``: standard deviation of size (log), ``stretch`` that of each axis against it.
        ``child_share``: share of adult bodies shrunk to children's size, down to ``child_size``.
        ``grown_share``: share of small patients seen in finer pixels, in which they look as large as up to an adult, as
        a model sees them that chooses among `Preprocessing.scales`. ``built_in_share``: share of built-in bodies where
        other people's bodies reach, too.
        ``deformation``: whether tissue is
        displaced smoothly, by ``deformation_mm`` (standard deviation) between knots ``knots_mm`` apart. ``flip``:
        chance of a mirror image, with sides exchanged. ``one_leg``: share of slices that show but one leg.
        ``cut_share``: share whose field of view ends within the body.
    Acquisition
        ``thickness_mm``, ``gap_share``: of slices, and the share of those with gaps. ``other_plane``: share of scans
        taken in coronal or sagittal slices. ``resolution_mm``: in-plane voxel edges scanned at. ``bias``: largest
        standard deviation of the coil's field (log). ``noise``: largest standard deviation, against the brightest
        tissue. ``chemical_shift_mm``: largest shift of fat. ``fourier_share``: share of slices with ghosts, motion,
        cut k-space. ``wrap_share``: share in which the picture folds over. ``masked_share``: share whose background
        was set to zero. ``end_share``: share of slices at an end of the coil, dimmed, or of the stack, without a
        neighbour. ``clip_share``: share with saturated or few grey levels.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    random_contrast: float = Field(default=0.35, ge=0, le=1)
    protocols: tuple[str, ...] = Field(default=tuple(PROTOCOLS), min_length=1)
    tied: float = Field(default=0.6, ge=0, le=1)
    tissue_variation: float = Field(default=0.08, ge=0, le=0.3)
    texture: float = Field(default=1.0, ge=0, le=5)

    regions: tuple[float, float, float, float, float, float] = (0.8, 1.4, 0.6, 0.9, 0.9, 0.5)
    rotation_degrees: float = Field(default=8.0, ge=0, le=180)
    tilt_degrees: float = Field(default=7.0, ge=0, le=45)
    shift_mm: float = Field(default=35.0, ge=0)
    scaling: float = Field(default=0.07, ge=0, le=0.5)
    stretch: float = Field(default=0.05, ge=0, le=0.3)
    child_share: float = Field(default=0.3, ge=0, le=1)
    child_size: float = Field(default=0.5, gt=0, le=1)
    grown_share: float = Field(default=0.0, ge=0, le=1)
    built_in_share: float = Field(default=0.5, ge=0, le=1)
    deformation: bool = True
    deformation_mm: float = Field(default=4.0, ge=0, le=15)
    knots_mm: float = Field(default=60.0, ge=20)
    flip: float = Field(default=0.5, ge=0, le=1)
    one_leg: float = Field(default=0.15, ge=0, le=1)
    cut_share: float = Field(default=0.15, ge=0, le=1)

    thickness_mm: Range = (0.5, 6.0)
    gap_share: float = Field(default=0.3, ge=0, le=1)
    other_plane: float = Field(default=0.15, ge=0, le=1)
    resolution_mm: Range = (0.6, 3.0)
    bias: float = Field(default=0.35, ge=0, le=2)
    noise: float = Field(default=0.07, ge=0, le=0.5)
    chemical_shift_mm: float = Field(default=2.5, ge=0, le=10)
    fourier_share: float = Field(default=0.25, ge=0, le=1)
    wrap_share: float = Field(default=0.04, ge=0, le=1)
    masked_share: float = Field(default=0.15, ge=0, le=1)
    end_share: float = Field(default=0.1, ge=0, le=1)
    clip_share: float = Field(default=0.1, ge=0, le=1)

    @field_validator("protocols")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in PROTOCOLS:
                raise ValueError(f"there is no protocol named {name}; known: {', '.join(PROTOCOLS)}")
        return names

    @field_validator("thickness_mm", "resolution_mm")
    @classmethod
    def _rising(cls, given: Range) -> Range:
        if not 0 < given[0] <= given[1]:
            raise ValueError("give the smaller of two positive numbers first")
        return given

    @field_validator("regions")
    @classmethod
    def _some(cls, weights: tuple[float, ...]) -> tuple[float, ...]:
        if min(weights) < 0 or sum(weights) <= 0:
            raise ValueError("weights are not negative and not all zero")
        return weights
