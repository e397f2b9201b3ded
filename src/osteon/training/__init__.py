"""Training: losses, augmentation, the loop, checkpoints."""

from osteon.training.config import TrainingConfig
from osteon.training.loop import TrainingPaths, train

__all__ = ["TrainingConfig", "TrainingPaths", "train"]
