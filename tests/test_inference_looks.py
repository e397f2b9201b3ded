"""Several looks are a mean of shifted answers, never mirrored; off unless asked for."""

from __future__ import annotations

import numpy as np
import pytest

from osteon.errors import UsageError
from osteon.inference.engine import Engine
from osteon.inference.looks import SHIFTS, shifted, with_looks


def softmax(logits: np.ndarray) -> np.ndarray:
    likely = np.exp(logits)
    return np.asarray(likely / likely.sum(axis=1, keepdims=True))


def own_pixel(seen: np.ndarray) -> np.ndarray:
    """A network without context: each pixel is answered by its own brightness."""
    return np.concatenate([np.zeros_like(seen[:, :1]), seen[:, :1]], axis=1)


def by_column(seen: np.ndarray) -> np.ndarray:
    """A network that knows nothing but the place on its grid, as one that answers in steps of 4 pixels does."""
    wave = np.broadcast_to((np.arange(seen.shape[-1]) % 4).astype(np.float32), seen[:, :1].shape)
    return np.concatenate([np.zeros_like(wave), wave], axis=1)


def test_a_network_that_does_not_care_for_places_answers_as_with_one_look() -> None:
    seen = np.random.default_rng(0).standard_normal((2, 3, 32, 64)).astype(np.float32)
    found = with_looks(Engine("x", own_pixel), 5).logits(seen)
    inner = (slice(None), slice(None), slice(5, -5), slice(5, -5))
    np.testing.assert_allclose(softmax(found)[inner], softmax(own_pixel(seen))[inner], atol=1e-6)


def test_no_look_is_mirrored() -> None:
    heard: list[np.ndarray] = []

    def hears(seen: np.ndarray) -> np.ndarray:
        heard.append(seen)
        return own_pixel(seen)

    ramp = np.broadcast_to(np.arange(64, dtype=np.float32), (1, 1, 32, 64))
    with_looks(Engine("x", hears), len(SHIFTS)).logits(ramp)
    assert len(heard) == len(SHIFTS)
    assert all((np.diff(one, axis=-1) >= 0).all() for one in heard)


def test_what_hangs_on_the_networks_grid_is_evened_out() -> None:
    seen = np.zeros((1, 1, 32, 64), np.float32)
    once, often = (softmax(with_looks(Engine("x", by_column), n).logits(seen))[0, 1, 16, 8:-8] for n in (1, 5))
    assert np.std(often) < 0.8 * np.std(once)


def test_shifting_there_and_back_leaves_all_but_the_edge() -> None:
    seen = np.random.default_rng(1).random((2, 1, 9, 11)).astype(np.float32)
    back = shifted(shifted(seen, 2, -3), -2, 3)
    np.testing.assert_array_equal(back[..., :-2, 3:], seen[..., :-2, 3:])


def test_one_look_is_the_engine_itself_and_six_are_refused() -> None:
    engine = Engine("x", own_pixel)
    assert with_looks(engine, 1) is engine
    for looks in (0, 6):
        with pytest.raises(UsageError, match=f"1 to 5 times, not {looks}"):
            with_looks(engine, looks)
    with pytest.raises(UsageError, match="nnU-Net"):
        with_looks(Engine("x", own_pixel, whole=lambda scan: None), 2)  # type: ignore[arg-type,return-value]
