"""Label maps and surfaces, from one to the other."""

from osteon.masks.to_surface import surfaces_of

__all__ = ["surfaces_of"]
