"""Inference: engines, and a model's answer on the scan's own grid."""

from osteon.inference.engine import ENGINES, Engine, engine_for
from osteon.inference.predict import Prediction, predict, predict_classes

__all__ = ["ENGINES", "Engine", "Prediction", "engine_for", "predict", "predict_classes"]
