"""Exported networks, opened by the runtime they were written for: uint8 images in, probabilities out, without Keras."""

from residual.engines.engine import Engine
from residual.engines.opening import ENGINES, can_keep_engine, open_engine

__all__ = ["ENGINES", "Engine", "can_keep_engine", "open_engine"]
