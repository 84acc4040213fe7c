"""The part of a clip that is used."""

from __future__ import annotations

from dataclasses import dataclass

from reenact.errors import InvalidOption
from reenact.media.timing import Timeline

_DAY = 86400.0  # seconds


@dataclass(frozen=True)
class Span:
    """The part of a clip that is used, in seconds from its first picture; ``end`` None: to its end."""

    start: float = 0.0
    end: float | None = None

    def __post_init__(self) -> None:
        """Check the ranges; raises InvalidOption."""
        for name, seconds in (("start", self.start), ("end", self.end)):
            if seconds is not None and not 0 <= seconds <= _DAY:
                raise InvalidOption(f"{name} is a number of seconds from 0 on, not {seconds:g}.")
        if self.end is not None and self.end <= self.start:
            raise InvalidOption(
                f"end ({self.end:g} s) must be later than start ({self.start:g} s) in the clip."
            )

    def frames(self, timeline: Timeline) -> tuple[int, int]:
        """The first frame and the one after the last; raises InvalidOption where there is none."""
        last = timeline.count
        if self.end is not None:
            last = min(last, round(self.end * timeline.rate))
        first = round(self.start * timeline.rate)
        if not 0 <= first < last:
            raise InvalidOption(
                f"start and end leave nothing of the clip, which lasts {timeline.seconds:.1f} s: start is "
                f"{self.start:g} s{'' if self.end is None else f' and end {self.end:g} s'}."
            )
        return first, last


WHOLE = Span()
