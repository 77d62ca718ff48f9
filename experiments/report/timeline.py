"""Where the plots' marks go: the timeline of each person's scores, and the strip of genuine clips.

Across, places are percentages of the plot's width, so that a plot is as wide as the page lets it
be and its words keep their size; downwards they are pixels.
"""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from ...detectors.cards import GenuineReference
from ...detectors.scores import FrameScore, VideoScore
from .people import Person

Axis = Callable[[float], float]

ROW_HEIGHT = 96
LEAST_RANGE = 1.0  # logits up a row: noise shall not fill it
PAD = 10
STRIP_BASE = 100
STRIP_BINS = 48
STRIP_TALLEST = 56


@dataclass(frozen=True)
class Tick:
    """A labelled place on an axis: percent across, or pixels down."""

    at: float
    label: str


@dataclass(frozen=True)
class Point:
    """A frame's mark. `place`: in the track's frames. `x`: percent. `y`: pixels."""

    place: int
    frame: FrameScore
    x: float
    y: float


@dataclass(frozen=True)
class Row:
    """One person's line. `joins`: pairs of neighbouring points that a line joins.

    `gaps`: (x, width) in percent, where sampled times have no face of this person.
    """

    person: Person
    points: tuple[Point, ...]
    joins: tuple[tuple[Point, Point], ...]
    gaps: tuple[tuple[float, float], ...]
    num_missing: int
    level: float


@dataclass(frozen=True)
class Timeline:
    """All rows on one time axis (`x_ticks`, seconds) and one score axis (`y_ticks`).

    `zero`: where the zero line lies, None if zero means nothing or lies outside.
    """

    rows: tuple[Row, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    zero: float | None
    height: int = ROW_HEIGHT


@dataclass(frozen=True)
class Strip:
    """A dot for each genuine clip (`dots`: x percent, y pixels), and this video's mark."""

    dots: tuple[tuple[float, float], ...]
    x: float
    anchor: str
    ticks: tuple[Tick, ...]
    base: int = STRIP_BASE


def nice_ticks(low: float, high: float, about: int) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten) from `low` to `high`, `about` that many."""
    if not high > low:
        raise ValueError(f"expected a range that rises, got {low} to {high}")
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [i * step for i in range(first, math.floor(high / step + 1e-9) + 1)]


def build_timeline(
    score: VideoScore, people: tuple[Person, ...], *, among: tuple[Person, ...], zero: bool
) -> Timeline:
    """The rows of `people`, on axes that hold everybody `among` whom they are.

    Lines join frames that were sampled one after the other, no others.
    """
    if not people:
        raise ValueError("expected at least one person with a frame, got none")
    frames = [f for p in among for f in p.track.frames]
    scores = [f.score for f in frames] + [p.track.score for p in among] + [0.0] * zero
    low, high = min(scores), max(scores)
    least = LEAST_RANGE if zero else 1e-3
    if high - low < least:
        low, high = (low + high - least) / 2, (low + high + least) / 2
    low, high = low - 0.04 * (high - low), high + 0.04 * (high - low)
    times = sorted(
        {_key(t) for t in score.sampled_pts_seconds} | {_key(f.pts_seconds) for f in frames}
    )
    end = max(times[-1], score.input.duration_seconds if score.input else 0.0) or 1.0

    def x(seconds: float) -> float:
        return round(100 * seconds / end, 3)

    def y(value: float) -> float:
        return round(PAD + (high - value) / (high - low) * (ROW_HEIGHT - 2 * PAD), 2)

    ticks = nice_ticks(low, high, 3)
    return Timeline(
        rows=tuple(_row(person, times, end, x, y) for person in people),
        x_ticks=tuple(Tick(x(t), tick_label(t)) for t in nice_ticks(0, end, 6)),
        y_ticks=tuple(Tick(y(t), tick_label(t)) for t in ticks),
        zero=y(0.0) if zero else None,
    )


def build_strip(genuine: GenuineReference, score: float) -> Strip:
    """Dots stacked in bins of equal width."""
    low, high = min(*genuine.scores, score), max(*genuine.scores, score)
    if high - low < 1e-9:
        low, high = low - 1, high + 1
    low, high = low - 0.04 * (high - low), high + 0.04 * (high - low)

    def x(value: float) -> float:
        return round(100 * (value - low) / (high - low), 3)

    bins = [int(x(s) / 100 * STRIP_BINS) for s in genuine.scores]
    step = min(6.5, STRIP_TALLEST / max(Counter(bins).values()))
    seen: Counter[int] = Counter()
    dots = []
    for place in bins:
        dots.append(
            (
                round(100 * (place + 0.5) / STRIP_BINS, 3),
                round(STRIP_BASE - 5 - step * seen[place], 2),
            )
        )
        seen[place] += 1
    at = x(score)
    return Strip(
        dots=tuple(dots),
        x=at,
        anchor="start" if at < 25 else "end" if at > 75 else "middle",
        ticks=tuple(Tick(x(t), tick_label(t)) for t in nice_ticks(low, high, 6)),
    )


def _row(person: Person, times: list[float], end: float, x: Axis, y: Axis) -> Row:
    points = [Point(i, f, x(f.pts_seconds), y(f.score)) for i, f in enumerate(person.track.frames)]
    points.sort(key=lambda p: (p.frame.pts_seconds, p.frame.frame_index))
    order = {time: i for i, time in enumerate(times)}
    at = [order[_key(p.frame.pts_seconds)] for p in points]
    joins = tuple(
        (points[i], points[i + 1]) for i in range(len(points) - 1) if at[i + 1] - at[i] <= 1
    )
    missing = sorted(set(range(len(times))) - set(at))
    gaps = []
    for first, last in _runs(missing):
        left = (times[first - 1] + times[first]) / 2 if first else 0.0
        right = (times[last] + times[last + 1]) / 2 if last + 1 < len(times) else end
        gaps.append((x(left), round(x(right) - x(left), 3)))
    return Row(person, tuple(points), joins, tuple(gaps), len(missing), y(person.track.score))


def _runs(places: list[int]) -> list[tuple[int, int]]:
    """Neighbouring whole numbers, drawn together: [1, 2, 5] -> [(1, 2), (5, 5)]."""
    runs: list[tuple[int, int]] = []
    for place in places:
        if runs and place == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], place)
        else:
            runs.append((place, place))
    return runs


def _key(seconds: float) -> float:
    """Times that agree to the microsecond are one time."""
    return round(seconds, 6)


def tick_label(value: float) -> str:
    """A round number as it stands at an axis."""
    return f"{value:.6g}".replace("-", "\N{MINUS SIGN}")
