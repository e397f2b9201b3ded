"""Every architecture: its answer's size, its gradients, its files, its export."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from osteon.errors import ModelError
from osteon.inference import engine_for
from osteon.networks import NAMES, build, hdenseunet
from osteon.networks.catalogue import ARCHITECTURES
from osteon.networks.encoder import encoder_of
from osteon.networks.model import Model, NetworkSpec
from osteon.networks.unet import EncoderUNet
from small_models import picture, random_model, small

FLAT = [name for name, known in ARCHITECTURES.items() if known.patch is None]
ENCODERS = [name for name, known in ARCHITECTURES.items() if known.encoder]


@pytest.fixture(scope="module", autouse=True)
def _shallow() -> Iterator[None]:
    """H-DenseUNet with few layers: its many take OpenVINO ten seconds (test_networks_published counts them)."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hdenseunet, "BLOCKS_2D", (2, 1, 3, 2))
        patch.setattr(hdenseunet, "BLOCKS_3D", (1, 2, 2, 1))
        yield


@pytest.fixture(scope="module", params=NAMES)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A small model of each architecture, written and opened again."""
    return random_model(tmp_path_factory.mktemp(request.param) / "tiny", network=small(request.param))


def test_there_is_a_logit_of_each_class_for_each_voxel(model: Model) -> None:
    x = picture(model.spec.network, batch=1)
    with torch.inference_mode():
        logits = model.network()(x)
    assert logits.shape == (1, 3, *x.shape[2:])
    assert logits.isfinite().all()
    assert float(logits.std()) > 0


@pytest.mark.parametrize("name", NAMES)
def test_gradients_reach_every_parameter(name: str) -> None:
    torch.manual_seed(0)
    spec = small(name)
    network = spec.built(3, 3)
    network(picture(spec)).square().mean().backward()
    dead = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert dead == []


def test_weights_written_and_read_give_the_same_answer(model: Model) -> None:
    x = picture(model.spec.network, batch=1)
    torch.manual_seed(5)  # another start than that of the model that was written
    fresh = model.spec.network_module().eval()
    with torch.inference_mode():
        expected = model.network()(x)
        assert not torch.allclose(fresh(x), expected)
        fresh.load_state_dict(model.network().state_dict())
        assert torch.equal(fresh(x), expected)


def test_openvino_answers_as_torch(model: Model) -> None:
    seen = picture(model.spec.network).numpy()
    expected, found = (engine_for(model, name, "cpu").logits(seen) for name in ("torch", "openvino"))
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * np.ptp(expected))


@pytest.mark.parametrize("channels", [1, 5])
@pytest.mark.parametrize("name", FLAT)
def test_a_network_of_slices_sees_neighbours_as_channels(name: str, channels: int) -> None:
    spec = small(name)
    network = spec.built(channels, 2).eval()
    x = picture(spec, channels, 1)
    changed = x.clone()
    changed[:, -1] += 1
    with torch.inference_mode():
        assert not torch.allclose(network(x), network(changed))


@pytest.mark.parametrize("name", [name for name in NAMES if name not in FLAT])
def test_a_network_of_patches_sees_across_slices(name: str) -> None:
    torch.manual_seed(0)
    spec = small(name)
    network = spec.built(3, 2).eval()
    x = picture(spec, batch=1)
    changed = x.clone()
    changed[:, :, 0] += 1
    with torch.inference_mode():
        difference = (network(x) - network(changed)).abs().amax(dim=(0, 1, 3, 4))
    assert (difference[1:] > 0).any()


@pytest.mark.parametrize("name", ENCODERS)
def test_a_network_with_an_encoder_tells_the_place_beside_the_same_logits(name: str) -> None:
    network = small(name, place=True).built(3, 2).eval()
    assert isinstance(network, EncoderUNet)
    x = picture(small(name))
    with torch.inference_mode():
        logits, place = network.logits_and_place(x)
        assert place.shape == (2,)
        assert torch.equal(logits, network(x))


def test_a_network_without_an_encoder_cannot_tell_the_place() -> None:
    with pytest.raises(ModelError, match="unet2d cannot tell the place along the body; these can: resnet34-unet, "):
        build("unet2d", in_channels=3, classes=2, place=True)
    with pytest.raises(ValueError, match="hdenseunet cannot tell the place"):
        NetworkSpec(name="hdenseunet", place=True)
    assert encoder_of(build("unet2d", in_channels=3, classes=2, width=8)) is None


@pytest.mark.parametrize("name", ENCODERS)
def test_an_encoders_features_halve_and_have_the_channels_that_it_states(name: str) -> None:
    encoder = encoder_of(small(name).built(3, 2))
    assert encoder is not None
    with torch.inference_mode():
        features = encoder(torch.rand(2, 3, 64, 96))
    first = encoder.first_stride
    strides = [first * 2**n for n in range(5)]
    assert [tuple(f.shape) for f in features] == [
        (2, channels, 64 // stride, 96 // stride) for channels, stride in zip(encoder.channels, strides, strict=True)
    ]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": "transformer"}, "no network named transformer. Known: resnet34-unet"),
        ({"name": "unet2d", "patch": (16, 64, 64)}, "unet2d sees slices, not patches"),
        ({"name": "unet3d", "patch": (12, 64, 64)}, r"multiples of \(16, 16, 16\)"),
        ({"name": "hdenseunet", "patch": (4, 32, 0)}, r"multiples of \(4, 32, 32\)"),
        ({"name": "unet3d", "patch": None}, "unet3d sees patches"),
    ],
)
def test_a_network_that_cannot_be_is_refused(given: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        NetworkSpec.model_validate(given)


def test_the_width_is_the_published_one_unless_said_otherwise() -> None:
    assert NetworkSpec().width == NetworkSpec(name="vgg19-unet").width == 64
    assert NetworkSpec(name="mobilenetv2-unet").width == NetworkSpec(name="unet2d").width == 32
    assert NetworkSpec(name="hdenseunet").width == 96
    assert NetworkSpec(name="unet3d", width=16).width == 16
