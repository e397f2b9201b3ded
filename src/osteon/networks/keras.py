"""MobileNetV2 weights as Keras stores them, batch norm folded into the convolutions, in torchvision's layout.

Such a file (``.npz``) holds for each layer a kernel ``(out, row, column, in)``, of depthwise layers ``(1, row, column,
channel)``, and a bias, under names like ``012|mobilenetv2_1.00_224.block_2_expand.Conv2D``.
"""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from osteon.errors import ModelError
from osteon.networks.mobilenet import MobileNetV2Encoder

Layers = dict[str, dict[int, NDArray[np.float32]]]
"""A layer's arrays by their number of axes: the kernel has four, the bias one."""


def load_folded(encoder: MobileNetV2Encoder, path: Path, pictures: Tensor | None = None) -> None:
    """Fill an encoder with folded Keras weights; in evaluation it computes what the folded network does.

    Folding loses how strongly each channel varied, which training needs: a batch norm of scale 1 would undo what the
    network has learned in its first step. It is found again by showing the network pictures. This changes nothing in
    evaluation: what a batch norm takes away there, it gives back.

    Parameters
    ----------
    encoder : MobileNetV2Encoder
    path : Path
    pictures : (batch, channel, row, column) float32 Tensor, optional
        Such as the network will be trained on; without them, made ones with the statistics of photographs serve, with
        which less of the deeper layers is kept.

    Raises
    ------
    ModelError
        If the file is not of this kind, or of another width or number of input channels.
    """
    layers = _read(path)
    pairs = _pairs(encoder)
    for name, (convolution, norm) in zip(layer_names(), pairs, strict=True):
        found = layers.get(name, {})
        fits = found.keys() >= {1, 4} and found[1].shape == norm.bias.shape
        if not fits or _as_torch(found[4], convolution).shape != convolution.weight.shape:
            raise ModelError(
                f"{path} does not fit this encoder (layer {name} is missing or of another shape). It must hold a "
                f"MobileNetV2 of width {pairs[0][0].out_channels} with "
                f"{pairs[0][0].in_channels} input channels, batch norm folded, as Keras names its layers."
            )
    with torch.no_grad():
        for name, (convolution, norm) in zip(layer_names(), pairs, strict=True):
            convolution.weight.copy_(_as_torch(layers[name][4], convolution))
            _let_through(norm, torch.from_numpy(layers[name][1]))
        encoder.pads_after = True
        seen = dead_leaves(pairs[0][0].in_channels) if pictures is None else pictures
        _unfold(encoder, [norm for _, norm in pairs], seen.to(pairs[0][0].weight.device))


def layer_names() -> list[str]:
    """Keras's names of the convolutions, in the order in which they compute."""
    blocks = [f"block_{n}_{part}" for n in range(1, 17) for part in ("expand", "depthwise", "project")]
    return ["Conv1", "expanded_conv_depthwise", "expanded_conv_project", *blocks, "Conv_1"]


def _read(path: Path) -> Layers:
    layers: Layers = {}
    try:
        with np.load(path, allow_pickle=False) as stored:
            for key in stored.files:
                found = re.search(r"mobilenetv2_[\d.]+_\d+\.(\w+)", key)
                if found:
                    layer = re.sub(r"^bn_|_bn$|_BN$", "", found[1])
                    array = np.asarray(stored[key], dtype=np.float32)
                    layers.setdefault(layer, {})[array.ndim] = array
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ModelError(f"{path} is not a weight file of Keras arrays (.npz; {type(error).__name__}).") from error
    return layers


def _pairs(encoder: MobileNetV2Encoder) -> list[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    """Each convolution with the batch norm behind it, in the order in which they compute."""
    convolutions = [m for m in encoder.modules() if isinstance(m, nn.Conv2d)]
    norms = [m for m in encoder.modules() if isinstance(m, nn.BatchNorm2d)]
    return list(zip(convolutions, norms, strict=True))


def _as_torch(kernel: NDArray[np.float32], convolution: nn.Conv2d) -> Tensor:
    order = (3, 0, 1, 2) if convolution.groups > 1 else (0, 3, 1, 2)
    return torch.from_numpy(np.ascontiguousarray(kernel.transpose(order)))  # (out, in or 1, row, column)


def _let_through(norm: nn.BatchNorm2d, bias: Tensor) -> None:
    """Make a batch norm add a bias, and nothing else, in evaluation."""
    _set(norm, bias, torch.zeros_like(bias), torch.ones_like(bias))


def _set(norm: nn.BatchNorm2d, bias: Tensor, mean: Tensor, variance: Tensor) -> None:
    """Statistics of a batch norm, and the scale and shift that undo them but for a bias."""
    assert norm.running_mean is not None  # as in every batch norm here
    assert norm.running_var is not None
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(variance)
    norm.weight.copy_((variance + norm.eps).sqrt())
    norm.bias.copy_(bias + mean)


def _unfold(encoder: MobileNetV2Encoder, norms: list[nn.BatchNorm2d], pictures: Tensor) -> None:
    """Give batch norms that let everything through the statistics that pictures have before them."""
    seen: dict[nn.Module, tuple[Tensor, Tensor]] = {}

    def look(norm: nn.Module, given: tuple[Tensor, ...]) -> None:
        seen[norm] = (given[0].mean(dim=(0, 2, 3)), given[0].var(dim=(0, 2, 3), correction=0))

    hooks = [norm.register_forward_pre_hook(look) for norm in norms]
    training = encoder.training
    encoder.eval()
    encoder(pictures)
    encoder.train(training)
    for hook in hooks:
        hook.remove()
    for norm in norms:
        _set(norm, norm.bias.clone(), *seen[norm])


def dead_leaves(channels: int) -> Tensor:
    """Pictures with the statistics of photographs: discs of all sizes that hide one another.

    The dead leaves model of Lee, Mumford and Huang 2001 (doi 10.1023/A:1011109015675): radii fall with their cube.

    Parameters
    ----------
    channels : int

    Returns
    -------
    (8, channels, 128, 128) float32 Tensor
        -1 to 1.
    """
    rng = np.random.default_rng(0)
    pictures, discs, side, smallest = 8, 300, 128, 3.0
    rows, columns = np.indices((side, side), dtype=np.float32)
    result = np.zeros((pictures, channels, side, side), dtype=np.float32)
    for picture in result:
        for radius in np.minimum(smallest / np.sqrt(rng.uniform(0, 1, discs)), side / 2):
            row, column = rng.uniform(0, side, 2)
            grey = rng.normal(0, 0.45) + rng.normal(0, 0.15, channels)  # most is shared by the colours
            disc = (rows - row) ** 2 + (columns - column) ** 2 < radius**2
            picture[:, disc] = np.clip(grey, -1, 1)[:, None]
    return torch.from_numpy(result)
