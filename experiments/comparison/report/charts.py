"""Where the plots' marks go: shares over time, the aligned stretches, differences by texture.

Across, places are percentages of the plot's width; downwards they are pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, median

from ....datasets.types import VideoInfo
from ...report.timeline import Tick, nice_ticks, tick_label
from ..types import NullPoint, PairRow, Stretch

MOST_POINTS = 400  # across a plot; more pairs are drawn together
ROW_HEIGHT = 96
PAD = 10
CURVE_HEIGHT = 220
BAND_TOP, BAND_BOTTOM, BAND_HEIGHT = 40, 150, 190
MOST_BANDS = 200
NUM_COLOURS = 8
LIKE_LENGTHS = 3  # up to this ratio of their lengths both files share one scale

Line = tuple[float, float, float, float]


@dataclass(frozen=True)
class Row:
    """One share over time. `joins`: (x, y, x, y) lines; `dots`: (x, y), points without neighbours.

    `spans`: (x, top, bottom), from least to most where pairs are drawn together.
    """

    key: str
    label: str
    joins: tuple[Line, ...]
    dots: tuple[tuple[float, float], ...]
    spans: tuple[tuple[float, float, float], ...]


@dataclass(frozen=True)
class Timeline:
    """Rows on one time axis of `end` seconds. `gaps`: (x, width), where nothing is aligned.

    `together`: how many pairs a point stands for, at most.
    """

    rows: tuple[Row, ...]
    gaps: tuple[tuple[float, float], ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    end: float
    together: int
    height: int = ROW_HEIGHT


def build_timeline(pairs: Sequence[PairRow], suspect: VideoInfo) -> Timeline:
    """Agreement outside and change in the face over the suspect's time.

    Lines join neighbours within a stretch only; pairs further apart than usual leave a gap.
    """
    if not pairs:
        raise ValueError("expected at least one aligned pair, got none")
    runs = joined_runs(pairs)
    step = _usual_step(pairs, suspect.fps)
    end = max(suspect.duration_seconds, pairs[-1].suspect_seconds) or 1.0
    together = -(-len(pairs) // MOST_POINTS)

    def x(seconds: float) -> float:
        return round(100 * seconds / end, 3)

    def row(key: str, label: str) -> Row:
        joins: list[Line] = []
        dots: list[tuple[float, float]] = []
        spans: list[tuple[float, float, float]] = []
        for run in runs:
            for part in _told(run, key):
                points = []
                for i in range(0, len(part), together):
                    group = part[i : i + together]
                    values = [float(getattr(r, key)) for r in group]
                    at = x(fmean(r.suspect_seconds for r in group))
                    points.append((at, _share_y(fmean(values))))
                    if together > 1:
                        spans.append((at, _share_y(max(values)), _share_y(min(values))))
                joins += [(*a, *b) for a, b in pairwise(points)]
                dots += points if len(points) == 1 else []
        return Row(key, label, tuple(joins), tuple(dots), tuple(spans))

    rows = [row("agree_outside", "Agreement outside the changed regions")]
    if any(pair.face_changed is not None for pair in pairs):
        rows.append(row("face_changed", "Change inside the inner faces"))
    return Timeline(
        rows=tuple(rows),
        gaps=tuple((x(a), round(x(b) - x(a), 3)) for a, b in _gaps(runs, step, end)),
        x_ticks=tuple(Tick(x(t), tick_label(t)) for t in nice_ticks(0, end, 6)),
        y_ticks=tuple(Tick(_share_y(v), f"{round(100 * v)} %") for v in (0.0, 0.5, 1.0)),
        end=end,
        together=together,
    )


def joined_runs(pairs: Sequence[PairRow]) -> list[list[PairRow]]:
    """Pairs in runs without a gap: of one stretch, and no further apart than is usual."""
    steps = [b.suspect_frame - a.suspect_frame for a, b in pairwise(pairs)]
    usual = median(steps) if steps else 1
    runs = [[pairs[0]]]
    for step, pair in zip(steps, pairs[1:], strict=True):
        if pair.stretch != runs[-1][-1].stretch or step > 1.5 * usual:
            runs.append([])
        runs[-1].append(pair)
    return runs


def _told(run: Sequence[PairRow], key: str) -> list[list[PairRow]]:
    """Parts of a run in which the share is known."""
    parts: list[list[PairRow]] = [[]]
    for pair in run:
        if getattr(pair, key) is None:
            parts.append([])
        else:
            parts[-1].append(pair)
    return [part for part in parts if part]


def _usual_step(pairs: Sequence[PairRow], fps: float) -> float:
    """Seconds from one pair to the next; of a single pair, how long a frame is shown."""
    times = [b.suspect_seconds - a.suspect_seconds for a, b in pairwise(pairs)]
    return median(times) if times else 1 / max(fps, 1.0)


def _gaps(runs: Sequence[Sequence[PairRow]], step: float, end: float) -> list[tuple[float, float]]:
    """Seconds in which nothing is aligned; a pair stands for half a step on both its sides."""
    edges = [(r[0].suspect_seconds - step / 2, r[-1].suspect_seconds + step / 2) for r in runs]
    starts = [0.0, *(b for _, b in edges)]
    ends = [*(a for a, _ in edges), end]
    return [(a, b) for a, b in zip(starts, ends, strict=True) if b - a > 0.75 * step]


def _share_y(share: float) -> float:
    return round(PAD + (1 - share) * (ROW_HEIGHT - 2 * PAD), 2)


@dataclass(frozen=True)
class Band:
    """One stretch between both timelines: (x) of its beginning and end in each.

    A stretch that runs backwards has `bottom_first` right of `bottom_last`: its band crosses.
    """

    number: int
    colour: int
    top_first: float
    top_last: float
    bottom_first: float
    bottom_last: float
    stretch: Stretch

    @property
    def corners(self) -> tuple[tuple[float, float], ...]:
        """(x, y) of the band's corners, around it; x in per cent."""
        return (
            (self.top_first, BAND_TOP),
            (self.top_last, BAND_TOP),
            (self.bottom_last, BAND_BOTTOM),
            (self.bottom_first, BAND_BOTTOM),
        )


@dataclass(frozen=True)
class Alignment:
    """The suspect's timeline above, the reference's below. `top_end`, `bottom_end`: x of their ends."""

    bands: tuple[Band, ...]
    top_ticks: tuple[Tick, ...]
    bottom_ticks: tuple[Tick, ...]
    top_end: float
    bottom_end: float
    one_scale: bool
    top: int = BAND_TOP
    bottom: int = BAND_BOTTOM
    height: int = BAND_HEIGHT


def build_alignment(
    stretches: Sequence[Stretch], suspect: VideoInfo, reference: VideoInfo
) -> Alignment:
    """Bands of the first stretches; both files on one scale unless one is far longer."""
    length = {
        "top": max(suspect.duration_seconds, *(t for s in stretches for t in s.suspect_seconds)),
        "bottom": max(
            reference.duration_seconds, *(t for s in stretches for t in s.reference_seconds)
        ),
    }
    length = {name: seconds or 1.0 for name, seconds in length.items()}
    longest, shortest = max(length.values()), min(length.values())
    one_scale = longest <= LIKE_LENGTHS * shortest
    scale = dict.fromkeys(length, longest) if one_scale else length

    def x(which: str, seconds: float) -> float:
        return round(100 * seconds / scale[which], 3)

    def ticks(which: str) -> tuple[Tick, ...]:
        return tuple(Tick(x(which, t), tick_label(t)) for t in nice_ticks(0, length[which], 6))

    return Alignment(
        bands=tuple(
            Band(
                number=i + 1,
                colour=i % NUM_COLOURS,
                top_first=x("top", s.suspect_seconds[0]),
                top_last=x("top", s.suspect_seconds[1]),
                bottom_first=x("bottom", s.reference_seconds[0]),
                bottom_last=x("bottom", s.reference_seconds[1]),
                stretch=s,
            )
            for i, s in enumerate(stretches[:MOST_BANDS])
        ),
        top_ticks=ticks("top"),
        bottom_ticks=ticks("bottom"),
        top_end=x("top", length["top"]),
        bottom_end=x("bottom", length["bottom"]),
        one_scale=one_scale,
    )


@dataclass(frozen=True)
class Series:
    """One line of the null model's curve. `points`: (x, y). `dash`: as SVG has it."""

    label: str
    colour: int
    dash: str
    points: tuple[tuple[float, float], ...]

    @property
    def joins(self) -> tuple[Line, ...]:
        return tuple((*a, *b) for a, b in pairwise(self.points))


@dataclass(frozen=True)
class Curve:
    """Differences by texture, both in levels of 255."""

    series: tuple[Series, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    height: int = CURVE_HEIGHT


def build_curve(points: Sequence[NullPoint]) -> Curve | None:
    """The median, 95 % and 99 % of what compression alone does; None without a point."""
    if not points:
        return None
    right = 1.04 * max(p.texture for p in points) or 1.0
    top = 1.06 * max(p.q99 for p in points) or 1.0

    def x(texture: float) -> float:
        return round(100 * texture / right, 3)

    def y(level: float) -> float:
        return round(PAD + (1 - level / top) * (CURVE_HEIGHT - 2 * PAD), 2)

    kinds = (("median", "", 0), ("95 %", "6 4", 1), ("99 %", "2 3", 3))
    values = ([p.median for p in points], [p.q95 for p in points], [p.q99 for p in points])
    return Curve(
        series=tuple(
            Series(
                label, colour, dash,
                tuple((x(p.texture), y(v)) for p, v in zip(points, row, strict=True)),
            )
            for (label, dash, colour), row in zip(kinds, values, strict=True)
        ),
        x_ticks=tuple(Tick(x(t), tick_label(t)) for t in nice_ticks(0, right, 6)),
        y_ticks=tuple(Tick(y(t), tick_label(t)) for t in nice_ticks(0, top, 4)),
    )  # fmt: skip
