"""From the network's classes to structures: components, holes, sides, instances and levels."""

from osteon.postprocessing.finish import Finished, finish
from osteon.postprocessing.instances import split_instances
from osteon.postprocessing.levels import name_levels
from osteon.postprocessing.slices import denoise_slices
from osteon.postprocessing.volume import clean_volume

__all__ = ["Finished", "clean_volume", "denoise_slices", "finish", "name_levels", "split_instances"]
