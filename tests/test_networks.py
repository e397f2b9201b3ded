"""Networks have torchvision's names, weights are checked before they are used, a model folder is whole or refused."""

from __future__ import annotations

import hashlib
import pickle
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from osteon.anatomy import Task
from osteon.errors import ModelError, UsageError
from osteon.inference import engine_for
from osteon.networks import NAMES, build
from osteon.networks.encoder import Published
from osteon.networks.forward import slice_batches
from osteon.networks.imagenet import load_imagenet
from osteon.networks.model import Model, write_model
from osteon.networks.resnet import ResNetEncoder
from osteon.preprocessing import Preprocessing
from osteon.volume import Volume
from small_models import random_model, spec


def imagenet_like(seed: int = 0) -> dict[str, torch.Tensor]:
    """What torchvision's file holds: a classifier too, and no batch counters, which are younger than the file."""
    torch.manual_seed(seed)
    weights = {n: torch.rand_like(w) for n, w in ResNetEncoder().state_dict().items() if w.is_floating_point()}
    return weights | {"fc.weight": torch.rand(1000, 512), "fc.bias": torch.rand(1000)}


@pytest.mark.parametrize(("channels", "classes", "width"), [(3, 2, 8), (1, 5, 16), (5, 3, 8)])
def test_logits_have_the_size_of_the_slices(channels: int, classes: int, width: int) -> None:
    network = build("resnet34-unet", in_channels=channels, classes=classes, width=width).eval()
    with torch.inference_mode():
        assert network(torch.rand(2, channels, 64, 96)).shape == (2, classes, 64, 96)


def test_an_unknown_network_is_refused() -> None:
    with pytest.raises(ModelError, match=f"Known: {', '.join(NAMES)}"):
        build("transformer", in_channels=3, classes=2)


def test_encoder_halves_its_features() -> None:
    with torch.inference_mode():
        features = ResNetEncoder(width=8).eval()(torch.rand(1, 3, 64, 128))
    assert [tuple(f.shape[1:]) for f in features] == [
        (8, 32, 64), (8, 16, 32), (16, 8, 16), (32, 4, 8), (64, 2, 4),
    ]  # fmt: skip


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_imagenet_weights_load_by_path(tmp_path: Path, suffix: str) -> None:
    weights, path = imagenet_like(), tmp_path / f"resnet34{suffix}"
    torch.save(weights, path) if suffix == ".pth" else save_file(weights, path)
    encoder = ResNetEncoder()
    assert load_imagenet(encoder, str(path)) == hashlib.sha256(path.read_bytes()).hexdigest()
    for name, value in encoder.state_dict().items():
        if value.is_floating_point():
            assert torch.equal(value, weights[name]), name


class Payload:
    def __init__(self, touched: Path) -> None:
        self.touched = touched

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.touched,)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_with_code_is_refused_and_does_not_run(tmp_path: Path, zipped: bool) -> None:
    path, touched = tmp_path / "evil.pth", tmp_path / "touched"
    content = imagenet_like() | {"conv1.weight": Payload(touched)}
    torch.save(content, path) if zipped else path.write_bytes(pickle.dumps(Payload(touched)))
    with pytest.raises(ModelError, match="not a weight file"):
        load_imagenet(ResNetEncoder(), str(path))
    assert not touched.exists()


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_damaged_weight_file_is_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"resnet34{suffix}"
    path.write_bytes(b"not weights at all")
    with pytest.raises(ModelError, match="not a weight file"):
        load_imagenet(ResNetEncoder(), str(path))


def test_another_width_or_number_of_channels_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "resnet34.safetensors"
    save_file(imagenet_like(), path)
    for encoder in (ResNetEncoder(width=32), ResNetEncoder(in_channels=1)):
        before = {n: w.clone() for n, w in encoder.state_dict().items()}
        with pytest.raises(ModelError, match=r"first conv1.weight.*width 64 and 3 input channels"):
            load_imagenet(encoder, str(path))
        assert all(torch.equal(w, before[n]) for n, w in encoder.state_dict().items())


def test_a_missing_weight_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no ImageNet weight file"):
        load_imagenet(ResNetEncoder(), str(tmp_path / "none.pth"))


def test_offline_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_: object, **__: object) -> None:
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr(urllib.request, "urlopen", offline)
    with pytest.raises(ModelError, match=r"may be offline: fetch https://download.pytorch.org.*encoder"):
        load_imagenet(ResNetEncoder(), "download", cache=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_download_with_another_checksum_is_removed(tmp_path: Path) -> None:
    (tmp_path / "resnet34-b627a593.pth").write_bytes(b"a proxy's login page")
    with pytest.raises(ModelError, match="another SHA-256"):
        load_imagenet(ResNetEncoder(), "download", cache=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_download_of_the_right_checksum_is_used_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.save(imagenet_like(), tmp_path / "sent")
    sent = (tmp_path / "sent").read_bytes()
    digest = hashlib.sha256(sent).hexdigest()
    encoder = ResNetEncoder()
    encoder.published = Published(f"https://nowhere.invalid/resnet34-{digest[:8]}.pth", 64, "fc.")
    monkeypatch.setattr(urllib.request, "urlopen", lambda *_, **__: (tmp_path / "sent").open("rb"))
    assert load_imagenet(encoder, "download", cache=tmp_path / "cache") == digest
    monkeypatch.delattr(urllib.request, "urlopen")  # the second time it lies in the cache
    assert load_imagenet(encoder, "download", cache=tmp_path / "cache") == digest


@pytest.mark.parametrize(
    "preprocessing",
    [
        Preprocessing(),
        Preprocessing(plane="axial", spacing_mm=None, channels=1, region="none"),
        Preprocessing(size=(256, 128, 32), spacing_mm=None, normalisation="z-score"),
    ],
    ids=["default", "own-spacing", "fixed-size"],
)
def test_a_model_read_again_is_the_model_that_was_written(tmp_path: Path, preprocessing: Preprocessing) -> None:
    made = random_model(tmp_path / "tiny", preprocessing=preprocessing)
    again = Model.load(tmp_path / "tiny")
    assert again.spec == made.spec
    assert again.spec.preprocessing == preprocessing
    assert again.card() == "# Tiny\n"
    assert again.task.name == "lumbar-spine"
    stored = load_file(tmp_path / "tiny" / "weights.safetensors")
    assert {w.dtype for w in stored.values()} == {torch.float16, torch.int64}
    network = again.network()
    assert not network.training
    assert all(p.dtype == torch.float32 for p in network.parameters())
    for name, value in network.state_dict().items():
        assert torch.equal(value.to(stored[name].dtype), stored[name])


def test_a_model_of_a_users_own_task_is_read_again(tmp_path: Path) -> None:
    own = Task.load("lumbar-spine").model_copy(update={"name": "my-spine"})
    described = spec(task="my-spine")
    write_model(tmp_path / "tiny", described, described.network_module().state_dict(), "", own)
    assert Model.load(tmp_path / "tiny").task == own


def test_numbers_too_large_for_float16_are_kept(tmp_path: Path) -> None:
    described = spec()
    weights = described.network_module().state_dict()
    weights["encoder.bn1.running_var"] = torch.full_like(weights["encoder.bn1.running_var"], 1e6)
    network = write_model(tmp_path / "tiny", described, weights, "").network()
    assert (network.state_dict()["encoder.bn1.running_var"] == 1e6).all()


def test_tampered_weights_are_refused(tmp_path: Path) -> None:
    model = random_model(tmp_path / "tiny")
    path = tmp_path / "tiny" / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(ModelError, match="another SHA-256"):
        model.network()


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    random_model(tmp_path / "tiny")
    path = tmp_path / "tiny" / "model.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("width = 8", "width = 16"), encoding="utf-8")
    with pytest.raises(ModelError, match="does not fit the network"):
        Model.load(tmp_path / "tiny").network()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("format = 1", "format = 2", "format"),
        ("licence", "license", "licence"),
        ("width = 8", "width = 'wide'", "network.width"),
        ("[network]", "[network", "cannot be used"),
    ],
)
def test_a_damaged_description_is_refused_by_key(tmp_path: Path, old: str, new: str, said: str) -> None:
    random_model(tmp_path / "tiny")
    path = tmp_path / "tiny" / "model.toml"
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(ModelError, match=said):
        Model.load(tmp_path / "tiny")


def test_a_missing_model_and_missing_weights_are_said(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="There is no model"):
        Model.load(tmp_path / "none")
    random_model(tmp_path / "tiny")
    (tmp_path / "tiny" / "weights.safetensors").unlink()
    with pytest.raises(ModelError, match=r"has no weights.safetensors"):
        Model.load(tmp_path / "tiny")


def test_openvino_answers_as_torch(tmp_path: Path) -> None:
    model = random_model(tmp_path / "tiny")
    torch_engine, openvino_engine = (engine_for(model, name, "cpu") for name in ("torch", "openvino"))
    rng = np.random.default_rng(0)
    for shape in ((1, 3, 64, 64), (3, 3, 96, 32), (2, 3, 64, 64)):
        slices = rng.random(shape, dtype=np.float32)
        expected, found = torch_engine.logits(slices), openvino_engine.logits(slices)
        assert found.shape == expected.shape == (shape[0], 3, *shape[2:])
        np.testing.assert_allclose(found, expected, atol=1e-3)
        assert np.ptp(expected) > 0.1


def test_unknown_engines_and_devices_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = random_model(tmp_path / "tiny")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match="no engine tensorrt"):
        engine_for(model, "tensorrt")
    with pytest.raises(UsageError, match="no device tpu"):
        engine_for(model, "torch", "tpu")
    with pytest.raises(UsageError, match="no device cuda that torch can use"):
        engine_for(model, "torch", "cuda")


def test_batches_cover_every_slice_once_and_are_padded_to_the_stride() -> None:
    array = np.random.default_rng(0).random((7, 40, 33), dtype=np.float32)
    working = Volume(array, np.diag([4.0, 1, 1, 1]))
    batches = list(slice_batches(working, Preprocessing(), 3))
    assert np.concatenate([i for i, _ in batches]).tolist() == list(range(7))
    for indices, slices in batches:
        assert slices.shape == (len(indices), 3, 64, 64)
        np.testing.assert_array_equal(slices[:, 1, :40, :33], array[indices])
        np.testing.assert_array_equal(slices[:, :, 40:, 0], np.repeat(slices[:, :, 39:40, 0], 24, axis=2))
