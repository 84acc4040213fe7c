from __future__ import annotations

import logging
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice

import av
import numpy as np
import pytest
from PIL import Image

from reenact.errors import (
    DrivingTooLong,
    DrivingUnreadable,
    InvalidOption,
    ReenactError,
    UnsupportedMedia,
)
from reenact.media import Span, VideoLimits, open_clip, write_clip
from reenact.types import Clip

NTSC = Fraction(30000, 1001)


def levels(clip) -> list[int]:
    """Which of the ``numbered`` frames came out."""
    return [round((float(frame.mean()) - 10) / 8) for frame in clip.frames]


def gif(path, pictures, **options):
    images = [Image.fromarray(picture) for picture in pictures]
    images[0].save(path, save_all=True, append_images=images[1:], **options)
    return path


@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [
        ("a.mp4", "libx264", 25),
        ("a.mov", "libx264", NTSC),
        ("a.mkv", "libx264", NTSC),
        ("a.webm", "libvpx", 30),
        ("a.webm", "libvpx-vp9", 24),
        ("a.mp4", "libx264", Fraction(60000, 1001)),
        ("a.mp4", "mpeg4", 15),
        ("a.mp4", "libx264", Fraction(25, 2)),
    ],
)
def test_constant_rate_yields_every_frame(name, codec, rate, make_video, numbered):
    clip = open_clip(make_video(name, numbered(25), rate=rate, codec=codec))
    assert isinstance(clip.frames, Iterator)
    assert clip.fps == rate and clip.frame_count == 25 and clip.audio is None
    assert type(clip.fps) is Fraction  # PyAV 19 has ratios of its own, which are not all that a Fraction is
    assert levels(clip) == list(range(25))


def test_frames_are_rgb_uint8(make_video, quarters):
    frames = list(open_clip(make_video("a.mp4", [quarters] * 3)).frames)
    for frame in frames:
        assert frame.dtype == np.uint8 and frame.flags.c_contiguous
        assert np.percentile(np.abs(frame.astype(int) - quarters), 95) <= 6


def test_name_does_not_matter(make_video, numbered):
    path = make_video("a.mp4", numbered(3))
    assert levels(open_clip(path.rename(path.with_name("a.gif")))) == [0, 1, 2]


@pytest.mark.parametrize(
    ("degrees", "hflip", "upright"),
    [
        (90, False, lambda p: np.rot90(p)),
        (-90, False, lambda p: np.rot90(p, -1)),
        (180, False, lambda p: p[::-1, ::-1]),
        (0, True, lambda p: p[:, ::-1]),
        (45, False, lambda p: p),
    ],
)
def test_display_matrix(degrees, hflip, upright, make_video, quarters):
    clip = open_clip(make_video("a.mov", [quarters] * 2, degrees=degrees, hflip=hflip))
    expected = upright(quarters)
    for frame in clip.frames:
        assert frame.shape == expected.shape and frame.flags.c_contiguous
        assert np.percentile(np.abs(frame.astype(int) - expected), 95) <= 6


@pytest.mark.parametrize(("height", "width"), [(47, 63), (33, 64), (1, 1), (2, 301)])
def test_odd_sizes(height, width, make_video, numbered):
    clip = open_clip(make_video("a.mp4", numbered(3, height, width)))
    assert [frame.shape for frame in clip.frames] == [(height, width, 3)] * 3


@pytest.mark.parametrize(
    ("aspect", "shape"),
    [(Fraction(4, 3), (48, 85, 3)), (Fraction(1, 2), (96, 64, 3)), (Fraction(100), (48, 64, 3))],
)
def test_oblong_pixels_become_square(aspect, shape, make_video, numbered):
    assert next(open_clip(make_video("a.mp4", numbered(2), aspect=aspect)).frames).shape == shape


@pytest.mark.parametrize(
    ("later", "shown"),
    [
        ((96, 96), np.s_[:, :]),  # larger, of the same shape
        ((48, 32), np.s_[10:53, :]),  # wide: bars above and below
        ((32, 64), np.s_[:, 16:48]),  # tall: bars on both sides
    ],
)
def test_a_size_that_changes_midway_stretches_nothing(later, shown, tmp_path):
    """As browsers do when the network is slow or a phone is turned: VP8 in WebM."""
    path = tmp_path / "a.webm"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libvpx", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for number, (width, height) in enumerate([(64, 64), later]):
            encoder = av.CodecContext.create("libvpx", "w")
            encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
            encoder.time_base = Fraction(1, 25)
            frame = av.VideoFrame.from_ndarray(np.full((height, width, 3), 200, np.uint8), "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            for packet in [*encoder.encode(frame), *encoder.encode(None)]:
                packet.stream = stream
                container.mux(packet)
    first, second = open_clip(path).frames
    assert first.shape == second.shape == (64, 64, 3)
    assert np.abs(first.astype(int) - 200).max() < 8
    assert np.abs(second[shown].astype(int) - 200).max() < 12
    outside = np.ones((64, 64), bool)
    outside[shown] = False
    assert (second[outside] == 0).all()


@pytest.mark.parametrize(
    ("start", "end"), [(-1, None), (0, 0), (2, 1), (float("nan"), None), (0, float("inf"))]
)
def test_a_part_begins_before_it_ends(start, end):
    with pytest.raises(InvalidOption, match=r"^(start|end)"):
        Span(start, end)


def test_a_part_behind_damage_is_told_from_an_empty_clip(tmp_path, rng):
    noise = rng.integers(0, 255, (12, 64, 64, 3), np.uint8)
    whole = write_clip(Clip(iter(noise), Fraction(10), 12), tmp_path / "whole.mp4").path.read_bytes()
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(whole[: len(whole) // 2])
    assert len(list(open_clip(damaged, span=Span(0, 0.2)).frames)) == 2
    with pytest.raises(DrivingUnreadable, match="before the part"):
        next(open_clip(damaged, span=Span(0.4)).frames)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_variable_rate_is_resampled(name, make_video, numbered):
    times = [0, 40, 80, 120, 320, 360, 400]
    clip = open_clip(make_video(name, numbered(7), rate=25, times=times))
    assert clip.fps == 25
    frames = levels(clip)
    assert frames[:11] == [0, 1, 2, 3, 3, 3, 3, 3, 4, 5, 6] and clip.frame_count == len(frames)


def test_first_frame_need_not_be_at_zero(make_video, numbered):
    clip = open_clip(make_video("a.mkv", numbered(5), times=[5000, 5040, 5080, 5300, 5340]))
    assert levels(clip)[:9] == [0, 1, 2, 2, 2, 2, 2, 2, 3]


def test_fast_clip_is_thinned(make_video, numbered):
    clip = open_clip(make_video("a.mp4", numbered(24), rate=120))
    assert clip.fps == 60 and clip.frame_count == 12 and levels(clip) == list(range(0, 24, 2))


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_audio_is_named(name, make_video, numbered):
    path = make_video(name, numbered(5), sound="aac")
    clip = open_clip(path)
    assert clip.audio == path and clip.frame_count == 5


def test_one_frame(make_video, numbered, tmp_path):
    assert levels(open_clip(make_video("a.mp4", numbered(1)))) == [0]
    path = gif(tmp_path / "a.gif", numbered(1))
    assert levels(open_clip(path)) == [0] and open_clip(path).frame_count == 1
    Image.fromarray(numbered(1)[0]).save(tmp_path / "still.webp", lossless=True)
    assert levels(open_clip(tmp_path / "still.webp")) == [0]


@pytest.mark.parametrize(
    ("durations", "fps", "expected"),
    [
        (100, 10, [0, 1, 2, 3]),
        (40, 25, [0, 1, 2, 3]),
        (70, Fraction(100, 7), [0, 1, 2, 3]),
        ([30, 30, 40, 30], 30, [0, 1, 2, 3]),
        ([100, 100, 300, 100], 10, [0, 1, 2, 2, 2, 3]),
        (0, 10, [0, 1, 2, 3]),  # as browsers show it
        (10, 10, [0, 1, 2, 3]),
    ],
)
@pytest.mark.parametrize("suffix", ["gif", "webp"])
def test_animation_rates(suffix, durations, fps, expected, numbered, tmp_path):
    options = {"lossless": True} if suffix == "webp" else {}
    clip = open_clip(gif(tmp_path / f"a.{suffix}", numbered(4), duration=durations, **options))
    assert clip.fps == fps and clip.frame_count == len(expected)
    assert levels(clip) == expected


def rgba(colour, box) -> Image.Image:
    image = Image.new("RGBA", (30, 20), (0, 0, 0, 0))
    image.paste(colour, box)
    return image


@pytest.mark.parametrize(
    ("disposal", "first_square_in_second_frame"), [(1, (255, 0, 0)), (2, (255, 255, 255))]
)
def test_gif_disposal(disposal, first_square_in_second_frame, tmp_path):
    """Frames that cover a part only, over what disposal left; nothing drawn is white."""
    first, second = rgba((255, 0, 0, 255), (0, 0, 10, 10)), rgba((0, 0, 255, 255), (20, 10, 30, 20))
    path = tmp_path / "a.gif"
    first.save(path, save_all=True, append_images=[second], disposal=disposal, duration=100)
    one, two = open_clip(path).frames
    assert one[5, 5].tolist() == [255, 0, 0] and one[15, 25].tolist() == [255, 255, 255]
    assert tuple(two[5, 5]) == first_square_in_second_frame and two[15, 25].tolist() == [0, 0, 255]


@pytest.mark.parametrize(("shift", "side", "frames"), [(4, 8, 2), (0, 9000, 1)])
def test_gif_frame_beyond_the_canvas(shift, side, frames, tmp_path, caplog):
    """A little is cut off; a bomb ends the clip before it is unpacked."""
    path = gif(tmp_path / "a.gif", [np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), 255, np.uint8)])
    data = path.read_bytes()
    at = data.rindex(b",\0\0\0\0\x08\0\x08\0")
    place = shift.to_bytes(2, "little") * 2 + side.to_bytes(2, "little") * 2
    path.write_bytes(data[: at + 1] + place + data[at + 9 :])
    assert [frame.shape for frame in open_clip(path).frames] == [(8, 8, 3)] * frames


def test_transparent_webp_is_over_white(tmp_path):
    first, second = rgba((255, 0, 0, 255), (0, 0, 10, 10)), rgba((0, 0, 255, 255), (20, 10, 30, 20))
    for image in (first, second):
        image.paste((0, 255, 0, 128), (0, 15, 30, 20))
    second.paste((0, 0, 255, 255), (20, 10, 30, 20))
    path = tmp_path / "a.webp"
    first.save(path, save_all=True, append_images=[second], duration=100, lossless=True)
    _, two = open_clip(path).frames
    assert two[5, 5].tolist() == [255, 255, 255] and two[15, 25].tolist() == [0, 0, 255]


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", DrivingUnreadable),
        (b"only words, whatever the file is called, and enough of them to fill the head", UnsupportedMedia),
        (b"#EXTM3U\n#EXTINF:10,\n/etc/hostname\n#EXT-X-ENDLIST\n", UnsupportedMedia),
        (b"ffconcat version 1.0\nfile '/etc/hostname'\n", UnsupportedMedia),
        (b"GIF89a", DrivingUnreadable),
        (b"GIF89a\x08\0\x08\0\0\0\0;", DrivingUnreadable),
        (b"GIF89a, said the text file that was called so", DrivingUnreadable),
        (b"RIFF\x10\0\0\0WEBPVP8X", DrivingUnreadable),
        (b"\0\0\0\x18ftypisom\0\0\0\0isommp41", DrivingUnreadable),
        (b"\0\0\0\x08moov", DrivingUnreadable),
        (b"\x1aE\xdf\xa3\0\0\0\0", DrivingUnreadable),
        (b"\x89PNG\r\n\x1a\n" + bytes(60), UnsupportedMedia),
        (b"\xff\xd8\xff\xe0" + bytes(60), UnsupportedMedia),
        (b"RIFF\0\0\0\0AVI " + bytes(60), UnsupportedMedia),
    ],
)
@pytest.mark.parametrize("name", ["a.mp4", "a.gif"])
def test_refused(content, error, name, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(error):
        open_clip(path)


def test_playlists_reach_no_other_file(tmp_path, make_video, numbered):
    """A playlist that does name a good video is still refused."""
    good = make_video("good.mp4", numbered(3))
    for text in (f"ffconcat version 1.0\nfile '{good}'\n", f"#EXTM3U\n#EXTINF:1,\n{good}\n#EXT-X-ENDLIST\n"):
        path = tmp_path / "list.mp4"
        path.write_text(text)
        with pytest.raises(UnsupportedMedia, match="not a video"):
            open_clip(path)


def test_not_there(tmp_path):
    for path in (tmp_path / "none.mp4", tmp_path):
        with pytest.raises(DrivingUnreadable):
            open_clip(path)


def test_no_video_track(make_video, numbered, tmp_path):
    import av

    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        track = container.add_stream("aac", rate=48000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4800), np.float32), "fltp", "mono")
        frame.sample_rate = 48000
        container.mux(track.encode(frame))
        container.mux(track.encode())
    with pytest.raises(DrivingUnreadable, match="only sound"):
        open_clip(path)


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (VideoLimits(max_seconds=0.9), "1.0 s"),
        (VideoLimits(max_frames=24), "25 frames"),
        (VideoLimits(max_side=63), "64 x 48"),
        (VideoLimits(max_bytes=500), "MB"),
    ],
)
def test_too_long(limits, words, make_video, numbered, tmp_path):
    frames = numbered(25)
    clips = [make_video("a.mp4", frames), make_video("a.mkv", frames)]
    clips.append(gif(tmp_path / "a.gif", frames, duration=40))
    clips.append(gif(tmp_path / "a.webp", frames, duration=40))
    for path in clips:
        with pytest.raises(DrivingTooLong, match=words):
            open_clip(path, limits)
        assert open_clip(path, VideoLimits(max_seconds=1, max_frames=25, max_side=64)).frame_count == 25


def test_ten_minutes_are_refused_without_decoding(make_video, numbered):
    path = make_video("a.mp4", numbered(2) * 300, rate=1)
    with pytest.raises(DrivingTooLong, match="600"):
        open_clip(path)


def test_turned_clip_is_measured_after_stretching(make_video, numbered):
    path = make_video("a.mp4", numbered(2), aspect=Fraction(2))
    with pytest.raises(DrivingTooLong, match="128 x 48"):
        open_clip(path, VideoLimits(max_side=100))


def test_huge_frame_in_a_small_video_is_refused(tmp_path, make_video, numbered):
    """The header says 64 pixels, the stream holds more: the decoder itself must stop."""
    path = make_video("a.mkv", numbered(2, 200, 300))
    data = path.read_bytes()
    wide, high = b"\xb0\x82\x01\x2c", b"\xba\x81\xc8"  # Matroska's PixelWidth and PixelHeight
    assert wide in data and high in data
    path.write_bytes(data.replace(wide, b"\xb0\x82\x00\x40").replace(high, b"\xba\x81\x40"))
    with pytest.raises(ReenactError):
        list(open_clip(path, VideoLimits(max_side=100)).frames)


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.webm", "a.gif", "a.webp"])
def test_cut_off_anywhere(name, make_video, face_like, tmp_path, caplog):
    """Either one of our errors, or the frames before the cut."""
    caplog.set_level(logging.CRITICAL)
    frames = list(face_like(12))
    if name in ("a.gif", "a.webp"):
        path = gif(tmp_path / name, frames, duration=40)
    else:
        path = make_video(name, frames, codec="libvpx" if name == "a.webm" else "libx264")
    data = path.read_bytes()
    whole = len(list(open_clip(path).frames))
    counts = []
    for length in [*range(40), *range(40, len(data), max(1, len(data) // 50))]:
        path.write_bytes(data[:length])
        try:
            counts.append(len(list(open_clip(path).frames)))
        except ReenactError as error:
            assert isinstance(error, DrivingUnreadable | UnsupportedMedia)
    assert all(0 < count <= whole for count in counts)
    if name in ("a.webm", "a.gif"):
        assert len(set(counts)) > 3  # the frames before the cut are used


@pytest.mark.parametrize("name", ["a.mp4", "a.webm", "a.gif", "a.webp"])
def test_damaged_anywhere(name, make_video, face_like, tmp_path, caplog):
    caplog.set_level(logging.CRITICAL)
    frames = list(face_like(6))
    if name in ("a.gif", "a.webp"):
        path = gif(tmp_path / name, frames, duration=40)
    else:
        path = make_video(name, frames, codec="libvpx" if name == "a.webm" else "libx264")
    data = path.read_bytes()
    random = np.random.default_rng(3)
    for _ in range(60):
        damaged = bytearray(data)
        for at in random.integers(0, len(data), 5):
            damaged[at] = random.integers(0, 256)
        path.write_bytes(damaged)
        try:
            assert len({frame.shape for frame in open_clip(path, VideoLimits(max_side=640)).frames}) <= 1
        except ReenactError:
            continue


def test_faststart_file_cut_in_the_middle_keeps_its_first_frames(make_video, face_like, tmp_path, caplog):
    from reenact.media import write_clip
    from reenact.types import Clip

    path = write_clip(Clip(iter(face_like(30)), Fraction(25)), tmp_path / "a.mp4").path
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    assert 3 < len(list(open_clip(path).frames)) < 30


def test_frames_may_be_left_alone_or_half_read(make_video, numbered, tmp_path):
    """No file stays open: pytest turns a ResourceWarning into a failure."""
    for path in (make_video("a.mp4", numbered(9)), gif(tmp_path / "a.gif", numbered(9))):
        clip = open_clip(path)
        assert len(list(islice(clip.frames, 2))) == 2
        del clip
        open_clip(path)
        path.unlink()


def test_frames_come_one_by_one(make_video, numbered):
    clip = open_clip(make_video("a.mp4", numbered(25)))
    assert next(clip.frames).shape == (48, 64, 3)
    assert sum(1 for _ in clip.frames) == 24
    assert next(clip.frames, None) is None
