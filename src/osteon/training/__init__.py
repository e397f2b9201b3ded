"""Training: losses, augmentation, the loop, checkpoints, fine-tuning."""

from osteon.training.config import TrainingConfig
from osteon.training.finetuning import finetune, finetuning_config
from osteon.training.folder import TrainingPaths
from osteon.training.loop import train

__all__ = ["TrainingConfig", "TrainingPaths", "finetune", "finetuning_config", "train"]
