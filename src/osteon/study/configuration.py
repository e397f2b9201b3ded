"""The configuration of a study: that of a training, and what single arms have otherwise."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from osteon.errors import TrainingError
from osteon.networks.model import Model
from osteon.study.budget import Budget
from osteon.training import TrainingConfig, finetuning_config
from osteon.training.config import read_tables
from osteon.training.finetuning import FROM_THE_MODEL, GENTLY

if TYPE_CHECKING:
    from osteon.study.arm import Arm

ENDLESS = 100_000
"""Epochs, and patience, where the time is what ends a training: arms of equal minutes stop at nothing else."""


@dataclass(frozen=True)
class StudyConfig:
    """What every arm has, before its own changes.

    Parameters
    ----------
    training : TrainingConfig
    arms : mapping
        Tables of a configuration by arm, which come last: such as a narrower 3-D network.
    """

    training: TrainingConfig
    arms: Mapping[str, Mapping[str, Any]]

    @classmethod
    def load(cls, path: Path) -> StudyConfig:
        """Read a TOML file: keys of a training's configuration, and tables ``[arms.NAME]`` of such keys.

        Raises
        ------
        TrainingError
            If it is missing, is not TOML, or has a key or value that is not known.
        """
        tables = read_tables(path)
        arms = tables.pop("arms", {})
        if not isinstance(arms, dict) or not all(isinstance(table, dict) for table in arms.values()):
            raise TrainingError(f"{path}: arms holds a table for each arm, such as [arms.unet3d.network].")
        return cls(TrainingConfig.checked(tables, str(path)), arms)

    def seeded(self, seed: int) -> StudyConfig:
        """The same with another seed."""
        return StudyConfig(self.training.model_copy(update={"seed": seed}), self.arms)

    def check_names(self, known: Collection[str]) -> None:
        """Raise `TrainingError` if it has keys for an arm that no study knows."""
        if strangers := sorted(set(self.arms) - set(known)):
            raise TrainingError(
                f"The configuration has keys for an arm {strangers[0]}, which is in no study. Known: "
                f"{', '.join(sorted(known))}."
            )

    def of_arm(self, arm: Arm, budget: Budget | None, start: Path | None) -> TrainingConfig:
        """Configuration of an arm.

        A network that the arm names has its published size, unless the arm's own tables say otherwise.

        Parameters
        ----------
        arm : Arm
        budget : Budget, optional
            How long it trains; as the configuration says if None.
        start : Path, optional
            Model that it is fine-tuned from, gently.
        """
        tables = self.training.model_dump(exclude_unset=True) | {
            "name": f"{self.training.name}-{arm.name}",
            "title": f"{self.training.title}: {arm.title}",
        }
        network = dict(arm.changes.get("network", {}))
        if network and network["name"] != self.training.network.name:
            tables["network"] = {}
        for changes in (arm.changes, self.arms.get(arm.name, {})):
            tables = _merged(tables, changes)
        if budget is not None:
            tables |= budget.keys | {"epochs": ENDLESS, "patience": ENDLESS}
        if start is None:
            return TrainingConfig.checked(tables, f"arm {arm.name}")
        gently = GENTLY["optimiser"]
        kept = {key: value for key, value in tables.items() if key not in (*FROM_THE_MODEL, "encoder")}
        return finetuning_config(Model.load(start), _merged(kept, {"optimiser": gently}), (), f"arm {arm.name}")


def _merged(tables: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Tables with changes, key by key."""
    merged = dict(tables)
    for key, value in changes.items():
        inner = merged.get(key)
        merged[key] = {**inner, **value} if isinstance(value, Mapping) and isinstance(inner, Mapping) else value
    return merged
