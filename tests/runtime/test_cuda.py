"""What is missing is said, in the order in which a GPU needs it. The driver here is a pretended one."""

from __future__ import annotations

import ctypes
import ctypes.util

import onnxruntime
import pytest

from reenact.runtime import cuda


class Driver:
    """Answers as libcuda does."""

    def __init__(self, status: int = 0, devices: int = 1, version: int = 13000) -> None:
        self.cuInit = lambda flags: status
        self.cuDeviceGetCount = lambda place: self._set(place, devices)
        self.cuDriverGetVersion = lambda place: self._set(place, version)

    @staticmethod
    def _set(place: ctypes.c_int, value: int) -> None:
        place._obj.value = value  # type: ignore[attr-defined]  # what byref points to


@pytest.fixture
def gpu_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [cuda.PROVIDER])
    monkeypatch.setattr(onnxruntime, "cuda_version", "13.0")


@pytest.fixture
def driver(gpu_package: None, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    real = ctypes.CDLL

    def load(name: str, *mode: int) -> object:
        return request.param if name == "libcuda.so.1" else real(name, *mode)

    monkeypatch.setattr(ctypes, "CDLL", load)


def test_the_package_without_cuda_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    assert not cuda.provider_installed()
    assert "pip install 'reenact[gpu]'" in cuda.missing_requirement()


@pytest.mark.skipif(ctypes.util.find_library("cuda") is not None, reason="the driver is here")
def test_then_the_driver(gpu_package: None) -> None:
    assert cuda.missing_requirement().startswith("The NVIDIA driver (libcuda.so.1) is missing")


@pytest.mark.parametrize(
    ("driver", "said"),
    [
        (Driver(status=cuda.NO_DEVICE, devices=0), "sees no GPU"),
        (Driver(devices=0), "CUDA_VISIBLE_DEVICES"),
        (Driver(status=999), "cuInit returned 999"),
        (Driver(version=12080), "supports CUDA up to 12.8; this onnxruntime needs 13.0"),
    ],
    indirect=["driver"],
)
def test_then_the_card_and_the_driver_s_age(driver: None, said: str) -> None:
    assert said in cuda.missing_requirement()


@pytest.mark.skipif(cuda.provider_installed(), reason="the provider is here")
@pytest.mark.parametrize("driver", [Driver()], indirect=True)
def test_then_the_libraries(driver: None) -> None:
    """The provider's own file is missing here, as CUDA's are where the extra came without them."""
    reason = cuda.missing_requirement()
    assert "libonnxruntime_providers_cuda.so" in reason and "reenact[gpu]" in reason
