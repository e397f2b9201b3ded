"""What a run shows for itself: meshes, a picture and a page."""

from osteon.report.meshes import write_meshes
from osteon.report.preview import preview

__all__ = ["preview", "write_meshes"]
