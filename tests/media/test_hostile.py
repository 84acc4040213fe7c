"""Files made to do harm: they are refused in a moment, and nothing else is read for them."""

from __future__ import annotations

import io
import math
import socket
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from reenact.errors import DrivingTooLong, DrivingUnreadable, ImageUnreadable, ReenactError, UnsupportedMedia
from reenact.media import check_picture, open_clip, read_picture

from . import bombs


@pytest.mark.parametrize("read", [check_picture, read_picture])
def test_a_jpeg_of_many_scans(read: Callable[[bytes], object]) -> None:
    read(bombs.many_scans(150))
    with pytest.raises(ImageUnreadable, match="scans"):
        read(bombs.many_scans(500))


def test_scans_of_thumbnails_and_of_what_follows_do_not_count() -> None:
    """Phones append a video to a photo; its bytes look like a scan now and then."""
    data = bombs.many_scans(1)
    thumbnail = b"\xff\xe1" + struct.pack(">H", 2 + 600) + b"\xff\xda" * 300
    assert read_picture(data[:2] + thumbnail + data[2:] + b"\xff\xda" * 300).shape == (64, 64, 3)


@pytest.mark.parametrize(
    ("name", "data", "error"),
    [
        ("a million frames", bombs.movie(1_000_000, 1, bytes(1_000_000), step=0), DrivingTooLong),
        ("more frames than bytes", bombs.movie(100_000_000, 1, bytes(99)), DrivingUnreadable),
        ("frames without bytes", bombs.movie(2**31, 0), DrivingUnreadable),
        ("a codec nobody uses", bombs.movie(9, 99, bytes(900), codec=b"rle "), UnsupportedMedia),
        ("10,000 frames", bombs.gif(bombs.gif_frame() * 10_000), DrivingTooLong),
        ("a million short frames", bombs.gif(bombs.gif_frame() * 1_000_000), DrivingTooLong),
        ("one-byte blocks", bombs.gif(b"!\xfe" + b"\x01a" * 5_000_000 + b"\0"), DrivingUnreadable),
        ("a frame beyond the canvas", bombs.gif(bombs.gif_frame(13_000, 2)), DrivingUnreadable),
        ("a canvas of 65,535", bombs.gif(bombs.gif_frame(), side=65_535), DrivingTooLong),
        ("a canvas of 60,000", bombs.webp_canvas(60_000, 60_000), DrivingUnreadable),
        ("a canvas of 4,000", bombs.webp_canvas(4_000, 4_000), DrivingTooLong),
        (
            "empty chunks",
            b"RIFF\xff\xff\xff\0WEBPVP8X\x0a\0\0\0\x02" + bytes(9) + b"JUNK\0\0\0\0" * 10**6,
            DrivingUnreadable,
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_clip_that_asks_for_too_much(
    name: str, data: bytes, error: type[ReenactError], tmp_path: Path
) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(data)
    with pytest.raises(error):
        open_clip(path)


def packed_zeros(count: int) -> bytes:
    return zlib.compress(bytes(count), 9)


@pytest.mark.parametrize(
    ("chunk", "body"),
    [
        (b"zTXt", b"Comment\0\0" + packed_zeros(200_000_000)),
        (b"iTXt", b"Comment\0\1\0\0\0" + packed_zeros(200_000_000)),
        (b"iCCP", b"profile\0\0" + packed_zeros(200_000_000)),
        (b"IDAT", packed_zeros(200_000_000)),
    ],
    ids=["text", "international text", "profile", "pixels"],
)
def test_a_png_that_unpacks_to_far_more_than_it_shows(chunk: bytes, body: bytes) -> None:
    """It is read without what is too much, or refused; never is all of it unpacked."""
    out = io.BytesIO()
    Image.new("RGB", (64, 64)).save(out, "PNG")
    head, rest = out.getvalue()[:33], out.getvalue()[33:]
    part = struct.pack(">I", len(body)) + chunk + body + struct.pack(">I", zlib.crc32(chunk + body))
    tracemalloc.start()
    try:
        assert read_picture(head + part + rest).shape == (64, 64, 3)
    except ImageUnreadable:
        pass
    finally:
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert most < 50e6


def test_a_film_whose_header_unpacks_to_far_more(tmp_path: Path) -> None:
    path = tmp_path / "clip.mov"
    path.write_bytes(bombs.packed_header(300_000_000))
    with pytest.raises(DrivingUnreadable):
        open_clip(path)


def test_an_archive_is_neither_picture_nor_clip(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("big", bytes(50_000_000))
    for read in (read_picture, check_picture, open_clip):
        with pytest.raises(UnsupportedMedia):
            read(path)


@pytest.mark.parametrize("length", [math.nan, math.inf, -math.inf, -1.0, 1e300, 5e-324])
def test_a_film_whose_length_is_no_number(
    length: float, tmp_path: Path, make_video: Callable[..., Path]
) -> None:
    """Matroska writes it as a float; what counts are the times of the frames."""
    path = make_video("clip.mkv", [np.full((48, 64, 3), 9 * i, np.uint8) for i in range(5)], rate=10)
    data = path.read_bytes()
    at = data.index(b"\x44\x89\x88") + 3  # Duration, 8 bytes (RFC 9559, 5.1.2.10)
    path.write_bytes(data[:at] + struct.pack(">d", length) + data[at + 8 :])
    clip = open_clip(path)
    assert (len(list(clip.frames)), clip.fps) == (5, 10)


@pytest.fixture
def listener() -> Iterator[tuple[str, Callable[[], bool]]]:
    """An address on this machine, and whether anyone has called there."""

    def was_called() -> bool:
        try:
            server.accept()[0].close()
        except BlockingIOError:
            return False
        return True

    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield f"http://127.0.0.1:{server.getsockname()[1]}/clip.mp4", was_called


@pytest.fixture(scope="module")
def frame() -> bytes:
    """A JPEG, which is a whole frame of a film."""
    out = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(out, "JPEG")
    return out.getvalue()


PLAYLISTS = {
    "HLS": "#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile '{}'\n",
    "DASH": '<?xml version="1.0"?><MPD type="static"><Period><AdaptationSet><Representation id="1">'
    "<BaseURL>{}</BaseURL></Representation></AdaptationSet></Period></MPD>",
    "SDP": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\na=control:{}\nm=video 5004 RTP/AVP 96\n",
    "SVG": '<svg xmlns="http://www.w3.org/2000/svg"><image href="{}" width="9" height="9"/></svg>',
    "SMIL": '<smil><body><video src="{}"/></body></smil>',
    "text": "{}\n",
}


@pytest.mark.parametrize("disguise", [b"", b"GIF89a", b"\0\0\0\x10ftypisom\0\0\0\0", b"\0\0\0\x08free"])
@pytest.mark.parametrize("kind", PLAYLISTS)
def test_a_playlist_reaches_neither_files_nor_the_network(
    kind: str, disguise: bytes, tmp_path: Path, frame: bytes, listener: tuple[str, Callable[[], bool]]
) -> None:
    """Whatever its name is and however it begins."""
    address, was_called = listener
    film = tmp_path / "film.mp4"
    film.write_bytes(bombs.movie(1, len(frame), frame))
    assert len(list(open_clip(film).frames)) == 1  # would be worth reading
    for target in (address, str(film), f"file:{film}", film.name):
        for name in ("a.mp4", "a.gif", "a.jpg"):
            path = tmp_path / name
            path.write_bytes(disguise + PLAYLISTS[kind].format(target).encode())
            with pytest.raises(ReenactError):
                list(open_clip(path).frames)
            with pytest.raises(ReenactError):
                read_picture(path)
    assert not was_called()


@pytest.mark.parametrize("relative", [True, False])
def test_a_films_frames_in_another_file_are_not_fetched(
    relative: bool, tmp_path: Path, frame: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary = tmp_path / "canary"
    canary.write_bytes(frame)
    place = bombs.alias(canary.name if relative else str(canary))
    path = tmp_path / "film.mov"
    path.write_bytes(bombs.movie(1, len(frame), place=place, start=0))
    monkeypatch.chdir(tmp_path)
    with av.open(str(path), options={"enable_drefs": "1", "use_absolute_path": "1"}) as film:
        assert len(list(film.decode(video=0))) == 1  # FFmpeg could: the file is a good one of its bad kind
    with pytest.raises(DrivingUnreadable):
        open_clip(path)


def test_a_films_frames_on_the_network_are_not_fetched(
    tmp_path: Path, frame: bytes, listener: tuple[str, Callable[[], bool]]
) -> None:
    address, was_called = listener
    path = tmp_path / "film.mov"
    for place in (bombs.full(b"url ", address.encode() + b"\0"), bombs.alias(address)):
        path.write_bytes(bombs.movie(1, len(frame), place=place, start=0))
        with pytest.raises(ReenactError):
            open_clip(path)
    assert not was_called()
