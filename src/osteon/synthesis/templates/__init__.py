"""Bodies from somebody's label maps or surfaces, and the folders that hold them."""

from osteon.synthesis.templates.folder import load_bodies, write_body
from osteon.synthesis.templates.label_map import body_from_labels
from osteon.synthesis.templates.outline import Fat
from osteon.synthesis.templates.surface_set import body_from_surfaces

__all__ = ["Fat", "body_from_labels", "body_from_surfaces", "load_bodies", "write_body"]
