from __future__ import annotations

import struct
from io import BytesIO

import numpy as np
import PIL.Image
import pytest
from PIL import Image, ImageCms

from reenact.errors import ImageTooLarge, ImageUnreadable, ReenactError, UnsupportedMedia
from reenact.media import PictureLimits, read_picture
from tests.media.stills import P3_D50, SAVING, SRGB_D50, close, encode, icc_profile, png, to_wide_gamut


@pytest.mark.parametrize("format", SAVING)
def test_formats_round_trip(format, quarters):
    picture = read_picture(encode(quarters, format))
    assert picture.dtype == np.uint8 and picture.flags.c_contiguous and picture.flags.writeable
    assert close(picture, quarters, 6)


def test_path_and_name_do_not_matter(tmp_path, quarters):
    path = tmp_path / "really-a-png.jpg"
    path.write_bytes(encode(quarters, "PNG"))
    assert np.array_equal(read_picture(path), quarters)


# EXIF 2.32, 4.6.4: which visual side the stored row 0 and column 0 are on.
STORED = {
    1: lambda p: p,  # top, left
    2: lambda p: p[:, ::-1],  # top, right
    3: lambda p: p[::-1, ::-1],  # bottom, right
    4: lambda p: p[::-1],  # bottom, left
    5: lambda p: p.transpose(1, 0, 2),  # left, top
    6: lambda p: p[:, ::-1].transpose(1, 0, 2),  # right, top
    7: lambda p: p[::-1, ::-1].transpose(1, 0, 2),  # right, bottom
    8: lambda p: p[::-1].transpose(1, 0, 2),  # left, bottom
}


@pytest.mark.parametrize("format", SAVING)
@pytest.mark.parametrize("orientation", STORED)
def test_orientation(orientation, format, quarters):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](quarters)))
    assert close(read_picture(encode(stored, format, exif=exif.tobytes())), quarters, 6)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_impossible_orientation_is_ignored(orientation, quarters):
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert np.array_equal(read_picture(encode(quarters, "PNG", exif=exif.tobytes())), quarters)


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"]
)
def test_broken_exif_is_ignored(exif, quarters):
    assert close(read_picture(encode(quarters, "JPEG", exif=exif)), quarters, 6)


@pytest.mark.parametrize(
    ("mode", "levels"),
    [("RGB", 0), ("L", 0), ("1", 0), ("P", 0), ("LA", 0), ("RGBA", 0), ("I;16", 0)],
)
def test_png_modes(mode, levels, quarters):
    grey = np.repeat(np.asarray(Image.fromarray(quarters).convert("L"))[..., None], 3, 2)
    image = Image.fromarray(quarters)
    if mode == "I;16":
        image, expected = Image.fromarray(grey[..., 0].astype(np.uint16) * 257), grey
    elif mode == "P":
        image = image.quantize(16)
        expected = np.asarray(image.convert("RGB"))
    else:
        image = image.convert(mode)
        expected = np.asarray(image.convert("RGB"))
    data = encode(image, "PNG")
    with Image.open(BytesIO(data)) as stored:
        assert stored.mode == mode  # the test really stores what it says
    assert close(read_picture(data), expected, levels)


def test_sixteen_bit_grey_is_scaled_not_cut():
    values = np.array([[0, 128, 129, 257, 32768, 65280, 65535]], np.uint16)
    picture = read_picture(encode(Image.fromarray(values), "PNG"))
    assert picture[0, :, 0].tolist() == [0, 0, 1, 1, 128, 254, 255]


def test_sixteen_bit_colour_and_alpha():
    row = struct.pack(">4H", 65535, 32896, 0, 0) + struct.pack(">4H", 65535, 32896, 0, 65535)
    picture = read_picture(png(2, 1, 16, 6, b"\0" + row))
    assert picture.tolist() == [[[255, 255, 255], [255, 128, 0]]]
    picture = read_picture(png(2, 1, 16, 4, b"\0" + struct.pack(">4H", 0, 0, 0, 65535)))
    assert picture.tolist() == [[[255, 255, 255], [0, 0, 0]]]


def test_transparent_grey_level_of_16_bits():
    rows = b"\0" + struct.pack(">2H", 1000, 30000)
    picture = read_picture(png(2, 1, 16, 0, rows, (b"tRNS", struct.pack(">H", 1000))))
    assert picture.tolist() == [[[255, 255, 255], [117, 117, 117]]]


@pytest.mark.parametrize("format", ["PNG", "WEBP", "AVIF", "HEIF"])
def test_transparent_parts_are_over_white(format):
    rgba = np.full((32, 48, 4), (200, 0, 0, 255), np.uint8)
    rgba[:, 16:32, 3] = 128
    rgba[:, 32:, 3] = 0
    picture = read_picture(encode(Image.fromarray(rgba), format))
    assert np.abs(picture[16, [8, 24, 40]].astype(int) - [[200, 0, 0], [227, 127, 127], [255] * 3]).max() <= 5


@pytest.mark.parametrize("key", [0, b"\x00\xff", b"\x80"])
def test_palette_transparency(key):
    image = Image.new("P", (2, 1), 0)
    image.putpalette([200, 0, 0, 0, 0, 200])
    image.putpixel((1, 0), 1)
    first = 227 if key == b"\x80" else 255
    picture = read_picture(encode(image, "PNG", transparency=key))
    assert picture[0, 0, 0] == first and picture[0, 1].tolist() == [0, 0, 200]


@pytest.mark.parametrize(("mode", "key"), [("L", 7), ("RGB", (7, 7, 7))])
def test_colour_key(mode, key):
    image = Image.new(mode, (2, 1), key)
    image.putpixel((1, 0), 90 if mode == "L" else (90, 90, 90))
    picture = read_picture(encode(image, "PNG", transparency=key))
    assert picture.tolist() == [[[255] * 3, [90] * 3]]


def test_cmyk_jpeg(quarters):
    cmyk = Image.fromarray(quarters).convert("CMYK")
    data = encode(cmyk, "JPEG")
    assert b"Adobe" in data
    assert close(read_picture(data), quarters, 4)


def test_ycck_jpeg(quarters):
    """Pillow writes no YCCK; store its channels as CMYK and set the transform of the Adobe marker."""
    # libjpeg turns YCC into 255 - RGB, which Adobe means as 255 - ink: so RGB here is the ink.
    ycc = np.asarray(Image.fromarray(255 - quarters).convert("YCbCr"))
    raw = np.concatenate([ycc, np.full((48, 64, 1), 255, np.uint8)], 2)
    data = bytearray(encode(Image.frombytes("CMYK", (64, 48), (255 - raw).tobytes()), "JPEG"))
    at = data.index(b"Adobe") + 11
    assert data[at] == 0
    data[at] = 2
    assert close(read_picture(bytes(data)), quarters, 6)


@pytest.mark.parametrize("format", SAVING)
def test_wide_gamut_profile(format, quarters):
    stored = to_wide_gamut(quarters, 2.2)
    assert not close(stored, quarters, 10)
    profile = icc_profile(b"RGB ", P3_D50, 2.2)
    image = Image.fromarray(stored)
    image.info["icc_profile"] = profile  # where pillow_heif looks for it
    data = encode(image, format, **({} if format == "HEIF" else {"icc_profile": profile}))
    assert close(read_picture(data), quarters, 8 if format in ("HEIF", "AVIF") else 4)


def test_profile_with_transparency_and_orientation(quarters):
    alpha = np.full((48, 64, 1), 255, np.uint8)
    alpha[24:] = 0
    stored = np.concatenate([to_wide_gamut(quarters, 2.2), alpha], 2)[:, ::-1]
    exif = Image.Exif()
    exif[0x0112] = 2
    profile = icc_profile(b"RGB ", P3_D50, 2.2)
    picture = read_picture(
        encode(np.ascontiguousarray(stored), "PNG", exif=exif.tobytes(), icc_profile=profile)
    )
    assert close(picture[:24], quarters[:24], 3) and (picture[24:] == 255).all()


def test_grey_profile():
    image = Image.new("L", (8, 8), 55)  # linear light 55/255 is sRGB 129
    data = encode(image, "PNG", icc_profile=icc_profile(b"GRAY", None, 1.0))
    assert np.abs(read_picture(data).astype(int) - 128).max() <= 2


def cmyk_profile(cyan: tuple[int, int, int]) -> bytes:
    """A CMYK profile with a two-step table (lut8Type) of what the inks' mixtures look like in Lab."""
    inks = np.array(list(np.ndindex(2, 2, 2, 2)))
    colours = np.array([cyan, (255, 0, 255), (255, 255, 0), (0, 0, 0)]) / 255
    rgb = np.prod(np.where(inks[..., None] == 1, colours, 1.0), axis=1)
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    f = np.cbrt(linear @ SRGB_D50.T / [0.9642, 1, 0.8249])
    lab = np.stack(
        [
            (116 * f[:, 1] - 16).clip(0) * 2.55,
            500 * (f[:, 0] - f[:, 1]) + 128,
            200 * (f[:, 1] - f[:, 2]) + 128,
        ]
    )
    ramp = bytes(range(256))
    unit = struct.pack(">9i", *(65536 * v for v in (1, 0, 0, 0, 1, 0, 0, 0, 1)))
    table = b"mft1\0\0\0\0" + bytes((4, 3, 2, 0)) + unit + ramp * 4
    table += np.round(lab.T).clip(0, 255).astype(np.uint8).tobytes() + ramp * 3
    start = 128 + 4 + 12
    head = struct.pack(">I4sI4s4s4s", start + len(table), b"\0" * 4, 0x02100000, b"prtr", b"CMYK", b"Lab ")
    head += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061) + bytes(48)
    return head + struct.pack(">I4sII", 1, b"A2B0", start, len(table)) + table


def test_cmyk_profile():
    image = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    data = encode(image, "JPEG", icc_profile=cmyk_profile((0, 110, 170)))
    assert np.abs(read_picture(data).astype(int) - (0, 110, 170)).max() <= 6
    assert np.abs(read_picture(encode(image, "JPEG")).astype(int) - (0, 255, 255)).max() <= 3


@pytest.mark.parametrize(
    "profile",
    [b"broken", icc_profile(b"GRAY", None, 1.0), icc_profile(b"RGB ", P3_D50, 2.2)[:200]],
    ids=["not a profile", "another colour model", "cut off"],
)
def test_unusable_profile_is_ignored(profile, quarters):
    assert np.array_equal(read_picture(encode(quarters, "PNG", icc_profile=profile)), quarters)


def test_srgb_profile_changes_nothing(quarters):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert close(read_picture(encode(quarters, "PNG", icc_profile=profile)), quarters, 1)


@pytest.mark.parametrize(("format", "kind"), [("WEBP", "WEBP"), ("PNG", "APNG"), ("AVIF", "AVIF")])
def test_first_frame_of_an_animation(format, kind, quarters):
    other = Image.fromarray(255 - quarters)
    data = encode(quarters, format, save_all=True, append_images=[other], duration=100)
    with Image.open(BytesIO(data)) as image:
        assert image.n_frames == 2
    assert close(read_picture(data), quarters, 6)


@pytest.mark.parametrize(
    ("limits", "width", "height"),
    [
        (PictureLimits(max_pixels=48 * 64 - 1), 64, 48),
        (PictureLimits(max_side=63), 64, 48),
        (PictureLimits(max_bytes=20), 64, 48),
        (PictureLimits(), 1, 30000),
        (PictureLimits(), 30000, 1),
        (PictureLimits(), 30000, 30000),
        (PictureLimits(), 8000, 8000),
    ],
)
def test_too_large(limits, width, height):
    rows = b"" if width * height > 10**6 else bytes(height * (1 + (width + 7) // 8))
    with pytest.raises(ImageTooLarge):
        read_picture(png(width, height, 1, 0, rows), limits)


@pytest.mark.parametrize("format", SAVING)
def test_pixels_are_checked_in_every_format(format, quarters):
    data = encode(quarters, format)
    with pytest.raises(ImageTooLarge):
        read_picture(data, PictureLimits(max_pixels=3000))
    assert read_picture(data, PictureLimits(max_pixels=48 * 64)).shape == (48, 64, 3)


def test_pillows_own_bomb_check_stays_out_of_it(monkeypatch, quarters):
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 2000)  # warns at 3072 pixels, and warnings are errors
    assert np.array_equal(read_picture(encode(quarters, "PNG")), quarters)
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 10)
    assert np.array_equal(read_picture(encode(quarters, "PNG")), quarters)


def test_large_file_is_not_read(tmp_path):
    path = tmp_path / "large.jpg"
    with path.open("wb") as file:
        file.truncate(50_000_000_000)  # sparse
    with pytest.raises(ImageTooLarge, match="50000"):
        read_picture(path)


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"just some words in a text file, long enough to look at", "not a picture"),
        (b"GIF89a" + bytes(60), "GIF"),
        (b"BM" + bytes(60), "BMP"),
        (b"II*\0" + bytes(60), "TIFF"),
        (b"%PDF-1.7" + bytes(60), "PDF"),
        (b"\0\0\0\x20ftypisom" + bytes(60), "video"),
        (b"\0\0\0\x14ftypqt  " + bytes(60), "video"),
        (b"\x1aE\xdf\xa3" + bytes(60), "video"),
        (b"RIFF\0\0\0\0AVI " + bytes(60), "video"),
        (b"RIFF\0\0\0\0WAVE" + bytes(60), "sound"),
        (b"x", "not a picture"),
    ],
)
def test_other_formats_are_refused_by_name(data, word):
    with pytest.raises(UnsupportedMedia, match=word) as caught:
        read_picture(data)
    assert "JPEG, PNG, WebP, HEIC or AVIF" in str(caught.value)


def test_video_as_selfie(make_video, numbered):
    for name, codec in (
        ("a.mp4", "libx264"),
        ("b.mov", "libx264"),
        ("c.webm", "libvpx"),
        ("d.mkv", "libx264"),
    ):
        with pytest.raises(UnsupportedMedia, match="is a video"):
            read_picture(make_video(name, numbered(2), codec=codec))


def test_not_there(tmp_path):
    (tmp_path / "empty.jpg").touch()
    for source in (b"", tmp_path, tmp_path / "none.jpg", tmp_path / "empty.jpg"):
        with pytest.raises(ImageUnreadable):
            read_picture(source)


@pytest.mark.parametrize("format", SAVING)
def test_cut_off_anywhere(format):
    """Only our errors, and never an accepted picture when a third is missing."""
    noise = np.random.default_rng(1).integers(0, 255, (40, 40, 3), np.uint8)
    data = encode(noise, format)
    for length in [*range(64), *range(64, len(data), max(1, len(data) // 100))]:
        try:
            read_picture(data[:length])
        except ReenactError as error:
            assert isinstance(error, ImageUnreadable | UnsupportedMedia)
        else:
            assert length > 0.66 * len(data)


@pytest.mark.parametrize("format", SAVING)
def test_damaged_anywhere(format, quarters):
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encode(quarters, format, exif=exif.tobytes())
    random = np.random.default_rng(2)
    for _ in range(200):
        damaged = bytearray(data)
        for at in random.integers(0, len(data), 4):
            damaged[at] = random.integers(0, 256)
        try:
            picture = read_picture(bytes(damaged), PictureLimits(max_pixels=1_000_000))
        except ReenactError:
            continue
        assert picture.dtype == np.uint8 and picture.ndim == 3 and picture.shape[2] == 3
