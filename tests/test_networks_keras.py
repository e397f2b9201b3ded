"""MobileNetV2 weights of Keras, batch norm folded, give the features that the folded network computes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import ndimage

from osteon.errors import ModelError
from osteon.inference import engine_for
from osteon.io.checksum import sha256
from osteon.networks.imagenet import load_imagenet
from osteon.networks.keras import dead_leaves, layer_names
from osteon.networks.mobilenet import STAGES, MobileNetV2Encoder
from osteon.networks.model import ModelSpec, NetworkSpec, PostprocessingSpec, write_model
from osteon.networks.resnet import ResNetEncoder
from osteon.networks.vgg import VGGEncoder
from osteon.preprocessing import Preprocessing

Arrays = dict[str, NDArray[np.float32]]


def stored_name(number: int, layer: str, bias: bool) -> str:
    """As the converter names arrays: the layer first, and others that share its constant after it."""
    kind = f"{layer}_BN.FusedBatchNormV3" if bias else f"{layer}.Conv2D"
    if layer == "Conv1" and bias:
        kind = "bn_Conv1.FusedBatchNormV3"
    if layer == "Conv_1" and bias:
        kind = "Conv_1_bn.FusedBatchNormV3"
    if "depthwise" in layer and not bias:
        kind = (
            f"{layer}_BN.FusedBatchNormV3;mobilenetv2_0.25_96.{layer}.depthwise;mobilenetv2_0.25_96.block_1_project.x"
        )
    return f"{number:03d}|mobilenetv2_0.25_96.{kind}"


def folded(width: int = 8) -> Arrays:
    """Random folded weights of a narrow network, as Keras lays them out."""
    rng = np.random.default_rng(3)
    encoder = MobileNetV2Encoder(3, width)
    arrays: Arrays = {}
    convolutions = [m for m in encoder.modules() if isinstance(m, torch.nn.Conv2d)]
    for layer, convolution in zip(layer_names(), convolutions, strict=True):
        out, taken, rows, columns = convolution.weight.shape
        scale = np.sqrt(2.0 / (taken * rows * columns))
        shape = (1, rows, columns, out) if "depthwise" in layer else (out, rows, columns, taken)
        kernel = rng.normal(0, scale, shape).astype(np.float32)
        arrays[stored_name(len(arrays), layer, False)] = kernel
        arrays[stored_name(len(arrays), layer, True)] = rng.normal(0.3, 0.3, out).astype(np.float32)
    return arrays | {"104|mobilenetv2_0.25_96.predictions.MatMul": np.zeros((1, 1000), np.float32)}


def relu6(x: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.clip(x, 0, 6)


def halved(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Every other value from the second on: where the windows lie that Keras pads after the picture."""
    return x[1::2, 1::2]


def layer_by_scipy(x: NDArray[np.float32], kernel: NDArray[np.float32], stride: int) -> NDArray[np.float32]:
    """A convolution of a ``(row, column, channel)`` picture, padded with zeros."""
    if kernel.shape[1] == 1:
        return np.einsum("rci,oi->rco", x, kernel[:, 0, 0])
    depthwise = kernel.shape[0] == 1
    out = []
    for number in range(kernel.shape[3] if depthwise else kernel.shape[0]):
        parts = [(x[..., number], kernel[0, :, :, number])] if depthwise else []
        if not depthwise:
            parts = [(x[..., i], kernel[number, :, :, i]) for i in range(kernel.shape[3])]
        whole = sum(ndimage.correlate(part, taps, mode="constant") for part, taps in parts)
        out.append(halved(whole) if stride == 2 else whole)
    return np.stack(out, axis=-1)


def reference(x: NDArray[np.float32], arrays: Arrays) -> list[NDArray[np.float32]]:
    """Features of the folded network, computed from its arrays in the order in which they are stored.

    A convolution, its bias, ReLU6 but after projections, a sum where a block keeps the size: nothing else is left of
    MobileNetV2 (Sandler et al. 2018, table 2) once batch norm is folded.
    """
    values = [array for key, array in sorted(arrays.items()) if "predictions" not in key]
    pairs = iter(zip(values[::2], values[1::2], strict=True))

    def layer(x: NDArray[np.float32], stride: int = 1) -> NDArray[np.float32]:
        kernel, bias = next(pairs)
        return layer_by_scipy(x, kernel, stride) + bias

    found = []
    x = relu6(layer(x, 2))
    for expansion, _, blocks, first_stride in STAGES:
        for block in range(blocks):
            stride = first_stride if block == 0 else 1
            if stride == 2:
                found.append(x)
            wide = relu6(layer(x)) if expansion > 1 else x
            narrow = layer(relu6(layer(wide, stride)))
            x = x + narrow if x.shape == narrow.shape else narrow
    return [*found, relu6(layer(x))]


def features(encoder: MobileNetV2Encoder, x: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Of a ``(row, column, channel)`` picture, likewise."""
    with torch.inference_mode():
        maps = encoder.eval()(torch.from_numpy(x.transpose(2, 0, 1)[None].copy()))
    return [m[0].permute(1, 2, 0).numpy() for m in maps]


def assert_same(found: list[NDArray[np.float32]], expected: list[NDArray[np.float32]]) -> None:
    assert len(found) == len(expected) == 5
    for one, other in zip(found, expected, strict=True):
        assert np.ptp(other) > 0
        np.testing.assert_allclose(one, other, rtol=0, atol=2e-4 * np.ptp(other))


@pytest.fixture
def npz(tmp_path: Path) -> Path:
    path = tmp_path / "narrow.npz"
    np.savez(path, **folded())
    return path


def picture(rows: int, columns: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).uniform(-1, 1, (rows, columns, 3)).astype(np.float32)


def test_a_loaded_encoder_gives_the_folded_networks_features(npz: Path) -> None:
    encoder = MobileNetV2Encoder(3, 8)
    assert load_imagenet(encoder, str(npz)) == sha256(npz)
    assert_same(features(encoder, picture(64, 96)), reference(picture(64, 96), folded()))


def test_the_features_do_not_depend_on_the_pictures_it_was_loaded_with(npz: Path) -> None:
    encoder = MobileNetV2Encoder(3, 8)
    load_imagenet(encoder, str(npz), pictures=torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1)))
    assert_same(features(encoder, picture(64, 64)), reference(picture(64, 64), folded()))


def test_it_still_does_after_a_model_was_written_and_read(npz: Path, tmp_path: Path) -> None:
    spec = ModelSpec(
        name="narrow",
        title="",
        task="lumbar-spine",
        classes=("vertebra",),
        network=NetworkSpec(name="mobilenetv2-unet", width=8),
        preprocessing=Preprocessing(),
        postprocessing=PostprocessingSpec(),
        licence="CC0",
        weights_sha256="",
    )
    network = spec.network_module()
    load_imagenet(network.get_submodule("encoder"), str(npz))
    model = write_model(tmp_path / "narrow", spec, network.state_dict(), "")
    encoder = model.network().get_submodule("encoder")
    assert isinstance(encoder, MobileNetV2Encoder)
    assert encoder.pads_after
    for one, other in zip(features(encoder, picture(64, 64)), reference(picture(64, 64), folded()), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=0.02 * np.ptp(other))  # weights are stored in float16
    seen = picture(64, 64).transpose(2, 0, 1)[None].copy()
    answers = [engine_for(model, name, "cpu").logits(seen) for name in ("torch", "openvino")]
    np.testing.assert_allclose(*answers, rtol=0, atol=1e-4 * np.ptp(answers[0]))


def test_other_padding_would_give_other_features(npz: Path) -> None:
    encoder = MobileNetV2Encoder(3, 8)
    load_imagenet(encoder, str(npz))
    encoder.pads_after = False
    found, expected = features(encoder, picture(64, 64))[-1], reference(picture(64, 64), folded())[-1]
    assert np.abs(found - expected).max() > 0.05 * np.ptp(expected)


@pytest.mark.parametrize("own", [True, False])
def test_training_does_not_undo_what_the_network_has_learned(npz: Path, own: bool) -> None:
    """On the pictures that it was loaded with, batch statistics give the features of evaluation."""
    generator = torch.Generator().manual_seed(0)
    pictures = torch.rand(8, 3, 64, 64, generator=generator) if own else dead_leaves(3)
    encoder = MobileNetV2Encoder(3, 8)
    load_imagenet(encoder, str(npz), pictures=pictures if own else None)
    with torch.no_grad():
        expected = encoder.eval()(pictures)
        found = encoder.train()(pictures)
    for one, other in zip(found, expected, strict=True):
        assert float((one - other).abs().max()) < 1e-3 * float(other.max() - other.min())


def test_dead_leaves_have_the_spectrum_of_photographs() -> None:
    """Their power falls about with the square of the frequency (Field 1987), and they have edges."""
    grey = dead_leaves(3).mean(dim=1).numpy()
    power = (np.abs(np.fft.fft2(grey - grey.mean(axis=(1, 2), keepdims=True))) ** 2).mean(axis=0)
    frequency = np.hypot(np.fft.fftfreq(128)[:, None], np.fft.fftfreq(128)[None, :])
    band = (frequency > 0.02) & (frequency < 0.25)
    slope = np.polyfit(np.log(frequency[band]), np.log(power[band]), 1)[0]
    assert -3 < slope < -1.5
    assert 0.2 < grey.std() < 0.7


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays: {k: a for k, a in arrays.items() if "block_9_project" not in k or "depthwise" in k},
        lambda arrays: {k: a[..., :-1] if k.startswith("007") else a for k, a in arrays.items()},
        lambda _: {"weights": np.zeros(3, np.float32)},
    ],
    ids=["a layer is missing", "a bias is short", "something else"],
)
def test_weights_that_do_not_fit_are_refused_and_nothing_is_copied(
    tmp_path: Path, change: Callable[[Arrays], Arrays]
) -> None:
    path = tmp_path / "other.npz"
    np.savez(path, **change(folded()))
    encoder = MobileNetV2Encoder(3, 8)
    before = {n: w.clone() for n, w in encoder.state_dict().items()}
    with pytest.raises(ModelError, match="does not fit this encoder"):
        load_imagenet(encoder, str(path))
    assert all(torch.equal(w, before[n]) for n, w in encoder.state_dict().items())


def test_another_width_is_refused(npz: Path) -> None:
    with pytest.raises(ModelError, match=r"layer Conv1 .*MobileNetV2 of width 32 with 3 input channels"):
        load_imagenet(MobileNetV2Encoder(), str(npz))


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "damaged.npz"
    path.write_bytes(b"not an archive")
    with pytest.raises(ModelError, match="not a weight file of Keras arrays"):
        load_imagenet(MobileNetV2Encoder(3, 8), str(path))


@pytest.mark.parametrize("encoder", [ResNetEncoder(width=8), VGGEncoder(width=8)])
def test_another_network_is_refused(npz: Path, encoder: ResNetEncoder | VGGEncoder) -> None:
    with pytest.raises(ModelError, match="read for mobilenetv2-unet only"):
        load_imagenet(encoder, str(npz))


@pytest.mark.realdata
def test_the_real_weights_give_the_folded_networks_features(data: Path) -> None:
    path = data / "weights" / "mobilenetv2_imagenet_bn_folded.npz"
    encoder = MobileNetV2Encoder()
    load_imagenet(encoder, str(path))
    with np.load(path) as stored:
        arrays = {key: stored[key] for key in stored.files}
    assert_same(features(encoder, picture(64, 64)), reference(picture(64, 64), arrays))
