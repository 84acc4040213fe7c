"""Running ONNX graphs: sessions and the files behind them."""

from reenact.runtime.precision import Precision, variant
from reenact.runtime.session import Device, Session, available_cores, runs_on_cpu
from reenact.runtime.stages import close, in_order
from reenact.runtime.weights import ModelFolder

__all__ = [
    "Device",
    "ModelFolder",
    "Precision",
    "Session",
    "available_cores",
    "close",
    "in_order",
    "runs_on_cpu",
    "variant",
]
