"""Volumes, places and lengths of the structures of one label map."""

from osteon.measurement.structures import measure, write_measurements
from osteon.measurement.surface_area import surface_area_mm2
from osteon.measurement.vertebra import Body, measure_body

__all__ = ["Body", "measure", "measure_body", "surface_area_mm2", "write_measurements"]
