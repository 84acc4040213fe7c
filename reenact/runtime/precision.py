"""Choice of the precision variant of a graph for this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from reenact.errors import InvalidOption
from reenact.runtime.weights import ModelFolder

Precision = Literal["auto", "float32", "float16", "int8"]
_CPU = Path("/proc/cpuinfo")
# Instructions for 8-bit dot products without overflow. Without them ONNX Runtime's int8 kernels are hardly
# faster than float32, and may overflow.
_VNNI = {"avx512_vnni", "avx_vnni"}


def has_vnni(description: Path = _CPU) -> bool:
    """Whether the processor has VNNI; False where the system does not say (it is not Linux)."""
    try:
        return not _VNNI.isdisjoint(description.read_text(errors="replace").split())
    except OSError:
        return False


def variant(folder: ModelFolder, name: str, precision: Precision, on_cpu: bool) -> str:
    """The graph to open for ``name``: itself, or its variant of lower precision.

    Raises:
        InvalidOption: the model has no graph of this precision, or not for this device.
    """
    kind, twin = ("int8", f"{name}_int8") if on_cpu else ("float16", f"{name}_fp16")
    there = folder.has(twin)
    if precision == "auto":
        return twin if there and (has_vnni() or not on_cpu) else name
    if precision == "float32":
        return name
    if precision != kind or not there:
        raise InvalidOption(
            f"This model has no {precision} graph for this device; use the precision float32."
        )
    return twin
