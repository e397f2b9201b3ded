"""nnU-Net trained on a cohort: exported, planned, trained in a process of its own, and brought back as a model."""
