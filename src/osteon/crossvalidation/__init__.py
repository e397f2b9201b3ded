"""Cross-validation: every subject is tested by a network that never saw it."""

from osteon.crossvalidation.folder import CrossvalPaths
from osteon.crossvalidation.folds import CrossValidated, crossval

__all__ = ["CrossValidated", "CrossvalPaths", "crossval"]
