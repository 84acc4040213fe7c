"""Running ONNX graphs: sessions and the files behind them."""

from reenact.runtime import cuda
from reenact.runtime.ordered_map import close, ordered_map
from reenact.runtime.precision import Precision, variant
from reenact.runtime.session import Device, DeviceTensor, Session, available_cores, runs_on_gpu
from reenact.runtime.weights import ModelFolder

__all__ = [
    "Device",
    "DeviceTensor",
    "ModelFolder",
    "Precision",
    "Session",
    "available_cores",
    "close",
    "cuda",
    "ordered_map",
    "runs_on_gpu",
    "variant",
]
