"""Frames -> a looping GIF with a palette fitted to the clip.

Pillow makes the palette, the dithering and the LZW data. Its own animation writer keeps every frame until the
end, so the file's frame (GIF89a) is written here and memory does not grow with the clip.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.GifImagePlugin import getdata

from reenact.types import Picture

MAX_RATE = Fraction(50)  # browsers slow down frames shorter than 20 ms
_COLOURS = 255  # and one index for unchanged pixels
_SAME = 255
_CHANGE_THRESHOLD = 4  # levels; a pixel that changed less is not redrawn, so a still background stays still
_CHUNK_BYTES = 32_000_000  # frames looked at together to fit a palette
_SAMPLES = 100_000  # pixels the palette is fitted to
_LOOP_FOREVER = b"!\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"
_LONGEST_DELAY = 65535  # centiseconds


@dataclass(frozen=True)
class Palette:
    """255 colours as a Pillow palette image, and how far (mean levels) its own frames are from them."""

    image: Image.Image
    error: float


@dataclass
class GifState:
    """State of the animation: the displayed pixels, and the current palette."""

    drawn: NDArray[np.int16] | None = None
    palette: Palette | None = None
    first: Palette | None = None  # the palette in the file's header


def write_gif(frames: Iterator[Picture], fps: Fraction, path: Path) -> tuple[int, Fraction]:
    """Write frames (H, W, 3) uint8 as a GIF that loops forever; return (frame count, frames per second).

    Delays are whole centiseconds whose rounding never adds up: frame k starts at round(100 k / fps). Above
    50 fps frames are dropped. One palette serves the whole clip unless later frames need other colours.
    """
    if fps > MAX_RATE:
        frames, fps = _drop_frames(frames, fps / MAX_RATE), MAX_RATE
    state = GifState()
    count = 0
    with path.open("wb") as file:
        for chunk in _chunks(frames):
            _choose_palette(state, chunk)
            for frame in chunk:
                delay = round((count + 1) * 100 / fps) - round(count * 100 / fps)
                if count == 0:
                    file.write(_header(frame, state))
                _write_frame(file, state, frame, min(delay, _LONGEST_DELAY))
                count += 1
        file.write(b";")
    return count, fps


def _drop_frames(frames: Iterator[Picture], step: Fraction) -> Iterator[Picture]:
    """Keep the frames nearest to every ``step``-th (step > 1)."""
    kept = 0
    for index, frame in enumerate(frames):
        if index == round(kept * step):
            yield frame
            kept += 1


def _chunks(frames: Iterator[Picture]) -> Iterator[list[Picture]]:
    """Frames in lists of bounded size."""
    for frame in frames:
        room = max(0, _CHUNK_BYTES // frame.nbytes - 1)
        yield [frame, *islice(frames, room)]


def _choose_palette(state: GifState, chunk: list[Picture]) -> None:
    """Keep the palette while it fits these frames nearly as well as its own; otherwise fit a new one."""
    sample = _sample(chunk)
    if state.palette is not None:
        if _error(sample, state.palette.image) <= 1.25 * state.palette.error + 0.5:
            return
        state.drawn = None  # drawn with other colours: start from a full frame
    image = sample.quantize(_COLOURS, Image.Quantize.MEDIANCUT, kmeans=3)
    state.palette = Palette(image, _error(sample, image))
    state.first = state.first or state.palette


def _sample(chunk: list[Picture]) -> Image.Image:
    """A picture of up to about ``_SAMPLES`` pixels taken evenly from all frames."""
    pixels = sum(frame.shape[0] * frame.shape[1] for frame in chunk)
    # Not a divisor of common widths, so that the samples do not line up in columns.
    step = max(1, pixels // _SAMPLES) | 1
    return Image.fromarray(np.concatenate([frame.reshape(-1, 3)[::step] for frame in chunk])[None])


def _error(sample: Image.Image, palette: Image.Image) -> float:
    """Mean absolute distance of the sample's channels from their nearest palette colours."""
    nearest = sample.quantize(palette=palette, dither=Image.Dither.NONE).convert("RGB")
    return float(np.abs(np.asarray(nearest, np.int16) - np.asarray(sample, np.int16)).mean())


def _header(frame: Picture, state: GifState) -> bytes:
    """Screen size, the first palette as the global one (256 entries of 8 bits), loop flag."""
    height, width = frame.shape[:2]
    return struct.pack("<6sHHBBB", b"GIF89a", width, height, 0xF7, 0, 0) + _colours(state) + _LOOP_FOREVER


def _colours(state: GifState) -> bytes:
    """The palette in force as 256 RGB triples."""
    palette = state.palette.image.getpalette() if state.palette else None
    return bytes(palette or [])[: 3 * _COLOURS].ljust(768, b"\x00")


def _write_frame(file: BinaryIO, state: GifState, frame: Picture, delay: int) -> None:
    """Draw what has changed: the smallest rectangle around it, unchanged pixels inside left as they are."""
    assert state.palette is not None
    pixels = frame.astype(np.int16)
    picture = Image.fromarray(frame).quantize(palette=state.palette.image, dither=Image.Dither.FLOYDSTEINBERG)
    indices = np.array(picture)
    if state.drawn is None:
        state.drawn = pixels
        box = (0, 0, frame.shape[1], frame.shape[0])
    else:
        changed = np.abs(pixels - state.drawn).max(axis=2) >= _CHANGE_THRESHOLD
        state.drawn[changed] = pixels[changed]
        indices[~changed] = _SAME
        box = _bounds(changed)
    left, top, right, bottom = box
    image = Image.fromarray(np.ascontiguousarray(indices[top:bottom, left:right]))
    own_colours = state.palette is not state.first
    if own_colours:
        image.putpalette(_colours(state))
    for block in getdata(
        image,
        (left, top),
        duration=delay * 10,
        transparency=_SAME,
        disposal=1,  # leave the frame in place for the next one
        include_color_table=own_colours,
    ):
        file.write(block)


def _bounds(changed: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Left, top, right, bottom around all True; one pixel when there is none, as a frame needs one."""
    columns, rows = np.flatnonzero(changed.any(axis=0)), np.flatnonzero(changed.any(axis=1))
    if not len(rows):
        return 0, 0, 1, 1
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
