"""Bodies: a folder of bodies that a network is trained on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from osteon.synthesis.body import Body
from osteon.synthesis.templates.folder import ABOUT_FILE, load_bodies


@dataclass(frozen=True, eq=False)
class Bodies:
    """A folder of bodies, read.

    Parameters
    ----------
    folder : Path
    bodies : tuple of Body
    """

    folder: Path
    bodies: tuple[Body, ...]

    @classmethod
    def load(cls, folder: str | Path) -> Bodies:
        """Read a folder of bodies; errors as of `load_bodies`."""
        return cls(Path(folder), tuple(load_bodies(folder)))

    @staticmethod
    def lie_in(folder: str | Path) -> bool:
        """Whether a folder holds bodies (and is no cohort)."""
        return any(Path(folder).glob(f"[!.]*/{ABOUT_FILE}"))

    def digest(self) -> str:
        """SHA-256 of the names, ages, sources and voxels of all bodies."""
        total = hashlib.sha256()
        for body in self.bodies:
            total.update(f"{body.name} {body.source} {body.age_years}".encode())
            total.update(body.parts.affine.tobytes())
            total.update(body.parts.array.tobytes())
            total.update(body.labels.array.tobytes())
        return total.hexdigest()

    def __repr__(self) -> str:
        sources = sorted({body.source for body in self.bodies})
        return f"Bodies({self.folder.name}: {len(self.bodies)} bodies of {', '.join(sources)})"
