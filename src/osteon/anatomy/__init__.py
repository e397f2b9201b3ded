"""What can be segmented: structures and tasks, as data."""

from osteon.anatomy.limb import Limb
from osteon.anatomy.structure import Structure
from osteon.anatomy.task import Levels, Task

__all__ = ["Levels", "Limb", "Structure", "Task"]
