"""Options of an evaluation."""

from __future__ import annotations

from dataclasses import dataclass

from reenact.errors import InvalidOption


@dataclass(frozen=True)
class Options:
    """Options of one evaluation; the defaults give the figures that are reported."""

    limit: int | None = None  # evaluate this many clips and as many pairs, spread over people; None: all
    frames: int | None = None  # evaluate only this many first frames of each clip; None: all
    vgg_frames: int = 4  # frames of a clip that get a VGG distance (0.1 s each on 2 cores), evenly spread
    seed: int = 0  # of the choice of clips and of the pairs
    driving_frames: int = 10  # least number of frames of a driving clip of the cross-identity part
    videos: int = 8  # side-by-side videos in each part of the HTML report

    def __post_init__(self) -> None:
        """Reject numbers that would evaluate nothing."""
        for name in ("limit", "frames"):
            value = getattr(self, name)
            least = 2 if name == "frames" else 1
            if value is not None and value < least:
                raise InvalidOption(f"{name} is {value}; it must be at least {least}.")
