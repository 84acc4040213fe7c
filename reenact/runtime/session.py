"""ONNX Runtime sessions: provider, threads, named tensors."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from reenact.errors import ProviderUnavailable, WeightsBroken
from reenact.os_errors import is_programming_error
from reenact.runtime import cuda
from reenact.runtime.fair_lock import FairLock

if TYPE_CHECKING:  # it is imported where a graph is opened: who opens none does without its 20 MB
    import onnxruntime

Device = Literal["auto", "cpu", "cuda"]
DeviceTensor: TypeAlias = "onnxruntime.OrtValue"  # a tensor in the memory of the device that runs the graphs
CPU_PROVIDER = "CPUExecutionProvider"
CUDA_PROVIDER = (
    cuda.PROVIDER,
    {
        "arena_extend_strategy": "kSameAsRequested",  # shapes stay: no room for larger ones
        # Its default, to try all algorithms once while all is cold, chose slower ones (docs/performance.md).
        "cudnn_conv_algo_search": "HEURISTIC",
        "use_tf32": "0",  # or float32 would be no better than float16, of which there is a graph
    },
)
MAX_NODES_NAMED = 3  # misplaced nodes that an error names
ERRORS_ONLY = 3
_GPU_LOCK = FairLock()


class Session:
    """One loaded ONNX graph, called with named tensors; its outputs come in graph order.

    Threads that call graphs on the GPU take turns, batch by batch.
    """

    def __init__(
        self,
        path: Path,
        *,
        device: Device = "auto",
        threads: int | None = None,
        sizes: Mapping[str, int] | None = None,
        require_one_provider: bool = False,
    ) -> None:
        """Load ``path``.

        Args:
            path: the ``.onnx`` file.
            device: ``cuda`` fails where CUDA does not really run; ``auto`` takes it only if it does.
            threads: threads inside one operator; None means one for every core this process may use.
            sizes: fixes axes by their names, for instance ``batch``: shapes are then computed once, at load,
                and memory is planned once. Every call must keep to them.
            require_one_provider: refuse a graph with a node on another provider than the device's.

        Raises:
            WeightsBroken: the file is missing or no ONNX graph.
            ProviderUnavailable: ``cuda`` was asked for and does not run here, or not for all of the graph.
        """
        import onnxruntime

        on_gpu = runs_on_gpu(device)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = ERRORS_ONLY
        options.intra_op_num_threads = threads or available_cores()
        # Spinning workers steal the cores from decoding and encoding, which run beside inference.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry(
            "session.record_ep_graph_assignment_info", str(int(require_one_provider))
        )
        for axis, size in (sizes or {}).items():
            options.add_free_dimension_override_by_name(axis, size)
        self._session = _open(path, options, [CUDA_PROVIDER, CPU_PROVIDER] if on_gpu else [CPU_PROVIDER])
        self.inputs = [tensor.name for tensor in self._session.get_inputs()]
        self.outputs = [tensor.name for tensor in self._session.get_outputs()]
        self.provider: str = self._session.get_providers()[0]
        self._place = "cuda" if on_gpu else "cpu"
        self._lock: AbstractContextManager[None] = _GPU_LOCK if on_gpu else nullcontext()
        if on_gpu and self.provider != cuda.PROVIDER:
            raise ProviderUnavailable(
                f"{path.name} should run on CUDA but would run on {self.provider}; "
                "see what ONNX Runtime wrote to standard error."
            )
        if require_one_provider and (nodes := self.nodes_on_other_providers(self.provider)):
            more = f" and {len(nodes) - MAX_NODES_NAMED} more" if len(nodes) > MAX_NODES_NAMED else ""
            raise ProviderUnavailable(
                f"{path.name} would not run entirely on {self.provider}: "
                f"{', '.join(nodes[:MAX_NODES_NAMED])}{more}. "
                "Install another onnxruntime-gpu, or do not require a GPU."
            )

    def __call__(self, **tensors: NDArray[np.generic] | DeviceTensor) -> list[NDArray[np.float32]]:
        """Run the graph once; the keywords are its input names."""
        return [value.numpy() for value in self.run_on_device(**tensors)]

    def run_on_device(self, **tensors: NDArray[np.generic] | DeviceTensor) -> list[DeviceTensor]:
        """Run the graph once and leave the results on its device, for another graph there."""
        binding = self._session.io_binding()
        for name, tensor in tensors.items():
            if isinstance(tensor, np.ndarray):
                binding.bind_cpu_input(name, np.ascontiguousarray(tensor))
            else:
                binding.bind_ortvalue_input(name, tensor)
        for name in self.outputs:
            binding.bind_output(name, self._place)
        with self._lock:
            self._session.run_with_iobinding(binding)
        kept: list[DeviceTensor] = binding.get_outputs()
        return kept

    def to_device(self, array: NDArray[np.generic]) -> DeviceTensor:
        """An array on the graph's device, for many calls."""
        import onnxruntime

        return onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(array), self._place)

    def nodes_on_other_providers(self, provider: str) -> list[str]:
        """Nodes placed on another provider; only known where ``require_one_provider`` was set."""
        return [
            f"{node.name} ({node.op_type}) on {part.ep_name}"
            for part in self._session.get_provider_graph_assignment_info()
            if part.ep_name != provider
            for node in part.get_nodes()
        ]


def _open(path: Path, options: onnxruntime.SessionOptions, providers: list[Any]) -> Any:
    """ONNX Runtime's session; its own fallback to the CPU would print to standard output and go on."""
    import onnxruntime

    try:
        return onnxruntime.InferenceSession(str(path), options, providers, enable_fallback=0)
    except Exception as error:  # onnxruntime raises many unrelated types here
        if is_programming_error(error):
            raise
        if providers == [CPU_PROVIDER]:
            raise WeightsBroken(f"The model file {path.name} cannot be loaded: {error}") from error
        _open(path, options, [CPU_PROVIDER])  # raises where the file is to blame
        raise ProviderUnavailable(
            f"CUDA cannot load {path.name}; set the device to cpu to run without it: {error}"
        ) from error


def available_cores() -> int:
    """Cores this process may use, which in a container can be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def runs_on_gpu(device: Device) -> bool:
    """Whether graphs for this device are opened on CUDA.

    Raises:
        ProviderUnavailable: ``cuda`` was asked for, and something that it needs is missing.
    """
    if device == "cpu":
        return False
    reason = cuda.missing_requirement()
    if device == "cuda" and reason:
        raise ProviderUnavailable(f"CUDA was requested but cannot run here. {reason}")
    return not reason
