"""ImageNet weights for encoders: torchvision's files, by path or by download, checked before they are used."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path

import torch
from torch import Tensor

from osteon.errors import ModelError
from osteon.io.checksum import sha256
from osteon.io.whole import written_whole
from osteon.networks.encoder import Encoder, Published
from osteon.networks.keras import load_folded
from osteon.networks.mobilenet import MobileNetV2Encoder


def load_imagenet(encoder: Encoder, source: str, cache: Path | None = None, pictures: Tensor | None = None) -> str:
    """Fill an encoder with ImageNet weights.

    Parameters
    ----------
    encoder : Encoder
        Of the published width and three input channels.
    source : str
        ``"download"``, or the path of a torchvision weight file (``.pth`` or ``.safetensors``); for MobileNetV2 also
        of a Keras one with folded batch norm (``.npz``, `osteon.networks.keras`).
    cache : Path, optional
        Folder for the downloaded file; by default torch's hub folder.
    pictures : (batch, channel, row, column) float32 Tensor, optional
        Such as the encoder will be trained on; they help where batch norm was folded.

    Returns
    -------
    str
        SHA-256 of the file, for the run's record.

    Raises
    ------
    ModelError
        If the file cannot be had, is not what its name promises, or does not fit the encoder.
    """
    folder = cache or Path(torch.hub.get_dir()) / "checkpoints"
    path = _download(encoder.published, folder) if source == "download" else Path(source)
    if not path.is_file():
        raise ModelError(
            f"There is no ImageNet weight file {path}. Give a path, or set weights to 'random' in [encoder]."
        )
    if path.suffix != ".npz":
        _fill(encoder, path)
    elif isinstance(encoder, MobileNetV2Encoder):
        load_folded(encoder, path, pictures)
    else:
        raise ModelError(
            f"{path} holds Keras weights, which are read for mobilenetv2-unet only. For this network give "
            f"torchvision's file: {encoder.published.url}."
        )
    return sha256(path)


def _fill(encoder: Encoder, path: Path) -> None:
    """Copy torchvision's tensors; all of them fit, or none is copied."""
    published = encoder.published
    weights = {name: value for name, value in _read(path).items() if not name.startswith(published.classifier)}
    # torchvision's files are older than the batch counter, which nothing here reads, and know no extra state
    ours = ("num_batches_tracked", "_extra_state")
    own = {name: value for name, value in encoder.state_dict().items() if name.split(".")[-1] not in ours}
    wrong = [n for n in own if n not in weights or weights[n].shape != own[n].shape]
    if wrong:
        raise ModelError(
            f"{path} does not fit this encoder ({len(wrong)} of {len(own)} tensors are missing or of another shape, "
            f"first {wrong[0]}). ImageNet weights are for width {published.width} and 3 input channels."
        )
    encoder.load_state_dict({name: weights[name] for name in own}, strict=False)


def _read(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return dict(load_file(path))
        # weights_only refuses everything in a pickle that is not a tensor, so no code of the file runs
        return dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:
        raise ModelError(f"{path} is not a weight file of torchvision ({type(error).__name__}).") from error


def _download(published: Published, folder: Path) -> Path:
    name = published.url.rsplit("/", 1)[-1]
    path = folder / name
    if not path.is_file():
        try:
            with urllib.request.urlopen(published.url, timeout=30) as reply:  # https constants
                content = reply.read()
        except (urllib.error.URLError, OSError) as error:
            raise ModelError(
                f"ImageNet weights could not be downloaded ({error}). This machine may be offline: fetch "
                f"{published.url} elsewhere and give its path, or set weights to 'random' in [encoder]."
            ) from error
        with written_whole(path) as part:
            part.write_bytes(content)
    expected = name.rsplit("-", 1)[-1].removesuffix(".pth")
    if not sha256(path).startswith(expected):
        path.unlink()
        raise ModelError(f"The downloaded {name} has another SHA-256 than it should; it was removed. Try again.")
    return path
