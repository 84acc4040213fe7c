"""FanDetector run for real, offline, on weights made here that find planted colours.

S3FD gets weights that fire on a white dot, FAN gets weights whose heatmaps answer to the pure colours, so
that a picture of seven dots is a face whose every landmark is known.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from reenact.engine import open_face_finder
from reenact.errors import ExtraMissing, ProviderUnavailable, WeightsBroken
from reenact.face.fan import FOREHEAD, FanDetector, load_face_alignment
from reenact.types import Picture

S3FD, FAN = "s3fd-619a316812.pth", "2DFAN4-11f355bf06.pth.tar"
BOX_SIDE = 96  # of the planted S3FD, around the middle of a cell of 16 pixels
# Colour of a dot, the landmarks that FAN finds there, and its place in a face of which white is the middle.
DOTS = [
    ((255, 0, 0), range(36, 42), (-18, -14)),  # right eye
    ((0, 255, 0), range(42, 48), (18, -10)),  # left eye
    ((0, 0, 255), range(0, 8), (-36, 6)),
    ((255, 255, 0), range(8, 9), (2, 42)),  # chin
    ((255, 0, 255), range(9, 17), (38, 4)),
    ((0, 255, 255), range(17, 27), (0, -30)),  # brows
    ((255, 255, 255), [*range(27, 36), *range(48, 68)], (0, 0)),
]
PLACES = [place for _, _, place in DOTS]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory, need: Callable[[str, object], None]) -> Path:
    """A torch home with both files."""
    need("face-alignment", _face_alignment())
    import torch

    home = tmp_path_factory.mktemp("torch-home")
    (home / "hub" / "checkpoints").mkdir(parents=True)
    torch.save(_s3fd_state(), home / "hub" / "checkpoints" / S3FD)
    torch.save(_fan_state(), home / "hub" / "checkpoints" / FAN)
    return home


@pytest.fixture(scope="module")
def fan(weights: Path) -> FanDetector:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCH_HOME", str(weights))
        return FanDetector("cpu")


@pytest.fixture(autouse=True)
def _forget_finders() -> Iterator[None]:
    """Finders are kept for the life of the process; here each test opens its own."""
    open_face_finder.cache_clear()
    yield
    open_face_finder.cache_clear()


@pytest.fixture
def empty_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, need: Callable[[str, object], None]) -> Path:
    """A torch home without weights, on a machine without a connection: its proxy is a closed port."""
    need("face-alignment", _face_alignment())
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    return tmp_path / "hub" / "checkpoints"


def test_box_and_eyes_in_picture_pixels(fan: FanDetector) -> None:
    picture = np.zeros((200, 240, 3), np.uint8)
    _plant(picture, (120, 104))
    (found,) = fan(picture)
    top = 74 - FOREHEAD * (146 - 74)
    assert found.box == pytest.approx((84, top, 158, 146), abs=3)
    assert found.eyes == pytest.approx(np.array([[102, 90], [138, 94]]), abs=3)
    assert found.eyes.dtype == np.float32
    assert found.score == pytest.approx(1, abs=0.01)


def test_two_faces_of_a_large_picture(fan: FanDetector) -> None:
    picture = np.zeros((400, 1280, 3), np.uint8)
    for middle in ((304, 176), (976, 208)):
        _plant(picture, middle, scale=2)
    found = sorted(fan(picture), key=lambda detection: detection.box[0])
    assert len(found) == 2
    assert found[0].eyes == pytest.approx(np.array([[268, 148], [340, 156]]), abs=6)
    assert found[1].eyes == pytest.approx(np.array([[940, 180], [1012, 188]]), abs=6)
    assert found[1].box[0::2] == pytest.approx((904, 1052), abs=6)


@pytest.mark.parametrize("size", [(96, 96), (16, 16), (20, 3000)])
def test_no_face(fan: FanDetector, size: tuple[int, int]) -> None:
    assert fan(np.zeros((*size, 3), np.uint8)) == []


def test_mesh_starts_from_fan(shared: Path, weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = Image.open(shared / "portraits" / "mona-lisa.jpg").convert("RGB")
    face = open_face_finder("cpu", 1).find(np.asarray(image))[0]
    factor = 90 / face.height  # as high as the planted face
    size = (round(image.width * factor), round(image.height * factor))
    picture = np.array(image.resize(size, Image.Resampling.BICUBIC)) // 2  # too dark for a white of its own
    face_points = face.landmarks * factor
    middle = (np.floor(face_points[4] / 16) * 16 + 8).astype(int)  # the cell of S3FD with the tip of the nose
    corners = ([33, 133], [263, 362], [127], [152], [356], [105, 334])
    places = [face_points[points].mean(0) - middle for points in corners]
    _plant(picture, middle, [*places, (0, 0)])

    monkeypatch.setenv("TORCH_HOME", str(weights))
    (found,) = open_face_finder("cpu", 1, "fan").find(picture)
    assert np.linalg.norm(found.landmarks - face_points, axis=1).mean() < 3


def test_no_connection(empty_home: Path) -> None:
    with pytest.raises(WeightsBroken, match="could not be downloaded") as raised:
        open_face_finder("cpu", 1, "fan")
    for part in ("https://", S3FD, str(empty_home), "by hand", "blazeface"):
        assert part in str(raised.value)
    assert list(empty_home.iterdir()) == []


def test_download_with_another_hash(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = empty_home.parents[1] / "source" / S3FD
    source.parent.mkdir()
    source.write_bytes(b"not what its name says")
    urls = import_module("face_alignment.detection.sfd.sfd_detector").models_urls
    monkeypatch.setitem(urls, "s3fd", source.as_uri())
    with pytest.raises(WeightsBroken, match="invalid hash"):
        FanDetector("cpu")
    assert list(empty_home.iterdir()) == []


@pytest.mark.parametrize(
    ("broken", "content"), [(S3FD, b""), (S3FD, "of the other network"), (FAN, b"no weights")]
)
def test_broken_file(weights: Path, empty_home: Path, broken: str, content: bytes | str) -> None:
    made = weights / "hub" / "checkpoints"
    empty_home.mkdir(parents=True)
    for name, other in ((S3FD, FAN), (FAN, S3FD)):
        if name != broken:
            (empty_home / name).symlink_to(made / name)
        elif isinstance(content, bytes):
            (empty_home / name).write_bytes(content)
        else:
            (empty_home / name).symlink_to(made / other)
    with pytest.raises(WeightsBroken, match=f"(?s)cannot be loaded.*{broken}"):
        FanDetector("cpu")


def test_no_pickled_code_is_run(weights: Path, empty_home: Path) -> None:
    import torch

    empty_home.mkdir(parents=True)
    trace = empty_home / "ran"
    (empty_home / FAN).symlink_to(weights / "hub" / "checkpoints" / FAN)
    torch.save({"weights": _Touch(trace)}, empty_home / S3FD)
    with pytest.raises(WeightsBroken, match="cannot be loaded"):
        FanDetector("cpu")
    assert not trace.exists()


def test_cuda_must_be_there(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("torch can use CUDA here")
    monkeypatch.setenv("TORCH_HOME", str(weights))
    with pytest.raises(ProviderUnavailable, match="CUDA build of torch"):
        FanDetector("cuda")


def test_extra_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "face_alignment", None)  # how Python itself marks a missing module
    with pytest.raises(ExtraMissing, match=r"pip install 'reenact\[fan\]'"):
        open_face_finder("cpu", 1, "fan")


def test_default_path_never_loads_it() -> None:
    code = (
        "import sys, reenact.engine; reenact.engine.open_face_finder('cpu', 1);"
        "print(sorted({'face_alignment', 'numba', 'torch', 'reenact.face.fan'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def _face_alignment() -> object:
    try:
        return load_face_alignment()
    except ExtraMissing:
        return None


class _Touch:
    """Pickles as a call that makes a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (self._path,)


def _plant(
    picture: Picture, middle: tuple[int, int], places: Sequence[tuple[float, float]] = PLACES, scale: int = 1
) -> None:
    """Draw the seven dots, 4 pixels wide, at their ``places`` around ``middle``."""
    for (colour, _, _), place in zip(DOTS, places, strict=True):
        x, y = (round(middle[axis] + scale * place[axis]) for axis in (0, 1))
        picture[y - 2 * scale : y + 2 * scale, x - 2 * scale : x + 2 * scale] = colour


def _s3fd_state() -> dict[str, Any]:
    """Weights that see a face where a pixel is white: blue + green + red above 644 in conv5_3's cell."""
    net = import_module("face_alignment.detection.sfd.net_s3fd").s3fd()
    state = _zeros(net)
    state["conv1_1.weight"][0, :, 1, 1] = 1
    state["conv1_1.bias"][0] = -300
    for name in ("1_2", "2_1", "2_2", "3_1", "3_2", "3_3", "4_1", "4_2", "4_3", "5_1", "5_2", "5_3"):
        state[f"conv{name}.weight"][0, 0, 1, 1] = 1
    state["conv5_3_norm.weight"][0] = 1  # L2Norm leaves 1 where anything is seen, else 0
    for name in ("conv3_3_norm", "conv4_3_norm", "conv5_3_norm", "fc7", "conv6_2", "conv7_2"):
        state[f"{name}_mbox_conf.bias"][:-1] = 10  # no face
    state["conv5_3_norm_mbox_conf.weight"][1, 0, 1, 1] = 20
    state["conv5_3_norm_mbox_loc.bias"][2:] = np.log(BOX_SIDE / 64) / 0.2  # the prior's side is 64
    return _small(state)


def _fan_state() -> dict[str, Any]:
    """Weights that carry the picture to the last hourglass, where each heatmap prefers one colour."""
    net = import_module("face_alignment.models").FAN(4)
    state = _zeros(net)
    for name in state:
        if name.endswith("running_var") or (".bn" in f".{name}" and name.endswith("weight")):
            state[name][:] = 1
    for name in ("conv2.downsample.0", "conv4.downsample.0"):
        state[f"{name}.weight"][:] = 1
    for channel in range(3):
        state["conv1.weight"][channel, channel, 3, 3] = 1
        state["conv2.downsample.2.weight"][channel, channel] = 1
        state["conv4.downsample.2.weight"][channel, channel] = 1
        # The lower branch repeats the picture blurred: here it is taken away from itself.
        state["m3.b3_4.conv1.weight"][channel, channel, 1, 1] = -1
    for group, (colour, landmarks, _) in enumerate(DOTS):
        # 2 c - 1 is largest at the corner c of the colour cube; ReLU needs it above zero.
        for channel in range(3):
            state["conv_last3.weight"][group, channel] = 1.0 if colour[channel] else -1.0
        state["conv_last3.bias"][group] = 3
        for landmark in landmarks:
            state["l3.weight"][landmark, group] = 1
    return _small(state)


def _zeros(net: Any) -> dict[str, Any]:
    return {name: tensor.zero_() for name, tensor in net.state_dict().items()}


def _small(state: dict[str, Any]) -> dict[str, Any]:
    """The same tensors; those of zeros share one number, so that the file is small."""
    return {
        name: tensor if tensor.any() else tensor.new_zeros(()).expand(tensor.shape)
        for name, tensor in state.items()
    }
