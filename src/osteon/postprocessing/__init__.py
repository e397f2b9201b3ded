"""From the network's classes to structures: components, holes, instances and levels."""

from osteon.postprocessing.finish import Finished, finish
from osteon.postprocessing.instances import split_instances
from osteon.postprocessing.levels import name_levels

__all__ = ["Finished", "finish", "name_levels", "split_instances"]
