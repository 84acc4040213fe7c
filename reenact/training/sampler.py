"""Drawing pairs of frames: group, then person, then clip, so that no one is seen too often."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from reenact.landmarks import MESH_INDICES, OPENINGS, OUTLINE
from reenact.training.dataset import Pack, PackedClip

# How often each group of the manifest is drawn: by sharpness and movement, not by how many clips it has.
GROUP_WEIGHTS: Mapping[str, float] = {"talk": 0.42, "news": 0.2, "ytf": 0.2, "london": 0.05}
STILLS_WEIGHT = 0.13  # all groups that are not named above
EXPRESSIVE, CANDIDATES = 0.5, 5  # so often the most different expression of some frames is the driving one


class PairSampler:
    """Random batches of (source, driving) rows and their pictures."""

    def __init__(self, pack: Pack, device: torch.device, *, on_device: bool) -> None:
        """Draw with torch's global generator, so that a resumed run goes on with the draws to come.

        ``on_device`` keeps all frames in the accelerator's memory as uint8 (40,000 frames: 8 GB).
        """
        self._device = device
        self._frames = torch.from_numpy(np.array(pack.frames)).to(device) if on_device else pack.frames
        chosen = pack.landmarks[:, list(MESH_INDICES)].astype(np.float32)
        self.landmarks = torch.from_numpy(chosen).to(device)
        self._expressions = expressions(chosen)
        self._groups, self._odds = _by_group(pack.clips)

    def rows(self, batch: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """(source rows, driving rows), two different frames of one clip each."""
        pairs = [self._pair() for _ in range(batch)]
        source, driving = np.array(pairs).T
        return source, driving

    def pictures(self, rows: NDArray[np.intp]) -> Tensor:
        """(B, 3, 256, 256) float32 in [0, 1] on the device."""
        if isinstance(self._frames, Tensor):
            taken = self._frames[torch.from_numpy(rows).to(self._device)]
        else:
            taken = torch.from_numpy(self._frames[rows]).to(self._device)
        return taken.permute(0, 3, 1, 2).float() / 255

    def _pair(self) -> tuple[int, int]:
        people = self._groups[int(torch.multinomial(self._odds, 1))]
        clips = people[_below(len(people))]
        clip = clips[_below(len(clips))]
        source, *others = (clip.first + torch.randperm(len(clip.kept))[: 1 + CANDIDATES]).tolist()
        if torch.rand(()) > EXPRESSIVE:
            return source, others[0]
        change = np.abs(self._expressions[others] - self._expressions[source]).sum(-1)
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
