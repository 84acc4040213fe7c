"""Running ONNX graphs: sessions and the files behind them."""

from reenact.runtime.session import Device, Session, available_cores
from reenact.runtime.stages import close, in_order
from reenact.runtime.weights import ModelFolder

__all__ = ["Device", "ModelFolder", "Session", "available_cores", "close", "in_order"]
