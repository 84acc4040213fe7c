"""Opening ONNX graphs: which provider runs them, with how many threads, and what their tensors are called."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Literal

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from reenact.errors import ProviderUnavailable, WeightsBroken
from reenact.runtime.turns import Turns

Device = Literal["auto", "cpu", "cuda"]
ERRORS_ONLY = 3
_GPU = Turns()


class Session:
    """One loaded ONNX graph, called with named arrays and returning its outputs in graph order.

    Threads that call graphs on the GPU take turns, batch by batch.
    """

    def __init__(self, path: Path, *, device: Device = "auto", threads: int | None = None) -> None:
        """Load ``path``.

        Args:
            path: the ``.onnx`` file.
            device: ``cuda`` fails where CUDA does not really run; ``auto`` takes it only if it does.
            threads: threads inside one operator; None means one for every core this process may use.

        Raises:
            WeightsBroken: the file is missing or no ONNX graph.
            ProviderUnavailable: ``cuda`` was asked for and does not run here.
        """
        options = onnxruntime.SessionOptions()
        options.log_severity_level = ERRORS_ONLY
        options.intra_op_num_threads = threads or available_cores()
        # Spinning workers steal the cores from decoding and encoding, which run beside inference.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        providers = _providers(device)
        try:
            self._session = onnxruntime.InferenceSession(str(path), sess_options=options, providers=providers)
        except Exception as error:  # onnxruntime raises many unrelated types here
            raise WeightsBroken(f"The model file {path.name} cannot be loaded: {error}") from error
        self.inputs = [tensor.name for tensor in self._session.get_inputs()]
        self.outputs = [tensor.name for tensor in self._session.get_outputs()]
        self.provider: str = self._session.get_providers()[0]
        on_gpu = self.provider == "CUDAExecutionProvider"
        self._turn: AbstractContextManager[None] = _GPU if on_gpu else nullcontext()
        if device == "cuda" and not on_gpu:
            raise ProviderUnavailable(
                f"{path.name} was asked to run on CUDA but would run on {self.provider}."
            )

    def __call__(self, **arrays: NDArray[np.generic]) -> list[NDArray[np.float32]]:
        """Run the graph once; the keywords are its input names."""
        with self._turn:
            result: list[NDArray[np.float32]] = self._session.run(None, arrays)
        return result


def available_cores() -> int:
    """Cores this process may use, which in a container can be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def runs_on_cpu(device: Device) -> bool:
    """Whether a session for this device will ask for the CPU alone; raises ProviderUnavailable."""
    return _providers(device) == ["CPUExecutionProvider"]


def _providers(device: Device) -> list[str]:
    available = onnxruntime.get_available_providers()
    if device == "cpu":
        return ["CPUExecutionProvider"]
    if "CUDAExecutionProvider" in available:
        return ["CUDAExecutionProvider", "CPUExecutionProvider"]
    if device == "cuda":
        raise ProviderUnavailable(
            "CUDA was asked for, but the installed onnxruntime has no CUDA provider. "
            "Install the extra `gpu` instead of `cpu`: pip install 'reenact[gpu]'."
        )
    return ["CPUExecutionProvider"]
