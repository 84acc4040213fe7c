"""Whether CUDA can run here, and if not, what is missing.

ONNX Runtime says little: where a library or the driver is missing it logs a line, and opens the graph on the
CPU. What is asked here is what its provider needs, in the order in which it needs it.
"""

from __future__ import annotations

import ctypes
import sys
from contextlib import redirect_stdout
from functools import lru_cache
from pathlib import Path
from typing import Any

PROVIDER = "CUDAExecutionProvider"
NO_DEVICE = 100  # CUDA_ERROR_NO_DEVICE of the driver's cuInit


def provider_installed() -> bool:
    """Whether the installed ONNX Runtime has the CUDA provider at all."""
    return PROVIDER in _runtime().get_available_providers()


@lru_cache(maxsize=1)
def load_libraries() -> None:
    """Load CUDA and cuDNN from the Python packages of the extra ``gpu``, where the loader does not look.

    To be called before the first graph is opened. What is not there may still be found in the system's own
    places when the provider is loaded.
    """
    if provider_installed():
        with redirect_stdout(sys.stderr):  # where it tells what it does not find
            _runtime().preload_dlls()


def missing_requirement() -> str:
    """What keeps CUDA from running and what to do about it, as sentences; empty where nothing is seen."""
    if not provider_installed():
        return (
            "The installed onnxruntime has no CUDA provider. Install the extra `gpu` instead of `cpu`: "
            "pip uninstall onnxruntime; pip install 'reenact[gpu]'."
        )
    return _driver_problem() or _library_problem()


def gpu_name() -> str:
    """The name of the first GPU as the driver tells it; only to be asked where nothing is missing."""
    driver, device, name = ctypes.CDLL("libcuda.so.1"), ctypes.c_int(0), ctypes.create_string_buffer(128)
    driver.cuInit(0)
    driver.cuDeviceGet(ctypes.byref(device), 0)
    driver.cuDeviceGetName(name, len(name), device)
    return name.value.decode(errors="replace")


def _driver_problem() -> str:
    """What is wrong with the driver or the card."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return (
            "The NVIDIA driver (libcuda.so.1) is missing. Install it; run a container with --gpus all and "
            "the NVIDIA Container Toolkit."
        )
    status, count, known = driver.cuInit(0), ctypes.c_int(0), ctypes.c_int(0)
    if status not in (0, NO_DEVICE):
        return f"The NVIDIA driver does not start (cuInit returned {status}). Check `nvidia-smi`."
    driver.cuDeviceGetCount(ctypes.byref(count))
    if not count.value:
        return "The NVIDIA driver sees no GPU. Check `nvidia-smi` and CUDA_VISIBLE_DEVICES."
    driver.cuDriverGetVersion(ctypes.byref(known))
    needed, knows = _runtime().cuda_version or "0", f"{known.value // 1000}.{known.value % 1000 // 10}"
    if int(knows.partition(".")[0]) < int(needed.partition(".")[0]):
        return (
            f"The NVIDIA driver supports CUDA up to {knows}; this onnxruntime needs {needed}. "
            "Update the driver."
        )
    return ""


def _library_problem() -> str:
    """What ONNX Runtime's provider lacks to be loaded."""
    load_libraries()
    place = Path(_runtime().__file__).parent / "capi"
    try:
        for name in ("shared", "cuda"):
            ctypes.CDLL(str(place / f"libonnxruntime_providers_{name}.so"), ctypes.RTLD_GLOBAL)
    except OSError as error:
        return (
            f"CUDA or cuDNN is missing or has another version: {error}. Install them with the extra: "
            f"{sys.executable} -m pip install 'reenact[gpu]'."
        )
    return ""


def _runtime() -> Any:
    """ONNX Runtime; only who opens graphs loads it, not who answers requests."""
    import onnxruntime

    return onnxruntime
