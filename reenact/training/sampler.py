"""Sampling of frame pairs: group, then person, then clip, so that persons are balanced."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from reenact.landmarks import MESH_INDICES, OPENINGS, OUTLINE
from reenact.training.dataset import Pack, PackedClip

# Probability of each group of the manifest: by sharpness and movement, not by its number of clips.
GROUP_WEIGHTS: Mapping[str, float] = {"talk": 0.42, "news": 0.2, "ytf": 0.2, "london": 0.05}
STILLS_WEIGHT = 0.13  # all groups that are not named above
# Probabilities that the driving frame is the one of CANDIDATES whose expression, or head pose, differs most
EXPRESSIVE, TURNED, CANDIDATES = 0.4, 0.3, 5


class PairSampler:
    """Random batches of (source, driving) rows and their pictures."""

    def __init__(self, pack: Pack, device: torch.device, *, on_device: bool) -> None:
        """Sampling uses torch's global generator, so that a resumed run continues the same sequence.

        ``on_device`` keeps all frames in the accelerator's memory as uint8 (40,000 frames: 8 GB).
        """
        self._device = device
        self._frames = torch.from_numpy(np.array(pack.frames)).to(device) if on_device else pack.frames
        chosen = pack.landmarks[:, list(MESH_INDICES)].astype(np.float32)
        self.landmarks = torch.from_numpy(chosen).to(device)
        self._expressions, self._turns = expressions(chosen), head_turns(chosen)
        self._groups, self._odds = _by_group(pack.clips)

    def rows(self, batch: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """(source rows, driving rows), two different frames of one clip each."""
        pairs = [self._pair() for _ in range(batch)]
        source, driving = np.array(pairs).T
        return source, driving

    def frames(self, rows: NDArray[np.intp]) -> tuple[Tensor, Tensor]:
        """Pictures (B, 3, 256, 256) float32 in [0, 1] and their landmarks (B, L, 2), on the device."""
        places = torch.from_numpy(rows).to(self._device, non_blocking=True)
        if isinstance(self._frames, Tensor):
            taken = self._frames[places]
        else:
            taken = torch.from_numpy(self._frames[rows]).to(self._device)
        return taken.permute(0, 3, 1, 2).float() / 255, self.landmarks[places]

    def _pair(self) -> tuple[int, int]:
        people = self._groups[int(torch.multinomial(self._odds, 1))]
        clips = people[_below(len(people))]
        clip = clips[_below(len(clips))]
        source, *others = (clip.first + torch.randperm(len(clip.kept))[: 1 + CANDIDATES]).tolist()
        chance = float(torch.rand(()))
        if chance > EXPRESSIVE + TURNED:
            return source, others[0]
        seen = self._expressions if chance < EXPRESSIVE else self._turns
        change = np.abs(seen[others] - seen[source]).sum(-1)
        return source, others[int(change.argmax())]


def expressions(landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far mouth and eyes are open, (N, 3), as shares of the face's height; lids count three times.

    ``landmarks`` is (N, L, 2).
    """
    top, chin = (landmarks[:, MESH_INDICES.index(index)] for index in OUTLINE[1:3])
    height = np.linalg.norm(top - chin, axis=-1).clip(1e-3)
    return np.stack(
        [
            weight * np.linalg.norm(landmarks[:, upper] - landmarks[:, lower], axis=-1) / height
            for (upper, lower), weight in zip(OPENINGS, (1, 3, 3), strict=True)
        ],
        -1,
    )


def head_turns(landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Offset of the nose tip from the middle of the cheeks, along and across their line, (N, 2).

    In halves of the cheeks' distance: a measure of yaw and pitch. ``landmarks`` is (N, L, 2).
    """
    nose, left, right = (landmarks[:, MESH_INDICES.index(index)] for index in (1, 234, 454))
    half = (right - left) / 2
    away = nose - (left + right) / 2
    along = (away * half).sum(-1)
    across = away[:, 1] * half[:, 0] - away[:, 0] * half[:, 1]
    turned: NDArray[np.float32] = np.stack([along, across], -1) / (half**2).sum(-1, keepdims=True).clip(1e-4)
    return turned


def _below(count: int) -> int:
    return int(torch.randint(count, ()))


def _by_group(clips: list[PackedClip]) -> tuple[list[list[list[PackedClip]]], Tensor]:
    groups: dict[str, dict[str, list[PackedClip]]] = defaultdict(lambda: defaultdict(list))
    for clip in clips:
        group = clip.group if clip.group in GROUP_WEIGHTS else "stills"
        person = clip.person if clip.person != "-1" else clip.file
        groups[group][person].append(clip)
    odds = torch.tensor([GROUP_WEIGHTS.get(name, STILLS_WEIGHT) for name in groups])
    return [list(people.values()) for people in groups.values()], odds
