"""ImageNet weights from a file: shown what the encoder will see, kept while it is frozen, trained once it is thawed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from osteon.io.checksum import sha256
from osteon.networks import imagenet
from osteon.training.checkpoint import Progress
from osteon.training.data import Sampler
from osteon.training.session import Session
from test_networks_keras import folded
from test_training import CASES, SMALL, config


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "folded.npz"
    np.savez(path, **folded(8))
    return path


def encoder(session: Session) -> dict[str, Tensor]:
    return {n: w.clone() for n, w in session.network.state_dict().items() if n.startswith("encoder.")}


def same(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return all(torch.equal(w, other[n]) for n, w in one.items() if not n.endswith("num_batches_tracked"))


def test_weights_from_a_file_are_shown_crops_stay_frozen_and_are_then_trained(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    how = config(
        network={"name": "mobilenetv2-unet", "width": 8},
        encoder={"weights": str(weights), "frozen_epochs": 1},
        sampling=SMALL,
        epochs=2,
        steps=2,
        optimiser={"warmup_epochs": 0},
    )
    shown: list[Tensor | None] = []
    load = imagenet.load_folded

    def watched(network: object, path: Path, pictures: Tensor | None) -> None:
        shown.append(pictures)
        load(network, path, pictures)  # type: ignore[arg-type]

    monkeypatch.setattr(imagenet, "load_folded", watched)
    session, source, progress = Session(how, "cpu"), Sampler(CASES, how), Progress()
    assert session.start(source) == sha256(weights)
    assert shown[0] is not None
    assert torch.equal(shown[0], source.batch(0, 0).slices)
    loaded = encoder(session)
    session.epoch(source, CASES[:1], progress)
    assert same(loaded, encoder(session)), "frozen, batch statistics too"
    session.epoch(source, CASES[:1], progress)
    assert not same(loaded, encoder(session))
    assert all(torch.isfinite(w).all() for w in encoder(session).values() if w.is_floating_point())


@pytest.mark.realdata
def test_the_real_weights_train(data: Path) -> None:
    path = data / "weights" / "mobilenetv2_imagenet_bn_folded.npz"
    how = config(
        network={"name": "mobilenetv2-unet"},
        encoder={"weights": str(path)},
        sampling=SMALL,
        optimiser={"warmup_epochs": 0},
    )
    session, source = Session(how, "cpu"), Sampler(CASES, how)
    session.start(source)
    session.network.train()
    seen = source.batch(0, 0)
    losses = [session._learn(seen, step) for step in range(6)]
    assert losses[-1] < losses[0]
