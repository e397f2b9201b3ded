"""Limb: how the bones of a limb lie to one another."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Limb(BaseModel):
    """How the bones of a limb lie to one another, by the groups (``parent``) of a task.

    Parameters
    ----------
    order : tuple of str
        From the trunk outwards, in the patient from above downwards; each meets the next at a joint.
    lateral : tuple of (str, str)
        Where the two stand side by side, the first lies lateral of the second.
    midline : tuple of str
        Groups whose right and left structure meet in the midline.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    order: tuple[str, ...] = ()
    lateral: tuple[tuple[str, str], ...] = ()
    midline: tuple[str, ...] = ()

    @property
    def groups(self) -> tuple[str, ...]:
        """Every group that is named, once."""
        pairs = [group for pair in self.lateral for group in pair]
        return tuple(dict.fromkeys((*self.order, *pairs, *self.midline)))

    @property
    def long_groups(self) -> tuple[str, ...]:
        """Groups of which each side is one bone, apart from the other side's."""
        return tuple(group for group in self.groups if group not in self.midline)
