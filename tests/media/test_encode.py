from __future__ import annotations

import logging
import struct
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

import reenact
from reenact.errors import Cancelled, InvalidOption, OutputError
from reenact.media import EncodeOptions, nvenc, open_clip, write_clip
from reenact.media.gif import write_gif
from reenact.types import Clip

NTSC = Fraction(30000, 1001)
FORMATS = ["mp4", "gif", "webp"]


def durations(path: Path) -> list[int]:
    """Milliseconds of every frame of a GIF or WebP, as Pillow reads them."""
    with Image.open(path) as image:
        times = []
        for index in range(image.n_frames):
            image.seek(index)
            image.load()
            times.append(image.info["duration"])
        return times


def boxes(data: bytes) -> list[bytes]:
    """Names of an MP4's top-level boxes in order."""
    names, at = [], 0
    while at + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        names.append(name)
        at += size
    return names


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("rate", [25, NTSC, Fraction(25, 2), Fraction(24000, 1001)])
def test_round_trip(format, rate, tmp_path, face_like):
    frames = list(face_like(30))
    written = write_clip(Clip(iter(frames), Fraction(rate)), tmp_path / f"a.{format}")
    assert (written.format, written.width, written.height, written.frames) == (format, 64, 64, 30)
    assert written.fps == rate and written.bytes == written.path.stat().st_size and not written.sound
    clip = open_clip(written.path)
    assert clip.frame_count == 30 and abs(clip.fps - rate) < 0.01 * rate
    for before, after in zip(frames, clip.frames, strict=True):
        assert np.abs(before.astype(int) - after).mean() < 4
    assert list(tmp_path.iterdir()) == [written.path]


@pytest.mark.parametrize(
    "rate", [NTSC, Fraction(24000, 1001), Fraction(25), Fraction(60), Fraction(1234, 100)]
)
def test_mp4_rate_is_exact(rate, tmp_path, numbered):
    path = write_clip(Clip(iter(numbered(20)), rate), tmp_path / "a.mp4").path
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.average_rate == rate and stream.frames == 20
        times = [frame.pts * frame.time_base for frame in container.decode(stream)]
        assert times == [i / rate for i in range(20)]


def test_mp4_is_what_browsers_play(tmp_path, numbered):
    path = write_clip(Clip(iter(numbered(5)), Fraction(25)), tmp_path / "a.mp4").path
    names = boxes(path.read_bytes())
    assert names.index(b"moov") < names.index(b"mdat")
    with av.open(str(path)) as container:
        codec = container.streams.video[0].codec_context
        assert codec.name == "h264" and codec.pix_fmt == "yuv420p"
        assert (codec.color_primaries, codec.color_trc, codec.colorspace, codec.color_range) == (1, 1, 1, 1)


PATCHES = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (198, 134, 110), (30, 200, 220)]


def patches() -> np.ndarray:
    return np.repeat(np.repeat(np.array([PATCHES], np.uint8), 32, 0), 32, 1)


@pytest.mark.parametrize(("format", "levels"), [("mp4", 3), ("gif", 0), ("webp", 6)])
def test_colours_round_trip(format, levels, tmp_path):
    path = write_clip(Clip(iter([patches()] * 3), Fraction(10)), tmp_path / f"a.{format}").path
    for frame in open_clip(path).frames:
        assert np.abs(frame[16, 16::32].astype(int) - PATCHES).max() <= levels


def test_mp4_luma_follows_its_tag(tmp_path):
    """Pure colours have known BT.709 luma of limited range; BT.601 would give 81, 145 and 41."""
    path = write_clip(Clip(iter([patches()]), Fraction(10)), tmp_path / "a.mp4").path
    with av.open(str(path)) as container:
        luma = next(container.decode(video=0)).to_ndarray()[16, 16::32]
    assert np.abs(luma[:5].astype(int) - [63, 173, 32, 235, 16]).max() <= 1


@pytest.mark.parametrize(("height", "width"), [(47, 63), (48, 63), (1, 1), (3, 2)])
def test_odd_sizes(height, width, tmp_path, numbered):
    frames = numbered(3, height, width)
    for format in FORMATS:
        written = write_clip(Clip(iter(frames), Fraction(25)), tmp_path / f"a.{format}")
        even = format == "mp4"
        expected = (height + height % 2, width + width % 2) if even else (height, width)
        assert (written.height, written.width) == expected
        for before, after in zip(frames, open_clip(written.path).frames, strict=True):
            assert after.shape == (*expected, 3) and np.abs(after.astype(int) - before[0, 0]).max() <= 4


@pytest.mark.parametrize("format", FORMATS)
def test_one_frame(format, tmp_path, numbered):
    written = write_clip(Clip(iter(numbered(1)), Fraction(25)), tmp_path / f"a.{format}")
    assert written.frames == 1 and len(list(open_clip(written.path).frames)) == 1


@pytest.mark.parametrize(
    ("rate", "delays"),
    [
        (NTSC, {30, 40}),
        (Fraction(25), {40}),
        (Fraction(40), {20, 30}),
        (Fraction(50), {20}),
        (Fraction(3), {330, 340}),
    ],
)
def test_gif_delays_add_up(rate, delays, tmp_path, face_like):
    path = write_clip(Clip(iter(face_like(60, 32)), rate), tmp_path / "a.gif").path
    times = durations(path)
    assert set(times) == delays and len(times) == 60
    assert abs(sum(times) - 60000 / rate) <= 5


def test_gif_is_capped_at_50_per_second(tmp_path, numbered):
    written = write_clip(Clip(iter(numbered(30)), Fraction(60)), tmp_path / "a.gif")
    assert written.fps == 50 and written.frames == 25
    assert set(durations(written.path)) == {20} and sum(durations(written.path)) == 500


@pytest.mark.parametrize("rate", [NTSC, Fraction(60), Fraction(7)])
def test_webp_durations_add_up(rate, tmp_path, face_like):
    path = write_clip(Clip(iter(face_like(30, 32)), rate), tmp_path / "a.webp").path
    assert abs(sum(durations(path)) - 30000 / rate) <= 2


@pytest.mark.parametrize("format", ["gif", "webp"])
def test_loops_forever(format, tmp_path, face_like):
    path = write_clip(Clip(iter(face_like(3)), Fraction(10)), tmp_path / f"a.{format}").path
    with Image.open(path) as image:
        assert image.info["loop"] == 0 and image.n_frames == 3


def test_gif_still_ground_is_stored_once(tmp_path, face_like):
    """Noise that does not change must not be written again with every frame."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    sizes = []
    for count in (1, 20):
        frames = [noise.copy() for _ in range(count)]
        for i, frame in enumerate(frames):
            frame[20:24, i : i + 4] = 255
        sizes.append(write_clip(Clip(iter(frames), Fraction(10)), tmp_path / "a.gif").bytes)
    assert sizes[1] < 1.5 * sizes[0]
    assert len(list(open_clip(tmp_path / "a.gif").frames)) == 20


def test_gif_palette_follows_a_change_of_scene(tmp_path, monkeypatch):
    """Chunks are made small so that the second scene is unknown when the first palette is made."""
    monkeypatch.setattr("reenact.media.gif._CHUNK_BYTES", 64 * 64 * 3 * 4)
    ramp = np.arange(64, dtype=np.uint8)[None, :, None] * 4
    red, blue = np.zeros((64, 64, 3), np.uint8), np.zeros((64, 64, 3), np.uint8)
    red[..., :1], blue[..., 2:] = ramp, ramp
    path = tmp_path / "a.gif"
    assert write_gif(iter([red] * 4 + [blue] * 4 + [red] * 4), Fraction(10), path) == (12, 10)
    for before, after in zip([red] * 4 + [blue] * 4 + [red] * 4, open_clip(path).frames, strict=True):
        assert np.abs(before.astype(int) - after).mean() < 1.5


@pytest.mark.parametrize(
    ("name", "codec", "sound", "kept"),
    [
        ("a.mp4", "libx264", "aac", "aac"),
        ("a.mkv", "libx264", "aac", "aac"),
        ("a.mp4", "libx264", "libmp3lame", "mp3"),
        ("a.webm", "libvpx", "libopus", "opus"),
        ("a.webm", "libvpx", "vorbis", "aac"),
        ("a.mov", "libx264", "pcm_s16le", "aac"),
    ],
)
def test_sound_is_kept_and_cut_to_the_picture(name, codec, sound, kept, make_video, numbered, tmp_path):
    source = make_video(name, numbered(20), codec=codec, sound=sound, sound_seconds=2.0)
    written = write_clip(open_clip(source), tmp_path / "out.mp4")
    assert written.sound and written.frames == 20
    names = boxes(written.path.read_bytes())
    assert names.index(b"moov") < names.index(b"mdat")
    with av.open(str(written.path)) as container:
        stream, track = container.streams.video[0], container.streams.audio[0]
        assert stream.average_rate == 25 and stream.frames == 20
        assert track.codec.canonical_name == kept
        assert 0.6 < float(track.duration * track.time_base) <= 0.8
        assert container.duration <= 0.81 * av.time_base
    assert tone(written.path)[4000:30000].std() > 0.2
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "out.mp4"])


@pytest.mark.parametrize(
    "kind", ["u8", "s8", "s16be", "s24le", "s32le", "s32be", "f32be", "f64le", "mulaw", "alaw"]
)
def test_pcm_of_every_kind_is_sound(kind, make_video, numbered, tmp_path, caplog):
    source = make_video("a.mov", numbered(20), sound=f"pcm_{kind}")
    assert write_clip(open_clip(source), tmp_path / "out.mp4").sound
    assert tone(tmp_path / "out.mp4")[4000:30000].std() > 0.2
    assert not caplog.records


def test_the_first_sound_that_can_be_decoded_is_taken(make_video, numbered, tmp_path, caplog):
    source = make_video("a.mkv", numbered(20), sound=("mp2", "pcm_u8", "aac"))
    assert write_clip(open_clip(source), tmp_path / "out.mp4").sound
    assert tone(tmp_path / "out.mp4")[4000:30000].std() > 0.2
    (record,) = caplog.records
    assert "mp2" in record.getMessage() and "pcm_u8" not in record.getMessage()


def test_later_sound_that_cannot_be_decoded_is_no_loss(make_video, numbered, tmp_path, caplog):
    source = make_video("a.mkv", numbered(20), sound=("aac", "mp2"))
    assert write_clip(open_clip(source), tmp_path / "out.mp4").sound
    assert not caplog.records


def test_sound_that_is_lost_is_named(make_video, numbered, tmp_path, caplog):
    source = make_video("a.mkv", numbered(20), sound=("mp2", "tta"))
    assert not write_clip(open_clip(source), tmp_path / "out.mp4").sound
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "mp2" in record.getMessage() and "tta" in record.getMessage()


def test_a_track_that_does_not_play_is_passed_over(make_video, numbered, tmp_path, caplog):
    source = make_video("a.mov", numbered(20), sound=("aac", "pcm_s16le"))
    data = source.read_bytes()
    source.write_bytes(data.replace(b"mp4a", b"zzzz").replace(b"esds", b"free"))  # of a kind nobody knows
    assert write_clip(open_clip(source), tmp_path / "out.mp4").sound
    assert tone(tmp_path / "out.mp4")[4000:30000].std() > 0.2
    assert caplog.records


def tone(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("fltp", "mono", 48000)
        parts = [part for frame in container.decode(audio=0) for part in resampler.resample(frame)]
    return np.concatenate([part.to_ndarray()[0] for part in parts])


@pytest.mark.parametrize(("sound", "name"), [("aac", "a.mp4"), ("pcm_s16le", "a.mov")])
def test_sound_begins_with_the_picture(sound, name, make_video, numbered, tmp_path):
    """The picture starts one second into the file, where the tone starts as well."""
    times = [1000 + 40 * i for i in range(20)]
    source = make_video(name, numbered(20), times=times, sound=sound, sound_seconds=3.0, silent_until=1.0)
    wave = tone(write_clip(open_clip(source), tmp_path / "out.mp4").path)
    assert wave[3000:6000].std() > 0.2  # within 60 ms, two AAC packets


def broken_sound(kind: str, source: Path, tmp_path: Path) -> Path:
    if kind == "missing":
        return tmp_path / "none.mp4"
    path = tmp_path / "sound.mp4"
    data = source.read_bytes()
    if kind == "words":
        path.write_text("this is no sound at all, whatever it is called; it is only words " * 9)
    elif kind == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif kind == "noise":
        middle = np.random.default_rng(0).integers(0, 256, len(data) - 3000, np.uint8).tobytes()
        path.write_bytes(data[:1500] + middle + data[-1500:])
    return path


@pytest.mark.parametrize("kind", ["missing", "words", "cut", "noise"])
@pytest.mark.parametrize(("name", "sound"), [("a.mp4", "aac"), ("a.webm", "vorbis"), ("a.mov", "pcm_s16le")])
def test_broken_sound_never_costs_the_video(kind, name, sound, make_video, numbered, tmp_path, caplog):
    codec = "libvpx" if name == "a.webm" else "libx264"
    source = make_video(name, numbered(20), codec=codec, sound=sound)
    path = broken_sound(kind, source, tmp_path)
    written = write_clip(Clip(iter(numbered(20)), Fraction(25), 20, path), tmp_path / "out.mp4")
    assert written.frames == 20 and len(list(open_clip(written.path).frames)) == 20
    assert not list(tmp_path.glob("*.part"))


def test_sound_can_be_left_out_and_gif_has_none(make_video, numbered, tmp_path):
    source = make_video("a.mp4", numbered(5), sound="aac")
    assert not write_clip(open_clip(source), tmp_path / "b.mp4", options=EncodeOptions(sound=False)).sound
    assert not write_clip(open_clip(source), tmp_path / "b.gif").sound


def test_no_metadata_of_the_source(make_video, numbered, tmp_path):
    source = make_video("a.mp4", numbered(5), sound="aac")
    tagged = tmp_path / "tagged.mp4"
    with av.open(str(source)) as old, av.open(str(tagged), "w") as new:
        new.metadata.update(title="a private title", comment="a private place")
        streams = {stream.index: new.add_stream_from_template(stream) for stream in old.streams}
        for stream in streams.values():
            stream.metadata["handler_name"] = "a private handler"
        for packet in old.demux():
            if packet.size:
                packet.stream = streams[packet.stream_index]
                new.mux(packet)
    assert b"private" in tagged.read_bytes()
    data = write_clip(open_clip(tagged), tmp_path / "out.mp4").path.read_bytes()
    assert b"private" not in data and b"Lavf" not in data


def test_explicit_format_wins(tmp_path, numbered):
    written = write_clip(Clip(iter(numbered(2)), Fraction(5)), tmp_path / "a.bin", format="gif")
    assert written.format == "gif" and written.path.read_bytes().startswith(b"GIF89a")


@pytest.mark.parametrize("name", ["a", "a.avi", "a.mp4.txt", "a.png"])
def test_unknown_suffix(name, tmp_path, numbered):
    with pytest.raises(InvalidOption, match="mp4, gif, webp"):
        write_clip(Clip(iter(numbered(2)), Fraction(5)), tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("rate", [0, -1, 1001])
def test_impossible_rate(rate, tmp_path, numbered):
    with pytest.raises(InvalidOption):
        write_clip(Clip(iter(numbered(2)), Fraction(rate)), tmp_path / "a.mp4")


@pytest.mark.parametrize(
    "options",
    [{"crf": 52}, {"preset": "best"}, {"encoder": "h265"}, {"webp_quality": -1}, {"webp_effort": 7}],
)
def test_impossible_options(options):
    with pytest.raises(InvalidOption, match=next(iter(options))):
        EncodeOptions(**options)


def test_missing_folder(tmp_path, numbered):
    with pytest.raises(OutputError, match="none"):
        write_clip(Clip(iter(numbered(2)), Fraction(5)), tmp_path / "none" / "a.mp4")


def test_folder_in_the_way(tmp_path, numbered):
    (tmp_path / "a.mp4").mkdir()
    with pytest.raises(OutputError, match="folder"):
        write_clip(Clip(iter(numbered(2)), Fraction(5)), tmp_path / "a.mp4")
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a folder that even root cannot write to")
def test_unwritable_folder(numbered):
    with pytest.raises(OutputError, match="/proc"):
        write_clip(Clip(iter(numbered(2)), Fraction(5)), Path("/proc/a.mp4"))


@pytest.mark.parametrize("format", FORMATS)
def test_full_disk(format, tmp_path, face_like):
    """A file-size limit stands in for the full disk; the process that has it must report it."""
    code = (
        "import resource, signal, sys\n"
        "from fractions import Fraction\nfrom pathlib import Path\nimport numpy as np\n"
        "from reenact.errors import OutputError\nfrom reenact.media import write_clip\n"
        "from reenact.types import Clip\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))\n"
        "r = np.random.default_rng(0)\n"
        "frames = (r.integers(0, 256, (64, 64, 3), np.uint8) for _ in range(60))\n"
        "try:\n    write_clip(Clip(frames, Fraction(25)), Path(sys.argv[1]))\n"
        "except OutputError:\n    sys.exit(7)\n"
    )
    assert run(code, str(tmp_path / f"a.{format}")).returncode == 7
    assert not list(tmp_path.iterdir())


def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    root = Path(reenact.__path__[0]).parent
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=240, check=False)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("error", [Cancelled("stop"), ValueError("a mistake"), KeyboardInterrupt()])
def test_nothing_is_left_when_the_frames_break(format, error, tmp_path, numbered):
    closed = []

    def frames():
        try:
            yield from numbered(5)
            raise error
        finally:
            closed.append(True)

    (tmp_path / f"a.{format}").write_text("the old file")
    with pytest.raises(type(error)) as caught:
        write_clip(Clip(frames(), Fraction(25)), tmp_path / f"a.{format}")
    assert caught.value is error and closed
    assert [path.read_text() for path in tmp_path.iterdir()] == ["the old file"]


@pytest.mark.parametrize("format", FORMATS)
def test_unequal_frames(format, tmp_path, numbered):
    for frames in (
        [*numbered(3), *numbered(1, 20, 30)],
        [np.zeros((8, 8), np.uint8)],
        [np.zeros((8, 8, 3), np.float32)],
        [np.zeros((8, 8, 4), np.uint8)],
        [np.zeros((0, 8, 3), np.uint8)],
        [],
    ):
        with pytest.raises(OutputError):
            write_clip(Clip(iter(frames), Fraction(25)), tmp_path / f"a.{format}")
        assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("format", FORMATS)
def test_frames_are_closed_when_nothing_can_be_written(format, tmp_path, numbered):
    closed = []

    def frames():
        try:
            yield from numbered(5)
        finally:
            closed.append(True)

    running = frames()
    next(running)
    with pytest.raises(OutputError):
        write_clip(Clip(running, Fraction(25)), tmp_path / "none" / f"a.{format}")
    assert closed


@pytest.mark.parametrize("format", FORMATS)
def test_new_file_has_the_usual_rights(format, tmp_path, numbered):
    (tmp_path / "usual").touch()
    written = write_clip(Clip(iter(numbered(2)), Fraction(5)), tmp_path / f"a.{format}")
    assert written.path.stat().st_mode == (tmp_path / "usual").stat().st_mode


PEAK = """
import resource, sys
from fractions import Fraction
from pathlib import Path
import numpy as np
from reenact.media import open_clip, write_clip
from reenact.types import Clip
out, count = Path(sys.argv[1]), int(sys.argv[2])
y, x = np.mgrid[:256, :256]
ground = np.stack([x, y, 128 + 0 * x], -1).astype(np.uint8)
def frames():
    for i in range(count):
        frame = ground.copy()
        frame[60:160, 20 + i % 100:120 + i % 100] += 40
        yield frame
write_clip(Clip(frames(), Fraction(25)), out)
assert sum(1 for _ in open_clip(out).frames) == count
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.parametrize("format", FORMATS)
def test_memory_does_not_grow_with_the_clip(format, tmp_path):
    """450 more frames are 88 MB when kept; the gif's 32 MB of frames for its palette are full from 163 on."""
    short, long = (int(run(PEAK, str(tmp_path / f"a.{format}"), str(n)).stdout) for n in (180, 630))
    assert long - short < 30


def test_warnings_go_to_the_log_not_to_the_screen(make_video, numbered, tmp_path, caplog, capfd):
    path = tmp_path / "none.mp4"
    with caplog.at_level(logging.WARNING):
        write_clip(Clip(iter(numbered(3)), Fraction(25), 3, path), tmp_path / "a.mp4")
    assert "sound track" in caplog.text
    assert capfd.readouterr() == ("", "")


def test_nvenc_that_does_not_work_is_said_and_libx264_encodes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    if not nvenc.unavailable_reason():
        pytest.skip("NVENC works here")
    frames = [np.full((64, 64, 3), level, np.uint8) for level in (10, 90)]
    clip = Clip(iter(frames), Fraction(25), 2)
    written = write_clip(clip, tmp_path / "out.mp4", options=EncodeOptions(encoder="nvenc"))
    assert written.frames == 2
    assert "NVENC does not work here, so libx264 encodes: h264_nvenc does not start" in caplog.text
    assert len(list(open_clip(tmp_path / "out.mp4").frames)) == 2


def test_an_encoder_that_gives_every_frame_is_not_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvenc, "NAME", "libx264")
    assert nvenc.unavailable_reason.__wrapped__() == ""
    monkeypatch.setattr(nvenc, "NAME", "no_such_encoder")
    assert "does not start" in nvenc.unavailable_reason.__wrapped__()


@pytest.mark.gpu
def test_nvenc_writes_what_can_be_read(tmp_path: Path) -> None:
    if reason := nvenc.unavailable_reason():
        pytest.skip(reason)
    frames = [np.full((256, 256, 3), level, np.uint8) for level in (10, 90, 200)]
    clip = Clip(iter(frames), Fraction(25), 3)
    write_clip(clip, tmp_path / "out.mp4", options=EncodeOptions(encoder="nvenc"))
    read = list(open_clip(tmp_path / "out.mp4").frames)
    assert [abs(int(frame.mean()) - level) < 4 for frame, level in zip(read, (10, 90, 200), strict=True)]
