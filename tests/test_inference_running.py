"""Batches that OpenVINO works on side by side are answered in their order, as one by one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from models import brightness_model
from osteon.inference.compiled import openvino_network
from osteon.inference.engine import Engine, as_bytes
from osteon.inference.running import Compiled
from osteon.networks.forward import Batch


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    return Compiled(openvino_network(brightness_model(tmp_path_factory.mktemp("model") / "model")))


def batches(count: int) -> list[Batch]:
    """Of several sizes, so that a mixed-up order shows."""
    rng = np.random.default_rng(0)
    return [rng.random((1 + n % 2, 3, 32, 32 + 32 * (n % 3)), dtype=np.float32) for n in range(count)]


def test_answers_are_the_softmax_of_the_logits_in_bytes_and_in_order(network: Compiled) -> None:
    shown = batches(13)
    found = [answer.copy() for answer in network.answers(shown)]
    plainly = list(Engine("one by one", network.logits).answered(shown))
    assert [a.shape for a in found] == [(len(b), 3, *b.shape[2:]) for b in shown]
    for one, other in zip(found, plainly, strict=True):
        assert one.dtype == other.dtype == np.uint8
        assert np.abs(one.astype(int) - other).max() <= 1
    assert any(answer.min() == 0 and answer.max() == 255 for answer in found)


def test_batches_are_prepared_while_others_are_worked_on(network: Compiled) -> None:
    taken: list[int] = []

    def shown() -> Iterator[Batch]:
        for number, batch in enumerate(batches(10)):
            taken.append(number)
            yield batch

    next(iter(network.answers(shown())))
    assert len(taken) > 1


def test_who_stops_in_the_middle_can_begin_again(network: Compiled) -> None:
    shown = batches(8)
    answers = network.answers(shown)
    first = next(answers).copy()
    answers.close()  # type: ignore[attr-defined]
    again = [answer.copy() for answer in network.answers(shown)]
    np.testing.assert_array_equal(again[0], first)
    assert len(again) == len(shown)


def test_bytes_are_of_probabilities_that_add_up() -> None:
    logits = np.random.default_rng(0).normal(0, 5, (2, 4, 8, 8)).astype(np.float32)
    before = logits.copy()
    assert np.abs(as_bytes(logits).sum(axis=1, dtype=int) - 255).max() <= 2
    np.testing.assert_array_equal(logits, before)
