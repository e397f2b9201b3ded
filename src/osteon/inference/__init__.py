"""Inference: engines, and a model's answer on the scan's own grid."""

from osteon.inference.engine import ENGINES, Engine, engine_for
from osteon.inference.predict import predict_classes

__all__ = ["ENGINES", "Engine", "engine_for", "predict_classes"]
