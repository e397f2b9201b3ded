"""A trained folder of nnU-Net, or a zip of one: what is in it, and its checkpoints, of which no code is run."""

from __future__ import annotations

import json
import pickle
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from osteon.errors import ModelError

PLANS, DATASET = "plans.json", "dataset.json"
CHECKPOINTS = ("checkpoint_final.pth", "checkpoint_best.pth")


@dataclass(frozen=True)
class Release:
    """One configuration that nnU-Net trained.

    Parameters
    ----------
    folder : Path
        With ``plans.json`` and ``dataset.json``.
    checkpoints : dict of str to Path
        Of each fold; the final one where there is one.
    """

    folder: Path
    checkpoints: dict[str, Path]

    def document(self, name: str) -> dict[str, Any]:
        """``plans.json`` or ``dataset.json``."""
        try:
            document = json.loads((self.folder / name).read_text(encoding="utf-8"))
        except ValueError as error:
            raise ModelError(f"{self.folder / name} is damaged: it is no JSON. Copy or download it again.") from error
        if not isinstance(document, dict):
            raise ModelError(f"{self.folder / name} is not nnU-Net's: it holds no table.")
        return document


@contextmanager
def opened(source: Path) -> Iterator[Path]:
    """A folder with what is in a folder or a zip archive; of an archive, only what a model is made of.

    Raises
    ------
    ModelError
        If the source does not exist, or is neither.
    """
    if source.is_dir():
        yield source
        return
    if not source.is_file():
        raise ModelError(f"There is no {source}. Give the folder or the zip file that nnU-Net's training left.")
    if not zipfile.is_zipfile(source):
        raise ModelError(f"{source} is neither a folder nor a zip file (or it is damaged). Download it again.")
    with tempfile.TemporaryDirectory() as temporary, zipfile.ZipFile(source) as archive:
        for name in archive.namelist():
            if PurePosixPath(name).name in (PLANS, DATASET, *CHECKPOINTS):
                archive.extract(name, temporary)  # it leaves out what would lead out of the folder
        yield Path(temporary)


def release_in(folder: Path, configuration: str | None = None, folds: Sequence[str] = ()) -> Release:
    """The one trained configuration in a folder.

    Parameters
    ----------
    folder : Path
    configuration : str, optional
        Such as ``3d_fullres``; needed where there are several.
    folds : sequence of str
        Which folds; all of them if empty (``all`` only where it is the only one).

    Raises
    ------
    ModelError
        If there is none, there are several, or a fold is not there.
    """
    found = [release for path in sorted(folder.rglob(PLANS)) if (release := _release(path.parent))]
    if configuration is not None:
        found = [release for release in found if _configuration(release.folder) == configuration]
    if not found:
        wanted = f" for {configuration}" if configuration else ""
        raise ModelError(
            f"No trained network of nnU-Net (version 2){wanted} was found: that is a folder with {PLANS}, {DATASET} "
            f"and fold_0/{CHECKPOINTS[0]}, or a zip file of one."
        )
    if len(found) > 1:
        names = ", ".join(sorted({_configuration(release.folder) for release in found}))
        raise ModelError(
            f"There are {len(found)} trained networks here ({names}). Say which one with --configuration, or give its "
            "own folder."
        )
    (release,) = found
    missing = sorted(set(folds) - set(release.checkpoints))
    if missing:
        raise ModelError(f"There is no fold {missing[0]} here; there are: {', '.join(release.checkpoints)}.")
    numbered = [fold for fold in release.checkpoints if fold != "all"]
    chosen = list(folds) or numbered or ["all"]
    return Release(release.folder, {fold: release.checkpoints[fold] for fold in chosen})


def read_checkpoint(path: Path) -> dict[str, Any]:
    """What a checkpoint holds: tensors and plain values, no code.

    Raises
    ------
    ModelError
        If it is damaged or holds anything else; it is not loaded then, because such a file can run code.
    """
    import torch

    try:
        with torch.serialization.safe_globals(_plain_values()):
            found = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, OSError) as error:
        raise ModelError(
            f"{path.parent.name}/{path.name} cannot be read, or holds more than weights and plain values, and such a "
            f"file can run code ({str(error).strip().splitlines()[0]}). Get it from where it was published again."
        ) from error
    if not isinstance(found, dict) or not isinstance(found.get("network_weights"), dict):
        raise ModelError(f"{path.parent.name}/{path.name} is no checkpoint of nnU-Net: it has no network_weights.")
    return found


def _plain_values() -> list[Any]:
    """How numpy's numbers stand in a checkpoint (in its log of losses), beside torch's tensors."""
    import _codecs

    import numpy as np
    from numpy._core.multiarray import scalar

    kinds = [type(np.dtype(code)) for code in "?bBhHiIlLqQefd"]
    older = (scalar, "numpy.core.multiarray.scalar")
    return [scalar, older, np.dtype, _codecs.encode, *kinds]


def _release(folder: Path) -> Release | None:
    checkpoints = {}
    for fold in sorted(folder.glob("fold_*")):
        known = [fold / name for name in CHECKPOINTS if (fold / name).is_file()]
        if known:
            checkpoints[fold.name.removeprefix("fold_")] = known[0]
    return Release(folder, checkpoints) if checkpoints and (folder / DATASET).is_file() else None


def _configuration(folder: Path) -> str:
    """As nnU-Net names its folders: ``nnUNetTrainer__nnUNetPlans__3d_fullres``."""
    return folder.name.rsplit("__", 1)[-1]
