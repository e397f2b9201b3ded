"""What lies between the muscles and the skin: fat of three kinds, bowel, bladder."""

from __future__ import annotations

import zlib

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from osteon.geometry import FloatArray
from osteon.synthesis.parts import BONES, CODE
from osteon.synthesis.templates.regions import Mask, closed_in_slices, distance_mm, hulls

SKIN_MM = 2.0
CLOSING_MM = 12.0
"""Gaps up to twice as wide between muscles are filled with intermuscular fat; what lies further out is subcutaneous."""
CAVITY_MM = 60.0
"""The trunk's wall may have gaps up to twice as wide and still close its cavity."""
ROOM_MM = 12.0
"""A disc of this radius fits into the cavity wherever viscera lie."""
OUTLET = 0.12
"""Height of the pelvic outlet above the ischia, as a share of the hip bone's."""
DISC_MM = 7.0
"""Half of the widest gap between two vertebrae."""
ARCH_MM = 4.0
"""Half of the widest gap in a vertebral arch."""
JOINT_MM = 4.0
"""Cartilage fills what is this close to two bones."""
SMALL_ROOM = 0.03
"""Rooms smaller than this share of the largest are none of the cavity."""
EVEN_MM = 5.0
"""Over how many mm along the body neighbouring slices are evened out."""
ARCH_OF_FOOT_MM = 20.0
"""A ball of this radius does not enter the arch of a foot."""
LOOP_MM = 9.0
"""Smoothness of the noise that tells loops of bowel from the fat around them."""
BLADDER_MM = (34.0, 26.0, 24.0)
"""Half axes of the bladder: right, front, up (about 90 cm3, half full)."""


def fill_soft_tissue(parts: NDArray[np.uint8], body: Mask, spacing_mm: tuple[float, float, float], name: str) -> None:
    """Give every voxel of the body that is air a tissue, in place.

    Parameters
    ----------
    parts : (i, j, k) uint8 ndarray
        Codes of bones and muscles, 0 elsewhere; axes to the right, front and up.
    body : (i, j, k) bool ndarray
        All that is not air, skin included.
    spacing_mm : (3,) tuple of float
    name : str
        Seed of the pattern of the viscera, so that each body has its own.
    """
    parts[~body] = CODE["air"]
    rind = body & (distance_mm(body, spacing_mm, in_slice=True) <= SKIN_MM)
    known = parts > 0
    inner = _evened(closed_in_slices(known, CLOSING_MM, spacing_mm), spacing_mm)
    empty = body & ~known
    cavity = empty & _cavity(parts, spacing_mm)
    parts[empty] = CODE["subcutaneous-fat"]
    parts[empty & inner] = CODE["intermuscular-fat"]
    _fill_cavity(parts, cavity, spacing_mm, name)
    parts[rind & ~np.isin(parts, [CODE[bone] for bone in BONES])] = CODE["skin"]


def _cavity(parts: NDArray[np.uint8], spacing_mm: tuple[float, float, float]) -> Mask:
    """Wide rooms within the trunk's wall, from the hip joints up."""
    pelvis = np.flatnonzero((parts == CODE["pelvis"]).any(axis=(0, 1)))
    result = np.zeros(parts.shape, dtype=np.bool_)
    if not len(pelvis):
        return result
    floor = int(pelvis[0] + OUTLET * (pelvis[-1] - pelvis[0]))
    known = parts[:, :, floor:] > 0
    room = closed_in_slices(known, CAVITY_MM, spacing_mm)
    crest = int(pelvis[-1]) - floor
    room[:, :, crest:] = hulls(known, crest)[:, :, crest:]  # above the hip bones the wall is thin, but round
    room &= ~known
    core = cc3d.connected_components(distance_mm(room, spacing_mm) > ROOM_MM, connectivity=6)
    if core.any():
        sizes = np.bincount(core.ravel())
        sizes[0] = 0
        large = (sizes > SMALL_ROOM * sizes.max())[core]
        reached = distance_mm(~large, spacing_mm) <= ROOM_MM
        result[:, :, floor:] = _evened(room & reached, spacing_mm) & ~known
    return result


def fill_feet(parts: NDArray[np.uint8], sides: NDArray[np.uint8], spacing_mm: tuple[float, float, float]) -> None:
    """Muscle and sole in the arch of each foot and between its bones; in place, sides included."""
    for side in (1, 2):
        bone = (parts == CODE["foot-bone"]) & (sides == side)
        found = ndimage.find_objects(bone.astype(np.uint8))
        if not found:
            continue
        flesh = _closed(bone[found[0]], ARCH_OF_FOOT_MM, spacing_mm) & (parts[found[0]] == 0)
        parts[found[0]][flesh] = CODE["foot-muscle"]
        sides[found[0]][flesh] = side


def _closed(mask: Mask, radius_mm: float, spacing_mm: tuple[float, float, float]) -> Mask:
    """Morphological closing by a ball."""
    room = _voxels(radius_mm, spacing_mm)
    grown = distance_mm(~np.pad(mask, room), spacing_mm) <= radius_mm
    return (distance_mm(grown, spacing_mm) > radius_mm)[room:-room, room:-room, room:-room]


def _voxels(radius_mm: float, spacing_mm: tuple[float, float, float]) -> int:
    """Voxels of a margin that a ball does not leave."""
    return int(np.ceil(radius_mm / min(spacing_mm))) + 2


def _evened(mask: Mask, spacing_mm: tuple[float, float, float]) -> Mask:
    """A mask made slice by slice, without what differs from the slices above and below."""
    return np.asarray(ndimage.gaussian_filter1d(mask.astype(np.float32), EVEN_MM / spacing_mm[2], axis=2) > 0.5)


def fill_spine(parts: NDArray[np.uint8], spacing_mm: tuple[float, float, float]) -> None:
    """Discs between the vertebrae and the canal behind them, where they are left empty; in place.

    The canal is what the arches enclose within a slice, and what lies between two such places.
    """
    found = ndimage.find_objects(np.isin(parts, [CODE["spine"], CODE["sacrum"]]).astype(np.uint8))
    if not found:
        return
    near = parts[found[0]]
    bone = np.isin(near, [CODE["spine"], CODE["sacrum"]])
    closed = _closed(bone, DISC_MM, spacing_mm) & (near == 0)
    ring = closed_in_slices(bone, ARCH_MM, spacing_mm) & (near == 0)
    steps = round(2 * DISC_MM / spacing_mm[2])
    between = ndimage.binary_closing(ring, np.ones((1, 1, 2 * steps + 1)))  # loses what is near the ends
    canal = (ring | between) & (near == 0)
    near[closed] = CODE["disc"]
    near[canal] = CODE["canal"]


def fill_joints(parts: NDArray[np.uint8], values: NDArray[np.uint8], spacing_mm: tuple[float, float, float]) -> None:
    """Cartilage between bones of different labels, and hip bone and sacrum, where they all but touch; in place."""
    bones = [values == value for value in np.unique(values) if value] + [parts == CODE["sacrum"]]
    near = np.zeros(parts.shape, dtype=np.uint8)
    room = _voxels(JOINT_MM, spacing_mm)
    for bone in bones:
        found = ndimage.find_objects(bone.astype(np.uint8))
        if found:
            box = tuple(slice(max(0, s.start - room), s.stop + room) for s in found[0])
            near[box] += distance_mm(~bone[box], spacing_mm) <= JOINT_MM
    parts[(near > 1) & (parts == 0)] = CODE["cartilage"]


def _fill_cavity(parts: NDArray[np.uint8], cavity: Mask, spacing_mm: tuple[float, float, float], name: str) -> None:
    """Loops of bowel, solid viscera, gas and a bladder in visceral fat."""
    if not cavity.any():
        return
    random = np.random.default_rng(zlib.crc32(name.encode()))
    noise = [_smooth_noise(random, cavity.shape, LOOP_MM / np.array(spacing_mm)) for _ in range(2)]
    parts[cavity] = CODE["visceral-fat"]
    parts[cavity & (noise[0] > 0.0)] = CODE["viscera"]
    parts[cavity & (np.abs(noise[0]) > 0.5) & (noise[1] > 0.0)] = CODE["bowel"]
    parts[cavity & (noise[0] > 1.4) & (noise[1] > 0.8)] = CODE["gas"]
    bladder = _bladder(parts == CODE["pelvis"], cavity, spacing_mm)
    parts[bladder] = CODE["bladder"]


def _smooth_noise(random: np.random.Generator, shape: tuple[int, ...], sigma: FloatArray) -> NDArray[np.float32]:
    """Noise of standard deviation one."""
    noise = ndimage.gaussian_filter(random.standard_normal(shape, dtype=np.float32), sigma)
    return np.asarray(noise / noise.std(), dtype=np.float32)


def _bladder(pelvis: Mask, cavity: Mask, spacing_mm: tuple[float, float, float]) -> Mask:
    """An ellipsoid behind and above the symphysis, as far as the cavity reaches."""
    at = np.argwhere(pelvis) * spacing_mm
    middle = at[:, 0].mean()
    height = at[:, 2].min() + 0.45 * np.ptp(at[:, 2])
    front = at[np.abs(at[:, 2] - at[:, 2].min() - 0.25 * np.ptp(at[:, 2])) < 10, 1].max()
    centre = np.array([middle, front - 1.3 * BLADDER_MM[1], height])
    axes = np.ogrid[tuple(slice(n) for n in pelvis.shape)]
    square = sum(((x * s - c) / r) ** 2 for x, s, c, r in zip(axes, spacing_mm, centre, BLADDER_MM, strict=True))
    return np.asarray(cavity & (square < 1.0), dtype=np.bool_)
