"""Models that the user adds to an installation, by name: of Osteon or of nnU-Net, without a network connection."""

from __future__ import annotations

import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath

from osteon.errors import ModelError, UsageError
from osteon.io.whole import folder_written_whole
from osteon.networks.model import DESCRIPTION, Model, added_folder, shipped_folder
from osteon.networks.nnunet.importing import Wanted, import_nnunet


def add_model(source: str | Path, wanted: Wanted | None = None, *, overwrite: bool = False) -> Model:
    """Add a model, which then is known by its name: a model folder of Osteon, a trained nnU-Net, or a zip of either.

    Parameters
    ----------
    source : path
    wanted : Wanted, optional
        Name, and for a network of nnU-Net what its labels mean; by default what the source says.
    overwrite : bool
        Replace an added model of the same name.

    Returns
    -------
    Model
        As it lies in `added_folder`.

    Raises
    ------
    UsageError
        If the name is taken, or is none that a model can have.
    ModelError
        If the source is no model, or is damaged.
    """
    source = Path(source)
    with _own_model(source) as own:
        if own is not None and wanted is not None and wanted != Wanted(wanted.name):
            raise UsageError(f"{source} is a model of Osteon, which says itself what it is; give no more than --name.")
        model = Model.load(own) if own is not None else None
        name = wanted.name if wanted is not None and wanted.name else model.spec.name if model else name_of(source)
        folder = _free(name, overwrite)
        if model is None:
            return import_nnunet(source, folder, replace(wanted or Wanted(name), name=name))
        model.checked_weights()
        with folder_written_whole(folder) as part:
            shutil.copytree(model.folder, part, dirs_exist_ok=True)
    return Model.load(folder)


def remove_model(name: str) -> Path:
    """Remove an added model; returns the folder that it was in.

    Raises
    ------
    UsageError
        If no model of that name was added; models of the package are never removed.
    """
    folder = added_folder() / name
    if not _is_name(name) or not (folder / DESCRIPTION).is_file():
        known = sorted(file.parent.name for file in added_folder().glob(f"*/{DESCRIPTION}"))
        raise UsageError(f"No model named {name} was added. Added: {', '.join(known) or 'none'}.")
    shutil.rmtree(folder)
    return folder


def name_of(source: Path) -> str:
    """A name for a model, from the last part of its path: ``Dataset123_Hip.zip`` gives ``dataset123-hip``."""
    return re.sub(r"[^a-z0-9]+", "-", source.stem.lower()).strip("-") or "model"


def _free(name: str, overwrite: bool) -> Path:
    if not _is_name(name):
        raise UsageError(f"{name} is no name for a model: small letters, digits and hyphens. Choose one with --name.")
    if (shipped_folder() / name).exists():
        raise UsageError(f"{name} is a model of the package. Give another name with --name.")
    folder = added_folder() / name
    if folder.exists() and not overwrite:
        raise UsageError(f"A model named {name} was added before. Give --overwrite to replace it, or another --name.")
    return folder


def _is_name(name: str) -> bool:
    return re.fullmatch(r"[a-z0-9][a-z0-9-]*", name) is not None


@contextmanager
def _own_model(source: Path) -> Iterator[Path | None]:
    """The model folder of Osteon that a source is or holds, if it is one."""
    if (source / DESCRIPTION).is_file():
        yield source
        return
    if not source.is_file() or not zipfile.is_zipfile(source):
        yield None
        return
    with tempfile.TemporaryDirectory() as temporary, zipfile.ZipFile(source) as archive:
        inside = sorted(PurePosixPath(n) for n in archive.namelist() if PurePosixPath(n).name == DESCRIPTION)
        if not inside:
            yield None
            return
        first = min(inside, key=lambda path: len(path.parts))  # an ensemble's further networks lie deeper
        archive.extractall(temporary)  # it leaves out what would lead out of the folder
        folder = Path(temporary) / first.parent
        if not (folder / DESCRIPTION).is_file():
            raise ModelError(f"{source} is damaged. Download it again.")
        yield folder
