"""The engine: every graph opened once, warmed, and handed to the stations."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np

from reenact.config import DEFAULT_MODEL, FACE_MODEL
from reenact.face.detector import FaceDetector
from reenact.face.find import FaceFinder
from reenact.face.mesh import FaceMesh
from reenact.generator.renderer import Renderer
from reenact.keypoints.detector import CROP_SIZE, KeypointDetector
from reenact.runtime import (
    Device,
    ModelFolder,
    Precision,
    Session,
    available_cores,
    runs_on_cpu,
    variant,
)
from reenact.types import Crop, Face

Finder = Literal["blazeface", "fan"]


@lru_cache(maxsize=4)
def open_face_finder(
    device: Device = "auto", threads: int | None = None, finder: Finder = "blazeface"
) -> FaceFinder:
    """Detector, mesh, iris and lip graphs as one finder; kept for the life of the process.

    Raises:
        WeightsBroken: a file is missing, changed, or (fan) cannot be downloaded.
        ProviderUnavailable: ``cuda`` was asked for and does not run.
        ExtraMissing: ``finder`` is ``fan`` and the extra is not installed.
    """
    folder = ModelFolder(FACE_MODEL)

    def load(name: str) -> Session:
        return Session(folder.path(name), device=device, threads=threads)

    mesh = FaceMesh(load("face_mesh"), load("iris"), load("lips"))
    if finder == "fan":
        from reenact.face.fan import FanDetector  # loads torch

        return FaceFinder(FanDetector(device), mesh)
    return FaceFinder(FaceDetector(load("face_detector")), mesh)


class Engine:
    """All that is loaded once: ``finder``, ``detector`` and ``renderer``. Safe to share between threads."""

    def __init__(
        self,
        model: Path = DEFAULT_MODEL,
        *,
        device: Device = "auto",
        threads: int | None = None,
        finder: Finder = "blazeface",
        precision: Precision = "auto",
    ) -> None:
        """Open a model.

        Args:
            model: folder that ``reenact export`` wrote.
            device: ``cuda`` fails where it does not really run; ``auto`` takes what there is.
            threads: that compute at once; None means every core this process may use.
            finder: what looks for faces; ``fan`` needs the extra of that name and downloads its weights on
                first use.
            precision: of the animator; ``auto`` takes int8 where the model has it and the processor is fast
                with it.

        Raises:
            WeightsBroken: a file is missing, changed, or (fan) cannot be downloaded.
            ProviderUnavailable: ``cuda`` was asked for and does not run.
            InvalidOption: the model has no graph of this precision.
            ExtraMissing: ``finder`` is ``fan`` and the extra is not installed.
        """
        folder = ModelFolder(model)
        files = {"animate": variant(folder, "animate", precision, runs_on_cpu(device))}
        # Frames are many: whole batches side by side use the cores better than threads inside an operator.
        inside = {"keypoints": threads, "encode": threads, "animate": 1, "compose": 1}
        sessions = {
            name: Session(folder.path(files.get(name, name)), device=device, threads=count)
            for name, count in inside.items()
            if name != "compose" or folder.has(name)  # an imported FOMM has none
        }
        self.provider = sessions["animate"].provider
        self.graph = files["animate"]  # the animator that was taken
        # A GPU does one batch at a time; a second waits, so that it never runs out of work.
        workers = (threads or available_cores()) if self.provider == "CPUExecutionProvider" else 1
        self.finder = open_face_finder(device, threads, finder)
        self.detector = KeypointDetector(sessions["keypoints"])
        self.renderer = Renderer(sessions["encode"], sessions["animate"], sessions.get("compose"), workers)
        self.model, self.digest = folder.hash("keypoints"), folder.digest

    def warm(self) -> None:
        """Run every graph once on a grey picture, so that the first request does not pay for it."""
        grey = np.full((CROP_SIZE, CROP_SIZE, 3), 128, np.uint8)
        self.finder.find(grey)
        face = Face((0, 0, CROP_SIZE, CROP_SIZE), 0.0, np.full((478, 2), CROP_SIZE / 2, np.float32))
        keypoints = self.detector.many([(grey, face)], Crop(0, 0, CROP_SIZE))
        side = 2 * CROP_SIZE if self.renderer.scales else CROP_SIZE
        full = np.full((side, side, 3), 128, np.uint8)
        list(self.renderer.render(self.renderer.prepare(grey, full, keypoints[0]), keypoints))
