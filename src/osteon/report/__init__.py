"""What a run shows for itself: meshes, a picture and a page."""

from osteon.report.gallery import gallery
from osteon.report.meshes import write_meshes
from osteon.report.page import ReportContent, write_report
from osteon.report.preview import preview

__all__ = ["ReportContent", "gallery", "preview", "write_meshes", "write_report"]
