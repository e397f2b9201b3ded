"""Training: losses, augmentation, the loop, checkpoints."""

from osteon.training.config import TrainingConfig
from osteon.training.folder import TrainingPaths
from osteon.training.loop import train

__all__ = ["TrainingConfig", "TrainingPaths", "train"]
