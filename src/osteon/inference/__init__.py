"""Inference: engines, and a model's answer on the scan's own grid."""

from osteon.inference.engine import ENGINES, PRECISIONS, Engine, engine_for
from osteon.inference.looks import with_looks
from osteon.inference.predict import Prediction, predict, predict_classes

__all__ = ["ENGINES", "PRECISIONS", "Engine", "Prediction", "engine_for", "predict", "predict_classes", "with_looks"]
