"""Running ONNX graphs: sessions and the files behind them."""

from reenact.runtime import cuda
from reenact.runtime.ordered_map import close, in_order
from reenact.runtime.precision import Precision, variant
from reenact.runtime.session import Device, Kept, Session, available_cores, runs_on_gpu
from reenact.runtime.weights import ModelFolder

__all__ = [
    "Device",
    "Kept",
    "ModelFolder",
    "Precision",
    "Session",
    "available_cores",
    "close",
    "cuda",
    "in_order",
    "runs_on_gpu",
    "variant",
]
