"""Swaps as the evaluation takes them: frames as they were, as they became, and where they may differ."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from reenact.blending.blend import blend
from reenact.driver import FaceTrackDriver
from reenact.engine import Engine
from reenact.errors import InputError
from reenact.evaluation.methods import SwappedFrame
from reenact.face.align import align, choose
from reenact.footage import Footage, open_footage
from reenact.media import open_clip
from reenact.options import SwapOptions
from reenact.overlay import Analysis, Overlay
from reenact.scene import ClipScene, Layer
from reenact.subject import open_subject

if TYPE_CHECKING:
    from reenact.types import Picture


def swap_frames(
    engine: Engine,
    selfie: Picture,
    clip: Path | Footage,
    options: SwapOptions | None = None,
    overlay_of: Callable[..., ObservedOverlay] | None = None,
) -> Iterator[SwappedFrame]:
    """Every frame of a clip with the face of a selfie, before label, mark and encoding.

    A clip in which our finder sees no face stays as it is, and is judged like that.
    """
    options = options or SwapOptions()
    try:
        footage = clip if isinstance(clip, Footage) else open_footage(engine, clip, span=options.span)
        face = choose(engine.finder.find(selfie), options.face)
    except InputError:
        frames = (clip.open() if isinstance(clip, Footage) else open_clip(clip)).frames
        yield from (SwappedFrame(frame, frame, np.zeros(frame.shape[:2], np.float32)) for frame in frames)
        return
    track = footage.tracks[0]
    subject = open_subject(engine, selfie, face, align(face), track.painted_size(options.size))
    layer = Layer(subject, FaceTrackDriver(track, footage.fps, options.likeness))
    overlay = (overlay_of or ObservedOverlay)(engine, footage, track)
    made = ClipScene(footage, [overlay]).frames([layer])
    for index, (before, after) in enumerate(zip(footage.open().frames, made, strict=False)):
        yield SwappedFrame(before, after, overlay.masks.pop(index, np.zeros(before.shape[:2], np.float32)))


class ObservedOverlay(Overlay):
    """An overlay that keeps where each frame may change: the mask before what is in front is taken out."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self.masks: dict[int, np.ndarray] = {}

    def lay(self, frame: Picture, before: Analysis | None, now: Analysis, after: Analysis | None) -> Picture:
        """The frame with the new face; its mask is kept."""
        white = np.full_like(now.square, 255)
        share = blend(np.zeros_like(frame), white, now.alpha, self.track.square(now.index))
        self.masks[now.index] = share[..., 0] / np.float32(255)
        return super().lay(frame, before, now, after)
