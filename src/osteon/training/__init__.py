"""Training: losses, augmentation, the loop, checkpoints."""
