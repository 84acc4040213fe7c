"""Pack face clips into one folder of frames and labels that training reads without decoding.

  frames.npy      (N, 256, 256, 3) uint8 RGB, all clips one after the other
  landmarks.npy   (N, 478, 2) float16, crop units
  clips.json      for each clip: file, person, first row and number of rows; which frames were kept
  taught.npy      optional: (N, 478, 2) float32, as landmarks.npy but from a better landmarker

Frames can be decoded again from the clips and ``clips.json``, so only the small files need to be copied to
another machine. A still picture becomes a short clip of slight warps of itself. Stills add variety of
identity and light; motion is learned from real clips.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from reenact.errors import NoFaceFound, UnsupportedMedia
from reenact.types import Picture

SIZE = 256
STILL_VARIANTS = 5
TAUGHT = "taught.npy"


@dataclass(frozen=True)
class PackedClip:
    """One clip's rows in the packed arrays. ``kept`` are the frame numbers in the file, or still variants."""

    file: str
    person: str
    group: str
    first: int
    kept: tuple[int, ...]


class Pack:
    """An opened pack; frames are memory-mapped."""

    def __init__(self, folder: Path, *, taught: bool = True) -> None:
        """Open what ``pack_clips`` wrote; ``taught`` uses those landmarks where present."""
        self.frames: NDArray[np.uint8] = np.load(folder / "frames.npy", mmap_mode="r")
        self.landmarks: NDArray[np.float16] = np.load(folder / "landmarks.npy")
        if taught and (folder / TAUGHT).is_file():
            self._learn(np.load(folder / TAUGHT))
        rows = json.loads((folder / "clips.json").read_text())
        self.clips = [PackedClip(**{**row, "kept": tuple(row["kept"])}) for row in rows]

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.frames)

    def _learn(self, taught: NDArray[np.float32]) -> None:
        """Use the points of the better landmarker where it found a face."""
        known = np.isfinite(taught[:, :1, :1])
        self.landmarks = np.where(known, taught, self.landmarks).astype(np.float16)


def pack_clips(
    data: Path, folder: Path, *, split: str = "train", per_clip: int = 24, workers: int = 2
) -> int:
    """Decode every clip of ``data/manifest.tsv`` of one split, find the landmarks, write the packed folder.

    Frames without a detected face are left out, and so are clips with fewer than two frames left.

    Args:
        data: folder with ``manifest.tsv`` and the files it names.
        folder: where to write; made if missing.
        split: ``train`` (which includes the stills) or ``val``.
        per_clip: most frames of one clip, evenly spaced.
        workers: number of processes.

    Returns:
        The number of frames packed.

    Raises:
        UnsupportedMedia: a clip is not 256 x 256.
        NoFaceFound: no clip of the split could be used.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows = list(_manifest(data, split))
    clips: list[PackedClip] = []
    landmarks: list[NDArray[np.float16]] = []
    # Not fork: the fork of a process with threads (torch, ONNX Runtime) can hang.
    pool = ProcessPoolExecutor(workers, get_context("spawn"))
    with _FrameWriter(folder / "frames.npy") as frames, pool:
        jobs = ((data / row["file"], per_clip) for row in rows)
        for row, labelled in zip(rows, pool.map(_label_clip, jobs, chunksize=4), strict=True):
            if labelled is None:
                continue
            kept, pictures, points = labelled
            clips.append(PackedClip(row["file"], row["person"], row["group"], frames.count, kept))
            frames.append(pictures)
            landmarks.append(points)
    if not clips:
        raise NoFaceFound(f"No clip of the split {split} in {data} shows a face in two frames or more.")
    np.save(folder / "landmarks.npy", np.concatenate(landmarks))
    (folder / "clips.json").write_text(json.dumps([asdict(clip) for clip in clips]))
    return frames.count


def unpack_frames(data: Path, folder: Path) -> int:
    """Remake ``frames.npy`` from the clips and ``clips.json``; returns the number of frames."""
    rows = json.loads((folder / "clips.json").read_text())
    with _FrameWriter(folder / "frames.npy") as frames:
        for row in rows:
            frames.append(np.stack(list(_read(data / row["file"], row["kept"]))))
    return frames.count


def read_frames(path: Path) -> list[Picture]:
    """All frames of a trusted training clip, through imageio or, on machines without PyAV, OpenCV."""
    try:
        import av  # noqa: F401 - what imageio's plugin needs
        import imageio.v3 as imageio
    except ImportError:
        return _read_with_opencv(path)
    return [np.asarray(frame, np.uint8) for frame in imageio.imiter(path, plugin="pyav")]


def _read_with_opencv(path: Path) -> list[Picture]:
    import cv2

    capture, frames = cv2.VideoCapture(str(path)), []
    while (read := capture.read())[0]:
        frames.append(np.ascontiguousarray(read[1][:, :, ::-1], np.uint8))
    return frames


def _manifest(data: Path, split: str) -> Iterator[dict[str, str]]:
    with (data / "manifest.tsv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if row["split"] == split or (split == "train" and row["split"] == "stills"):
                yield row


def _read(path: Path, kept: list[int] | tuple[int, ...]) -> Iterator[Picture]:
    if path.suffix == ".mp4":
        frames = read_frames(path)
        if frames and frames[0].shape != (SIZE, SIZE, 3):
            raise UnsupportedMedia(f"{path.name} is not {SIZE} x {SIZE}; training clips must be.")
        return (frames[index] for index in kept)
    with Image.open(path) as image:
        still = image.convert("RGB").resize((SIZE, SIZE), Image.Resampling.LANCZOS)
    return (still_variant(still, index) for index in kept)


def still_variant(still: Image.Image, index: int) -> Picture:
    """Variant 0 is the picture itself; others are rotated, scaled, sheared and in slight perspective."""
    if index == 0:
        return np.asarray(still)
    rng = np.random.default_rng(index)
    corners = np.array([[0, 0], [0, 1], [1, 1], [1, 0]]) - 0.5
    angle, scale = rng.uniform(-0.2, 0.2), rng.uniform(0.82, 0.98)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    moved = corners @ turn * scale + rng.uniform(-0.03, 0.03, 2) + rng.uniform(-0.04, 0.04, (4, 2))
    quad = (np.clip(moved + 0.5, 0, 1) * still.width).reshape(8)
    warped = still.transform(still.size, Image.Transform.QUAD, tuple(quad), Image.Resampling.BICUBIC)
    return np.asarray(warped)


def _label_clip(
    job: tuple[Path, int],
) -> tuple[tuple[int, ...], NDArray[np.uint8], NDArray[np.float16]] | None:
    from reenact.engine import open_face_finder

    path, per_clip = job
    count = len(read_frames(path)) if path.suffix == ".mp4" else STILL_VARIANTS
    kept = np.unique(np.linspace(0, count - 1, min(count, per_clip)).astype(int)).tolist()
    pictures = list(_read(path, kept))
    faces = open_face_finder(threads=1).follow(pictures)
    seen = [found for found in zip(kept, pictures, faces, strict=True) if found[2]]
    if len(seen) < 2:
        return None
    points = np.stack([face.landmarks for _, _, face in seen if face]) / SIZE * 2 - 1
    return (
        tuple(number for number, _, _ in seen),
        np.stack([shown for _, shown, _ in seen]),
        points.astype(np.float16),
    )


class _FrameWriter:
    """Appends rows to a ``.npy`` file and writes the header last: 5 GB need not fit in memory."""

    HEADER = 128

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._file.write(b" " * self.HEADER)
        self.count = 0

    def append(self, pictures: NDArray[np.uint8]) -> None:
        self._file.write(pictures.tobytes())
        self.count += len(pictures)

    def __enter__(self) -> _FrameWriter:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        """Write the header; a file without it is recognised as incomplete."""
        with self._file:
            if error is None:
                header = {"descr": "|u1", "fortran_order": False, "shape": (self.count, SIZE, SIZE, 3)}
                self._file.seek(0)
                np.lib.format.write_array_header_1_0(self._file, header)
                assert self._file.tell() == self.HEADER
