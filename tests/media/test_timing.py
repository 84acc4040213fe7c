from __future__ import annotations

from fractions import Fraction as F

import pytest

from reenact.media.timing import Timeline, plan_timeline, resample

SIXTY = F(60)
NTSC = F(30000, 1001)


def milliseconds(rate: F, count: int) -> list[float]:
    """Times as Matroska stores them: whole milliseconds."""
    return [round(i * 1000 / rate) / 1000 for i in range(count)]


@pytest.mark.parametrize(
    ("starts", "hints", "expected"),
    [
        ([i / 25 for i in range(100)], (F(25),), Timeline(F(25), 100, True)),
        ([i / float(NTSC) for i in range(100)], (NTSC,), Timeline(NTSC, 100, True)),
        (milliseconds(NTSC, 1000), (F(1000), None), Timeline(NTSC, 1000, True)),
        (milliseconds(F(24), 100), (), Timeline(F(24), 100, True)),
        (milliseconds(F(7, 3), 20), (), Timeline(F(7, 3), 20, True)),
        ([0.0, 0.03, 0.06, 0.1, 0.13, 0.16, 0.2], (), Timeline(F(30), 7, True)),  # centiseconds of a GIF
        ([-1.0, -0.96, -0.92], (F(25),), Timeline(F(25), 3, True)),
        ([0.0, 0.038, 0.081, 0.12, 0.163], (F(25),), Timeline(F(25), 5, True)),  # a phone's jitter
        ([5.0], (F(30),), Timeline(F(30), 1, True)),
        ([5.0], (), Timeline(F(25), 1, True)),
        ([5.0], (F(90000),), Timeline(SIXTY, 1, True)),
        ([0.0, 0.0, 0.0], (F(12),), Timeline(F(12), 3, True)),  # no usable times
        ([i / 120 for i in range(120)], (F(120),), Timeline(SIXTY, 60, False)),
        ([0.0, 0.1, 0.2, 0.3, 1.3], (F(5),), Timeline(F(10), 14, False)),  # a still before the end
        ([0.0, 0.04, 0.04, 0.08, 0.12], (F(25),), Timeline(F(25), 4, False)),  # a duplicated time
    ],
)
def test_plan(starts, hints, expected):
    assert plan_timeline(starts, None, hints, SIXTY) == expected


def test_last_frame_may_stay_longer():
    assert plan_timeline([0.0, 0.1, 0.2, 0.3, 0.6], 1.0, (), SIXTY) == Timeline(F(10), 16, False)


@pytest.mark.parametrize(
    ("times", "rate", "count", "expected"),
    [
        ([0, 1, 2, 3], 1, 4, [0, 1, 2, 3]),
        ([7, 8, 9], 1, 3, [0, 1, 2]),
        ([0, 1, 2, 3], 2, 8, [0, 0, 1, 1, 2, 2, 3, 3]),
        ([0, 1, 2, 3, 4, 5], F(1, 2), 3, [0, 2, 4]),
        ([0, 0.9, 2.2, 3], 1, 4, [0, 1, 2, 3]),
        ([0, 3], 1, 5, [0, 0, 0, 1, 1]),
        ([0, 1, 1, 2], 1, 3, [0, 2, 3]),
        ([0, 2, 1, 3], 1, 4, [0, 0, 2, 3]),
        ([5], 1, 3, [0, 0, 0]),
        ([], 1, 3, []),
    ],
)
def test_resample(times, rate, count, expected):
    timed = iter((float(time), index) for index, time in enumerate(times))
    assert list(resample(timed, F(rate), count)) == expected
