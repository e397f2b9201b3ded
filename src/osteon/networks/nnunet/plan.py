"""Plan: what nnU-Net needs beside the weights, in one JSON file of the model folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from osteon.errors import ModelError

PLAN = "nnunet.json"

OWN_NETWORKS = ("dynamic_network_architectures.architectures.",)
OWN_PARTS = ("torch.nn.", "dynamic_network_architectures.building_blocks.")


class Plan(BaseModel):
    """nnU-Net's plan, and how its answer is understood.

    Parameters
    ----------
    configuration : str
        Such as ``3d_fullres``.
    folds : tuple of str
        Whose weights the model has, under ``fold_<name>.``; their logits are averaged, as nnU-Net does.
    mirroring : tuple of int
        Axes (of nnU-Net's patches) along which the network is also asked mirrored.
    classes : tuple of int
        The model's class of each of the network's outputs, background first; what is not wanted is background.
    plans, dataset : dict
        nnU-Net's ``plans.json`` and ``dataset.json``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    configuration: str
    folds: tuple[str, ...] = Field(min_length=1)
    mirroring: tuple[int, ...] = ()
    classes: tuple[int, ...] = Field(min_length=2)
    plans: dict[str, Any]
    dataset: dict[str, Any]

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the plan of a model folder.

        Raises
        ------
        ModelError
            If it is missing or damaged, or names code that is not nnU-Net's.
        """
        path = folder / PLAN
        if not path.is_file():
            raise ModelError(f"The model {folder} has no {PLAN}, which a model of nnU-Net needs. Install it again.")
        try:
            plan = cls.model_validate_json(path.read_text(encoding="utf-8"))
        except (ValidationError, UnicodeDecodeError) as error:
            raise ModelError(f"{path} is damaged ({str(error).splitlines()[0]}). Install the model again.") from error
        refuse_foreign_code(plan.plans, path)
        return plan

    @property
    def reoriented(self) -> bool:
        """Whether nnU-Net saw its scans turned to RAS; else it saw them as they lie in their files."""
        return self.plans.get("image_reader_writer") == "NibabelIOWithReorient"

    @property
    def axes(self) -> tuple[int, int, int]:
        """Which axis of a scan each axis of nnU-Net's volumes is."""
        first, second, third = (2 - int(axis) for axis in self.plans["transpose_forward"])  # its reader turns k, j, i
        return first, second, third


def refuse_foreign_code(plans: dict[str, Any], where: Path) -> None:
    """Raise `ModelError` if a plan names code that is not torch's or nnU-Net's: what it names is imported and run."""
    for configuration in plans.get("configurations", {}).values():
        architecture = configuration.get("architecture")
        if architecture is None:
            continue
        named = architecture.get("network_class_name", "")
        parts = [architecture.get("arch_kwargs", {}).get(key) for key in architecture.get("_kw_requires_import", ())]
        foreign = [] if str(named).startswith(OWN_NETWORKS) else [named]
        foreign += [part for part in parts if part is not None and not str(part).startswith(OWN_PARTS)]
        if foreign:
            raise ModelError(
                f"{where} wants {foreign[0]}, which is neither torch's nor nnU-Net's own. Osteon runs no other code; "
                "a network of your own can be run with nnU-Net's commands."
            )
