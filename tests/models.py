"""A model whose weights are set by hand, and scans it segments exactly: nothing to train, nothing to download."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from osteon.anatomy import Task
from osteon.networks.model import Model, ModelSpec, NetworkSpec, PostprocessingSpec, write_model
from osteon.networks.unet import ResNet34UNet
from osteon.preprocessing import Preprocessing
from osteon.volume import LabelMap, Volume

LEVELS = ("vertebra-L5", "vertebra-L4", "vertebra-L3", "vertebra-L2")
CASE_FILES = ["measurements.csv", "meshes", "preview.png", "report.html", "run.json", "segmentation.nii.gz"]
AFFINE = np.array([[5.0, 0, 0, -30], [0, 2, 0, -40], [0, 0, 2, -700], [0, 0, 0, 1]])


def brightness_model(folder: Path) -> Model:
    """A model folder for which voxels of half the largest intensity are L5 and brighter ones another vertebra.

    Its U-Net sees the mean of 2 x 2 pixels and passes it from the first convolution over the finest skip to the head.
    """
    spec = ModelSpec(
        name="brightness",
        title="Bright boxes",
        task="lumbar-spine",
        classes=("vertebra-L5", "vertebra"),
        network=NetworkSpec(width=8),
        preprocessing=Preprocessing(spacing_mm=None, normalisation="min-max", region="none", context_mm=5.0),
        postprocessing=PostprocessingSpec(smallest_mm3=500.0, anchor="vertebra-L5"),
        licence="CC0-1.0",
        weights_sha256="",
    )
    network = spec.network_module()
    assert isinstance(network, ResNet34UNet)
    _set_weights(network)
    return write_model(folder, spec, network.state_dict(), "# Bright boxes\n\nSegments boxes by their brightness.\n")


@torch.no_grad()
def _set_weights(network: ResNet34UNet) -> None:
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.weight.zero_()
    first, bias = network.encoder.conv1, network.encoder.bn1.bias
    first.weight[:2, 1, 3:5, 3:5] = 0.25  # the middle of three slices, two rows, two columns
    bias[:2] = torch.tensor([-0.3, -0.75])  # after ReLU: how much brighter than a dim, how much than a half-bright one
    fine, finest = network.decoder[3], network.decoder[4]
    assert isinstance(fine.conv1, nn.Conv2d)
    beside = fine.conv1.in_channels - first.out_channels  # where the skip's channels begin
    for channel in range(2):
        fine.conv1.weight[channel, beside + channel, 1, 1] = 1
        for convolution in (fine.conv2, finest.conv1, finest.conv2):
            convolution.weight[channel, channel, 1, 1] = 1
    network.head.bias.copy_(torch.tensor([5.0, 0.0, 0.0]))
    network.head.weight[1, 0, 1, 1] = 100
    network.head.weight[2, 1, 1, 1] = 600


def boxes(*, orientation: str = "RAS") -> tuple[Volume, LabelMap]:
    """A scan of four boxes in a column, and its truth; edges lie on even voxels, where the answer is exact."""
    labels = np.zeros((12, 40, 80), np.uint8)
    for level in range(len(LEVELS)):
        labels[2:10, 10:26, 8 + 18 * level : 20 + 18 * level] = level + 1
    array = np.where(labels == 1, 100, np.where(labels > 1, 200, 0)) + 0
    array[:, 4:36, :][labels[:, 4:36, :] == 0] = 20  # the body around them
    scan = Volume(array.astype(np.int16), AFFINE).reoriented(orientation)
    truth = Volume(labels, AFFINE).reoriented(orientation)
    return scan, LabelMap(truth.array, truth.affine, task=Task.load("lumbar-spine"))
