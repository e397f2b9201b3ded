"""ImageNet weights for encoders: torchvision's files, by path or by download, checked before they are used."""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
from pathlib import Path

import torch
from torch import Tensor

from osteon.errors import ModelError
from osteon.io.whole import written_whole
from osteon.networks.resnet import ResNetEncoder

RESNET34_URL = "https://download.pytorch.org/models/resnet34-b627a593.pth"
"""torchvision's ResNet34 (IMAGENET1K_V1); the eight hex digits are the beginning of the file's SHA-256."""


def load_imagenet(encoder: ResNetEncoder, source: str, cache: Path | None = None) -> str:
    """Fill an encoder with ImageNet weights.

    Parameters
    ----------
    encoder : ResNetEncoder
        Of width 64 and three input channels.
    source : str
        ``"download"``, or the path of a torchvision weight file (``.pth`` or ``.safetensors``).
    cache : Path, optional
        Folder for the downloaded file; by default torch's hub folder.

    Returns
    -------
    str
        SHA-256 of the file, for the run's record.

    Raises
    ------
    ModelError
        If the file cannot be had, is not what its name promises, or does not fit the encoder.
    """
    path = _download(cache or Path(torch.hub.get_dir()) / "checkpoints") if source == "download" else Path(source)
    if not path.is_file():
        raise ModelError(
            f"There is no ImageNet weight file {path}. Give a path, or set weights to 'random' in [encoder]."
        )
    weights = _read(path)
    weights = {name: value for name, value in weights.items() if not name.startswith("fc.")}
    own = encoder.state_dict()
    # torchvision's files are older than this counter, which nothing here reads
    own = {name: value for name, value in own.items() if not name.endswith(".num_batches_tracked")}
    wrong = [n for n in own if n not in weights or weights[n].shape != own[n].shape]
    if wrong:
        raise ModelError(
            f"{path} does not fit this encoder ({len(wrong)} of {len(own)} tensors are missing or of another shape, "
            f"first {wrong[0]}). ImageNet weights are for width 64 and 3 input channels."
        )
    encoder.load_state_dict({name: weights[name] for name in own}, strict=False)
    return sha256(path)


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _read(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return dict(load_file(path))
        # weights_only refuses everything in a pickle that is not a tensor, so no code of the file runs
        return dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:
        raise ModelError(f"{path} is not a weight file of torchvision ({type(error).__name__}).") from error


def _download(folder: Path) -> Path:
    name = RESNET34_URL.rsplit("/", 1)[-1]
    path = folder / name
    if not path.is_file():
        try:
            with urllib.request.urlopen(RESNET34_URL, timeout=30) as reply:  # an https constant
                content = reply.read()
        except (urllib.error.URLError, OSError) as error:
            raise ModelError(
                f"ImageNet weights could not be downloaded ({error}). This machine may be offline: fetch "
                f"{RESNET34_URL} elsewhere and give its path, or set weights to 'random' in [encoder]."
            ) from error
        with written_whole(path) as part:
            part.write_bytes(content)
    expected = name.rsplit("-", 1)[-1].removesuffix(".pth")
    if not sha256(path).startswith(expected):
        path.unlink()
        raise ModelError(f"The downloaded {name} has another SHA-256 than it should; it was removed. Try again.")
    return path
