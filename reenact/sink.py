"""Output of finished frames: label, watermark, encoding and signature."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol

from reenact.engine import Engine
from reenact.media import EncodedFile, write_clip
from reenact.options import AnimateOptions, SwapOptions
from reenact.provenance.certificate import Certificate
from reenact.provenance.credentials import sign_clip
from reenact.provenance.label import Label
from reenact.provenance.origin import Origin, Role, SourceFile
from reenact.runtime import close, ordered_map
from reenact.scene import Scene
from reenact.types import Clip, Effect, FrameCallback, Picture, ProgressCallback, Template
from reenact.watermark.embed import Marker


class Sink(Protocol):
    """Consumer of the frames of a clip as they are made."""

    def write(self, clip: Clip, scene: Scene) -> EncodedFile:
        """Write all frames of ``clip``, which show ``scene``; raises OutputError where that fails."""


@dataclass(frozen=True)
class FileSink:
    """A ``.mp4``, ``.gif`` or ``.webp`` file, which appears only when it is complete.

    ``sign_file`` signs it. ``on_progress`` is called for every frame, and ``on_frame`` receives each frame as
    it is written to the file.
    """

    out: Path
    options: AnimateOptions | SwapOptions
    sign_file: Callable[[Path, Path], None] | None = None
    on_progress: ProgressCallback | None = None
    on_frame: FrameCallback | None = None

    def write(self, clip: Clip, scene: Scene) -> EncodedFile:
        """Add label and watermark to the frames if requested, and encode them."""
        frames, options = clip.frames, self.options
        if options.label:
            boxes = [(x0, y0, x1, y1) for x0, y0, x1, y1 in scene.face_boxes().reshape(-1, 4).tolist()]
            frames = ordered_map(Label(options.label, scene.size, boxes).blend, frames)
        if options.watermark:
            frames = ordered_map(Marker(options.watermark).mark, frames)
        shown = report_progress(frames, clip.frame_count or 0, self.on_progress, self.on_frame)
        finished = replace(clip, frames=shown)
        return write_clip(finished, self.out, options=options.encode, sign_file=self.sign_file)


def file_signer(
    engine: Engine,
    selfie: bytes | Path,
    template: Template | Path,
    certificate: Certificate | None,
    act: Effect = "animate",
    others: Sequence[SourceFile] = (),
) -> Callable[[Path, Path], None] | None:
    """The function that signs the result with its provenance; ``others`` are further files used in it."""
    if certificate is None:
        return None
    inputs = (SourceFile("portrait", selfie), *others)
    if isinstance(template, Path):
        role: Role = "driving" if act == "animate" else "clip"
        origin = Origin(engine.digest, None, (*inputs, SourceFile(role, template)), act)
    else:
        origin = Origin(engine.digest, template.id, inputs)
    return partial(sign_clip, origin=origin, certificate=certificate)


def report_progress(
    frames: Iterator[Picture],
    total: int,
    on_progress: ProgressCallback | None,
    on_frame: FrameCallback | None = None,
) -> Iterator[Picture]:
    """Pass frames on; if the consumer stops or ``on_progress`` raises, the earlier stages stop too."""
    try:
        for done, frame in enumerate(frames, 1):
            yield frame
            if on_frame:
                on_frame(frame)
            if on_progress:
                on_progress(done, total)
    finally:
        close(frames)
