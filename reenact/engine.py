"""The engine: every graph loaded once, warmed up, and shared by all jobs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np

from reenact.blending.occlusion import OcclusionDetector
from reenact.config import DEFAULT_MODEL, FACE_MODEL
from reenact.errors import InvalidOption
from reenact.face.detector import FaceDetector
from reenact.face.find import FaceFinder
from reenact.face.mesh import FaceMesh
from reenact.face.parts import GRAPHS
from reenact.generator.renderer import BATCH, Composer, Renderer
from reenact.keypoints.detector import CROP_SIZE, KeypointEstimator
from reenact.runtime import (
    Device,
    ModelFolder,
    Precision,
    Session,
    available_cores,
    cuda,
    runs_on_gpu,
    variant,
)
from reenact.types import Crop, Face

Finder = Literal["blazeface", "fan"]
# Frames in each graph call on a GPU. Always the same number, so memory is planned once; 2.6 GB at 1024.
GPU_BATCH = 16

log = logging.getLogger(__name__)


@lru_cache(maxsize=4)
def open_face_finder(
    device: Device = "auto", threads: int | None = None, finder: Finder = "blazeface"
) -> FaceFinder:
    """Detector, mesh and the graphs of its parts as one finder; kept for the life of the process.

    Raises:
        WeightsBroken: a file is missing, changed, or (fan) cannot be downloaded.
        ProviderUnavailable: ``cuda`` was asked for and does not run.
        ExtraMissing: ``finder`` is ``fan`` and the extra is not installed.
    """
    folder = ModelFolder(FACE_MODEL)

    def load(name: str) -> Session:
        return Session(folder.path(name), device=device, threads=threads)

    mesh = FaceMesh(load("face_mesh"), {graph: load(graph) for graph in GRAPHS})
    if finder == "fan":
        from reenact.face.fan import FanDetector  # loads torch

        return FaceFinder(FanDetector(device), mesh)
    return FaceFinder(FaceDetector(load("face_detector")), mesh)


@lru_cache(maxsize=4)
def open_occlusion_detector(device: Device = "auto", threads: int | None = None) -> OcclusionDetector:
    """What marks things in front of a face; kept for the life of the process.

    Raises:
        WeightsBroken: a file is missing or changed.
        ProviderUnavailable: ``cuda`` was asked for and does not run.
    """
    path = ModelFolder(FACE_MODEL).path("occlusion")
    return OcclusionDetector(Session(path, device=device, threads=threads))


class Engine:
    """The loaded models: ``finder``, ``detector``, ``renderer`` and ``occlusion``. Thread-safe."""

    def __init__(
        self,
        model: Path = DEFAULT_MODEL,
        *,
        device: Device = "auto",
        threads: int | None = None,
        finder: Finder = "blazeface",
        precision: Precision = "auto",
        require_gpu: bool = False,
    ) -> None:
        """Open a model.

        Args:
            model: folder that ``reenact export`` wrote.
            device: ``cuda`` fails where CUDA does not run; ``auto`` falls back to the CPU.
            threads: number of threads; None means one for each core that this process may use.
            finder: the face detector; ``fan`` needs the extra of that name and downloads its weights on first
                use.
            precision: of the animation network; ``auto`` takes float16 on a GPU and int8 on a CPU with VNNI,
                where the model has them.
            require_gpu: fail where CUDA does not run, or where a node of the model would run on the CPU.

        Raises:
            WeightsBroken: a file is missing, changed, or (fan) cannot be downloaded.
            ProviderUnavailable: CUDA was asked for and does not run, or not for all of the model.
            InvalidOption: the model has no graph of this precision, or the GPU is required on the CPU.
            ExtraMissing: ``finder`` is ``fan`` and the extra is not installed.
        """
        if require_gpu and device == "cpu":
            raise InvalidOption("The GPU is required, but the device is cpu. Set only one of the two.")
        device = "cuda" if require_gpu else device
        on_gpu = runs_on_gpu(device)
        if not on_gpu and device == "auto" and cuda.provider_installed():
            log.warning("CUDA does not run here; the CPU is used. %s", cuda.missing_requirement())
        folder = ModelFolder(model)

        def load(name: str, threads: int | None, **sizes: int) -> Session:
            fixed = sizes if on_gpu else None
            path = folder.path(name)
            return Session(
                path, device=device, threads=threads, sizes=fixed, require_one_provider=require_gpu
            )

        self.graph = variant(folder, "animate", precision, not on_gpu)  # name of the animation graph in use
        # Batches in parallel use the cores better than threads inside an operator.
        animate = load(self.graph, 1, batch=GPU_BATCH)
        self.provider = animate.provider
        self.finder = open_face_finder(device, threads, finder)
        self.detector = KeypointEstimator(load("keypoints", threads, batch=1))
        self.renderer = Renderer(
            load("encode", threads),
            animate,
            _composer(load, on_gpu) if folder.has("compose") else None,  # an imported FOMM has none
            # A GPU runs one batch at a time; a second one is queued, so that it is never idle.
            1 if on_gpu else threads or available_cores(),
            GPU_BATCH if on_gpu else BATCH,
            on_gpu,
        )
        self.occlusion = open_occlusion_detector(device, threads)
        self.model, self.digest = folder.hash("keypoints"), folder.digest

    def warm(self) -> None:
        """Run every graph once on a grey picture, so that the first request is not slower."""
        grey = np.full((CROP_SIZE, CROP_SIZE, 3), 128, np.uint8)
        around = np.linspace(0, 2 * np.pi, 478)
        oval = CROP_SIZE / 4 * np.stack([np.cos(around), np.sin(around)], 1) + CROP_SIZE / 2
        face = Face((0, 0, CROP_SIZE, CROP_SIZE), 0.0, oval.astype(np.float32))
        # No face is found in grey; one that is followed is looked for with every network.
        list(self.finder.follow([grey], face))
        self.occlusion(grey, face.landmarks)
        keypoints = self.detector.many([(grey, face)], Crop(0, 0, CROP_SIZE))
        side = 2 * CROP_SIZE if self.renderer.scales else CROP_SIZE
        full = np.full((side, side, 3), 128, np.uint8)
        list(self.renderer.render(self.renderer.prepare(grey, full, keypoints[0]), keypoints))


def _composer(load: Callable[..., Session], on_gpu: bool) -> Composer:
    """The compose graph: one for all sizes, or on a GPU one for each, with its shapes fixed."""
    if on_gpu:
        return lru_cache(maxsize=None)(lambda side: load("compose", 1, batch=GPU_BATCH, side=side))
    any_size = load("compose", 1)
    return lambda side: any_size
