"""How well the watermark keeps its promises, in figures: ``python -m tests.provenance.bars``.

A couple of dozen short clips are rendered once, two for each picture: the whole picture and the square alone,
both at size 256, the hardest. Each result is one of them with an id and a key of its own, and counts for a
change when its id is read back after it. Three of four results are whole pictures, which is what the service
makes unless it is asked for the square. Clips that carry no mark, or another key's, must give none.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from reenact.engine import Engine
from reenact.evaluation.metrics import ssim
from reenact.gallery import get_template, list_portraits, template_ids
from reenact.motion.retime import RetimeOptions, retime
from reenact.options import AnimateOptions
from reenact.pipeline import animate
from reenact.provenance.verify import verify
from reenact.types import Picture
from reenact.watermark.detect import FALSE_POSITIVE_RATE, detect
from reenact.watermark.embed import Marker, Watermark

from .attacks import ATTACKS, Attack, send

FRAMES = 24  # of a clip; results have more
KINDS = {"full": "the whole picture", "crop": "the square alone"}
COSTS: dict[str, tuple[Callable[[list[float]], str], str]] = {
    "least PSNR": (lambda values: f"{min(values):.1f} dB", "42 dB"),
    "mean SSIM": (lambda values: f"{np.mean(values):.4f}", "0.99"),
    "share of the job's time": (lambda values: f"{np.mean(values):.1%}", "10%"),
}
OTHER = b"the key that is asked for"


def render(pictures: list[Path], folder: Path, count: int = FRAMES, size: int = 256) -> list[Path]:
    """Short clips without a mark, as (T, H, W, 3) arrays in files; those that are there are kept."""
    engine, templates, made = None, template_ids(), []
    for number, (picture, paste) in enumerate((each, paste) for each in pictures for paste in KINDS):
        made.append(folder / f"{picture.stem}-{paste}.npz")
        if made[-1].exists():
            continue
        engine = engine or Engine(device="cpu")
        template = get_template(templates[number % len(templates)])
        short = replace(template, motion=retime(template.motion, RetimeOptions(last=count - 1)))
        label = "en" if number % 3 == 0 else None
        options = AnimateOptions(size, paste=paste, label=label)  # type: ignore[arg-type]
        frames: list[Picture] = []
        began = time.process_time()
        animate(engine, picture, short, folder / "unused.mp4", options, on_frame=frames.append)
        np.savez_compressed(made[-1], frames=np.array(frames), seconds=time.process_time() - began)
    return made


def judge(clip: Path, number: int, attacks: dict[str, Attack] = ATTACKS) -> dict[str, float]:
    """One result: 1 for each change after which it is read, and what the mark cost."""
    with np.load(clip) as kept:
        frames, seconds = list(kept["frames"]), float(kept["seconds"])
    mark = Watermark((number * 0x9E3779B97F4A7C15) % 2**64, b"key %d" % number)
    began = time.process_time()
    marked = list(map(Marker(mark).mark, frames))
    spent = time.process_time() - began
    before, after = np.array(frames[::8]), np.array(marked[::8])
    error = np.square(before.astype(float) - after).mean()
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, attack in attacks.items():
            seen = verify(send(marked, attack, Path(folder)), mark.key).watermark
            found[name] = float(seen is not None and seen.id == mark.id)
    return found | {
        "least PSNR": float(10 * np.log10(255**2 / error)),
        "mean SSIM": float(ssim(after, before).mean()),
        "share of the job's time": spent / seconds,
    }


def false_alarms(clips: list[Path], made: list[Path], numbers: range) -> Iterator[bool]:
    """Whether a mark is seen in real clips, and after those in results that were marked with other keys."""
    for number in numbers:
        if number < len(clips):
            yield verify(clips[number], OTHER).watermark is not None
            continue
        with np.load(made[number % len(made)]) as kept:
            frames = list(kept["frames"])[::2]
        marked = list(map(Marker(Watermark(number, b"another %d" % number)).mark, frames))
        yield detect(lambda marked=marked: iter(marked), OTHER) is not None


def clip_of(number: int, made: list[Path]) -> Path:
    """The clip of a result: three whole pictures, then a square."""
    squares = number % 4 == 3
    some = [clip for clip in made if clip.stem.endswith("crop") == squares]
    return some[(number // 4 if squares else number - number // 4) % len(some)]


def table(results: dict[str, list[dict[str, float]]]) -> list[str]:
    """The rows of what was measured: all results, then each kind."""
    every = [each for found in results.values() for each in found]
    shown = {"all": every} | {KINDS[kind]: found for kind, found in results.items()}
    rows = [["", *(f"{name} ({len(found)})" for name, found in shown.items()), "bar"]]
    for name in every[0]:
        columns = [[each[name] for each in found] for found in shown.values()]
        show, bar = COSTS.get(name) or (lambda values: f"{np.mean(values):.0%}", f"{ATTACKS[name].bar:.0%}")
        rows.append([name, *map(show, columns), bar])
    rows.insert(1, ["---"] * len(rows[0]))
    return ["| " + " | ".join(row) + " |" for row in rows]


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=int, default=200)
    parser.add_argument("--first", type=int, default=0, help="number of the first, to share them out")
    parser.add_argument("--negatives", type=int, default=2000)
    parser.add_argument("--size", type=int, default=256, help="of the results; each has its own folder")
    parser.add_argument("--pictures", type=Path, nargs="*", default=[], help="folders of more pictures")
    parser.add_argument("--clips", type=Path, nargs="*", default=[], help="folders of real clips")
    parser.add_argument("--folder", type=Path, default=Path("outputs/bars"), help="keeps what was rendered")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    more = [path for folder in asked.pictures for path in sorted(folder.glob("*.jpg"))]
    made = render([each.path for each in list_portraits()] + more, asked.folder, size=asked.size)
    results: dict[str, list[dict[str, float]]] = {kind: [] for kind in KINDS}
    for number in range(asked.first, asked.first + asked.results):
        clip = clip_of(number, made)
        results[clip.stem.rpartition("-")[2]].append(judge(clip, number))
        (asked.folder / f"results-{asked.first}.json").write_text(json.dumps(results, indent=1))
    if asked.results:
        print("\n".join(table({kind: found for kind, found in results.items() if found})), flush=True)
    clips = [path for folder in asked.clips for path in sorted(folder.glob("*.mp4"))]
    numbers, alarms = range(asked.first, asked.first + asked.negatives), 0
    for number, alarm in zip(numbers, false_alarms(clips, made, numbers), strict=True):
        alarms += alarm
        count = number + 1 - asked.first
        seen = f"{alarms} false alarms in {count}; designed for {FALSE_POSITIVE_RATE:.1e} a clip"
        (asked.folder / f"alarms-{asked.first}.txt").write_text(f"{seen}\n")
    if asked.negatives:
        print(seen)


if __name__ == "__main__":
    main()
