"""Pictures and clips with damage, sent as selfies and driving clips: none may hurt the service.

``python -m tests.server.mutants --count 5000`` runs it for itself; the test runs a few. Every file is also
decoded to its end; of the orders that are taken every twentieth is done, the others are cancelled.
"""

from __future__ import annotations

import argparse
import io
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np
import pillow_heif
from flask.testing import FlaskClient
from PIL import Image

from reenact.errors import ReenactError
from reenact.gallery import list_portraits
from reenact.media import open_clip, read_picture
from server.app import create_app
from server.container import services_of
from server.engine.worker import open_warm
from server.settings import Settings
from tests.broker.gallery import make_gallery

DONE = 20  # of so many orders that are taken one is done
SIDE, FRAMES = 160, 8  # pixels and frames of what is damaged
LIMIT = 30.0  # seconds that one file may keep the service or the decoder busy
EXTREME = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\0\0\0\1", b"\1\0\0\0")


@dataclass
class Tally:
    """What was sent and what came of it."""

    statuses: Counter[str] = field(default_factory=Counter)  # by kind of file and status or code
    failures: list[str] = field(default_factory=list)
    longest: float = 0.0  # seconds for one file
    grown: float = 0.0  # MB from after the warm-up to the end


def run(count: int, folder: Path, seed: int = 0) -> Tally:
    """Send so many damaged files; half are pictures."""
    dice, tally = random.Random(seed), Tally()
    templates = make_gallery(folder / "templates")
    settings = Settings(data=folder / "var", templates=templates, queue_length=10_000, wait_seconds=300)
    app = create_app(settings, partial(open_warm, settings))  # here, so that its memory is seen
    use = services_of(app)
    use.start()
    while not use.jobs.ready:
        time.sleep(0.1)
    client, kinds = app.test_client(), {"selfie": pictures(), "driving": clips(folder)}
    for kind, files in kinds.items():  # first whole ones, which must be taken and done
        for name, data in files.items():
            assert send(client, kind, data, tally, name, wait=True) == "succeeded", name
    before = memory()
    for nth in range(count):
        kind = ("selfie", "driving")[nth % 2]
        name = dice.choice(sorted(kinds[kind]))
        data = damaged(dice, kinds[kind][name], dice.choice(list(kinds[kind].values())))
        begun = time.monotonic()
        try:
            decode(kind, data, folder / "damaged")
            send(client, kind, data, tally, name, wait=dice.randrange(DONE) == 0)
        except Exception as e:
            tally.failures.append(f"{nth} {name}: {e!r}"[:300])
        spent = time.monotonic() - begun
        tally.longest = max(tally.longest, spent)
        if spent > LIMIT:
            tally.failures.append(f"{nth} {name}: took {spent:.0f} s")
    while use.jobs.records.counts()["running"]:
        time.sleep(0.1)
    tally.grown = memory() - before
    use.close()
    return tally


def decode(kind: str, data: bytes, path: Path) -> None:
    """Decode all of it; only our own errors may come."""
    path.write_bytes(data)
    try:
        if kind == "selfie":
            read_picture(data)
        else:
            for _ in open_clip(path).frames:
                pass
    except ReenactError:
        pass


def send(client: FlaskClient, kind: str, data: bytes, tally: Tally, name: str, *, wait: bool) -> str:
    """Order with a file; how it ended, or the code of the refusal."""
    other = {"template": "tiny"} if kind == "selfie" else {"portrait": "eileen-collins"}
    form = {**other, kind: (io.BytesIO(data), "file"), "paste": "crop", "consent": "true"}
    headers = {"Prefer": "wait=300"} if wait else {}
    answer = client.post("/v1/animations", data=form, headers=headers, content_type="multipart/form-data")
    body = answer.json or {}
    code = body.get("code") or (body["error"] or {}).get("code") or body["status"]
    if not wait and answer.status_code == 202:
        client.delete(answer.headers["Location"])
    tally.statuses[f"{name}: {answer.status_code} {code}"] += 1
    if answer.status_code >= 500 or code in ("internal", "gave_up"):
        tally.failures.append(f"{name}: {answer.status_code} {code}")
    return str(code)


def pictures() -> dict[str, bytes]:
    """The first portrait in every accepted format, small."""
    with Image.open(list_portraits()[0].path) as image:
        small = image.convert("RGB")
        small.thumbnail((2 * SIDE, 2 * SIDE))
    made = {"heic": _heic(small)}
    for name, format, options in (
        ("jpeg", "JPEG", {"exif": _turned()}),
        ("progressive", "JPEG", {"progressive": True}),
        ("png", "PNG", {}),
        ("webp", "WEBP", {}),
        ("avif", "AVIF", {}),
    ):
        out = io.BytesIO()
        small.save(out, format, **options)
        made[name] = out.getvalue()
    return made


def _turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 1
    return exif.tobytes()


def _heic(image: Image.Image) -> bytes:
    out = io.BytesIO()
    pillow_heif.from_pillow(image).save(out, quality=80)
    return out.getvalue()


def clips(folder: Path) -> dict[str, bytes]:
    """The portrait moving a little to the side, in every accepted container."""
    frames = list(_frames())
    made = {name: _film(folder / name, frames, codec) for name, codec in _FILMS.items()}
    images = [Image.fromarray(frame) for frame in frames]
    for format in ("GIF", "WEBP"):
        out = io.BytesIO()
        images[0].save(out, format, save_all=True, append_images=images[1:], duration=100)
        made[format.lower()] = out.getvalue()
    return made


_FILMS = {"clip.mp4": "libx264", "clip.mov": "libx264", "clip.webm": "libvpx-vp9", "clip.mkv": "libx264"}


def _frames() -> Iterator[np.ndarray]:
    with Image.open(list_portraits()[0].path) as image:
        picture = np.asarray(image.convert("RGB").resize((SIDE, SIDE)))
    return (np.roll(picture, shift, axis=1) for shift in range(FRAMES))


def _film(path: Path, frames: list[np.ndarray], codec: str) -> bytes:
    with av.open(str(path), "w") as film:
        stream = film.add_stream(codec, rate=Fraction(10))
        stream.width, stream.height, stream.pix_fmt = SIDE, SIDE, "yuv420p"
        for frame in frames:
            film.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
        film.mux(stream.encode())
    return path.read_bytes()


def damaged(dice: random.Random, data: bytes, other: bytes) -> bytes:
    """The file after one to eight accidents, most of them near its beginning, where the promises stand."""
    hurt = bytearray(data)
    for _ in range(dice.randint(1, 8)):
        at = dice.randrange(len(hurt) + 1)
        at = at if dice.random() < 0.5 else min(at, dice.randrange(1, 600))
        length = min(2 ** dice.randrange(12), len(hurt))
        accident = dice.randrange(7)
        if accident == 0 and at < len(hurt):
            hurt[at] ^= 1 << dice.randrange(8)
        elif accident == 1:
            hurt[at : at + length] = dice.randbytes(length)
        elif accident == 2:
            hurt[at : at + 4] = dice.choice(EXTREME)
        elif accident == 3:
            del hurt[at : at + length]
        elif accident == 4:
            hurt[at:at] = hurt[at : at + length] * dice.randint(1, 4)
        elif accident == 5 and dice.random() < 0.3:
            del hurt[max(at, 16) :]
        elif accident == 6:
            there = dice.randrange(len(other))
            hurt[at : at + length] = other[there : there + length]
        if len(hurt) > 2_000_000 or not hurt:
            break
    return bytes(hurt)


def memory() -> float:
    """Resident MB of this process."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description="Send damaged pictures and clips.")
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tally = run(asked.count, Path(folder), asked.seed)
    for key, count in sorted(tally.statuses.items()):
        print(f"{count:5} {key}")
    print(
        f"{asked.count} files, longest {tally.longest:.1f} s, memory {tally.grown:+.0f} MB, "
        f"{len(tally.failures)} failures"
    )
    print(*tally.failures[:30], sep="\n")


if __name__ == "__main__":
    main()
