"""What a run shows for itself: meshes, a picture and a page."""

from osteon.report.meshes import write_meshes

__all__ = ["write_meshes"]
