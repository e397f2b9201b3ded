"""DICOM: a series becomes a `Volume`, or a sentence says why not. DICOM's world is LPS mm; it ends in this folder."""

from osteon.io.dicom.series import Series, list_series, read_dicom, read_study, survey
from osteon.io.dicom.writing import write_dicom_series

__all__ = ["Series", "list_series", "read_dicom", "read_study", "survey", "write_dicom_series"]
