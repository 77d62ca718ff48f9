"""Frame by frame: which frame of the reference each frame of the suspect shows."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ...datasets.types import Float32, Float64, Int64
from .lines import Line
from .scanning import Scan, grey_thumbs
from .signals import SMOOTH, covered, laid_thumbs, thumb_map
from .timing import Segment

REACH_SECONDS = 0.16  # how far from the line a frame is looked for ...
LEAST_REACH = 4  # ... but at least this many frames
SLOW_SECONDS = 0.6
EVENT = 3.0  # what a dropped or repeated frame costs, in usual differences
WORTH = 0.06  # of a usual difference per frame: what a freer course must gain over a regular one
CLIP = 6.0  # usual differences of a cell; more counts as much
CHUNK = 600  # frames that are paired at a time, in a long stretch


@dataclass(frozen=True)
class Paired:
    """`suspect`, `reference`: (n,) int64 frame places; `cost`: (n,) what differs, 1 is usual.

    `regular`: whether they follow one regular course (an offset, and a rate if it is not 1).
    """

    suspect: Int64
    reference: Int64
    cost: Float64
    regular: bool


@dataclass(frozen=True)
class AlignedStretch:
    """One stretch: its line in ticks, and its frames, pair by pair (places in the scans)."""

    segment: Segment
    paired: Paired


def pair_frames(suspect: Scan, reference: Scan, matrix: Float64, line: Line, rate: float) -> Paired:
    """The frames along a line of ticks, `rate` a second.

    A regular course is preferred: frame by frame, or what is shown at a constant speed. Where a
    freer, still monotone course (dynamic programming) fits clearly better, it is taken.
    """
    first, last = line.first / rate, (line.last + 1) / rate
    places = np.flatnonzero(
        (suspect.pts_seconds >= first - 1e-6) & (suspect.pts_seconds < last - 1e-6)
    )
    if not len(places):
        places = np.array([int(np.abs(suspect.pts_seconds - first).argmin())])
    moments = line.at(0) / rate + line.rate * suspect.pts_seconds[places]
    aims = frame_index(reference, moments)
    inside = (aims > -1.5) & (aims < len(reference.frames) + 0.5)
    places, aims = places[inside], aims[inside]
    parts = [
        _pair(suspect, reference, matrix, places[k : k + CHUNK], aims[k : k + CHUNK], line.rate)
        for k in range(0, len(places), CHUNK)
    ]
    return Paired(
        np.concatenate([p.suspect for p in parts]),
        np.concatenate([p.reference for p in parts]),
        np.concatenate([p.cost for p in parts]),
        all(p.regular for p in parts),
    )


def frame_index(scan: Scan, moments: Float64) -> Float64:
    """Fractional frame places at moments, the frames' own times in between interpolated."""
    count = len(scan.pts_seconds)
    step = scan.frame_seconds or 1.0
    inner = np.interp(moments, scan.pts_seconds, np.arange(count, dtype=np.float64))
    before = moments < scan.pts_seconds[0]
    after = moments > scan.pts_seconds[-1]
    inner[before] = (moments[before] - scan.pts_seconds[0]) / step
    inner[after] = count - 1 + (moments[after] - scan.pts_seconds[-1]) / step
    return np.asarray(inner, dtype=np.float64)


def _pair(
    suspect: Scan, reference: Scan, matrix: Float64, places: Int64, aims: Float64, rate: float
) -> Paired:
    reach = max(LEAST_REACH, int(np.ceil(REACH_SECONDS / max(reference.frame_seconds, 1e-3))))
    centres = np.rint(aims).astype(np.int64).clip(0, len(reference.frames) - 1)
    costs = differences(suspect, reference, matrix, places, centres, reach)
    direction = 1 if rate > 0 else -1
    free, free_cost = _free(costs, centres, aims, reach, direction)
    steady = np.abs(np.diff(aims))
    if not len(steady) or abs(float(np.mean(steady)) - 1) < 0.02:
        regular, regular_cost = _one_by_one(costs, centres, reach, direction)
    else:
        regular, regular_cost = _constant_speed(costs, centres, aims, reach)
    rows = np.arange(len(places))

    def own(course: Int64) -> Float64:
        return np.asarray(costs[rows, course - centres + reach])

    if regular is not None and regular_cost <= free_cost + WORTH * len(places):
        return Paired(places, regular, own(regular), True)
    return Paired(places, free, own(free), False)


def differences(
    suspect: Scan,
    reference: Scan,
    matrix: Float64,
    places: Int64,
    centres: Int64,
    reach: int,
) -> Float64:
    """(n, 2 reach + 1): how much each frame differs from those around its centre; 1 is usual.

    What stays different over SLOW_SECONDS is taken out: a sticker, another light, a changed face at
    rest. Infinite where the reference has no such frame.
    """
    shape = suspect.thumbs.shape[1:]
    to_cells = thumb_map(matrix, suspect, reference)
    mask = covered(to_cells, reference.thumbs.shape[1:], shape)
    if not mask.any():
        mask = np.ones(shape, dtype=bool)
    own = _cells(grey_thumbs(suspect, places), mask)
    low = int(max(0, centres.min() - reach))
    high = int(min(len(reference.frames) - 1, centres.max() + reach))
    theirs = _cells(
        laid_thumbs(grey_thumbs(reference, slice(low, high + 1)), to_cells, mask.shape), mask
    )
    gain, lift = _linear(theirs[centres - low], own)
    theirs = theirs * gain + lift
    width = max(3, round(SLOW_SECONDS / max(suspect.frame_seconds, 1e-3)) // 2 * 2 + 1)
    out = np.full((len(places), 2 * reach + 1), np.inf)
    columns = []
    for k in range(-reach, reach + 1):
        wanted = centres + k
        there = (wanted >= low) & (wanted <= high)
        apart = own - theirs[wanted.clip(low, high) - low]
        apart -= cv2.blur(apart, (1, width), borderType=cv2.BORDER_REFLECT).reshape(apart.shape)
        columns.append((k + reach, there, apart))
    weights = motion_weights(theirs[np.unique(centres - low)], width)
    scale = np.median(np.stack([np.abs(c[2]) for c in columns[:: max(1, reach)]]), axis=(0, 1))
    limit = CLIP * np.maximum(scale, 0.15)[None] * 1.5
    for k, there, apart in columns:
        square = np.minimum(apart**2, limit**2) @ weights
        out[there, k] = square[there]
    usual = float(np.median(out.min(axis=1))) + 1e-4
    return out / usual


def motion_weights(pictures: Float32, width: int) -> Float32:
    """(c,), summing to 1: how much each cell's course tells of time; (n, c) in the order shown.

    `width`: frames; what is slower does not count. Cells that only carry noise count little.
    """
    course = pictures - cv2.blur(pictures, (1, width), borderType=cv2.BORDER_REFLECT).reshape(
        pictures.shape
    )
    power = np.mean(np.minimum(course**2, 400.0), axis=0)
    noise = float(np.quantile(power, 0.3)) + 1e-3
    weights = power / (power + 3 * noise) + 0.02
    return np.asarray(weights / weights.sum(), dtype=np.float32)


def _cells(pictures: Float32, mask: np.ndarray) -> Float32:
    out = np.empty((len(pictures), int(mask.sum())), dtype=np.float32)
    for i, picture in enumerate(pictures):
        out[i] = cv2.GaussianBlur(picture, (0, 0), SMOOTH)[mask]
    return out


def _linear(source: Float32, target: Float32) -> tuple[float, float]:
    """Gain and lift that take one to the other, by their medians and quartiles."""
    low, middle, high = np.quantile(source, [0.1, 0.5, 0.9])
    target_low, target_middle, target_high = np.quantile(target, [0.1, 0.5, 0.9])
    gain = float((target_high - target_low) / max(high - low, 1.0))
    gain = float(np.clip(gain, 0.5, 2.0))
    return gain, float(target_middle - gain * middle)


def _one_by_one(
    costs: Float64, centres: Int64, reach: int, direction: int
) -> tuple[Int64 | None, float]:
    """Every frame kept: the constant offset that costs least."""
    rows = np.arange(len(centres))
    best: tuple[Int64 | None, float] = (None, np.inf)
    base = centres[0] - direction * rows[0]
    for shift in range(-2 * reach, 2 * reach + 1):
        course = base + shift + direction * rows
        k = course - centres + reach
        if (k < 0).any() or (k > 2 * reach).any():
            continue
        total = float(costs[rows, k].sum())
        if total < best[1]:
            best = (course, total)
    return best


def _constant_speed(
    costs: Float64, centres: Int64, aims: Float64, reach: int
) -> tuple[Int64 | None, float]:
    """What is shown at a constant speed: the offset and speed, near the line's, that cost least."""
    count = len(aims)
    rows = np.arange(count)
    along = (rows - (count - 1) / 2) / max(count - 1, 1)
    best: tuple[Int64 | None, float] = (None, np.inf)
    for shift in np.arange(-2.0, 2.001, 0.125):
        for turn in np.arange(-2.0, 2.001, 0.25):
            course = np.floor(aims + shift + turn * along + 1e-6).astype(np.int64)
            k = course - centres + reach
            if (k < 0).any() or (k > 2 * reach).any():
                continue
            total = float(costs[rows, k].sum())
            if total < best[1] - 1e-9:
                best = (course, total)
    return best


def _free(
    costs: Float64, centres: Int64, aims: Float64, reach: int, direction: int
) -> tuple[Int64, float]:
    """The monotone course that costs least; a step the line does not foresee costs EVENT."""
    count, width = costs.shape
    offsets = np.arange(width) - reach
    total = costs[0].copy()
    back = np.zeros((count, width), dtype=np.int64)
    for i in range(1, count):
        foreseen = abs(float(aims[i] - aims[i - 1]))
        low, high = np.floor(foreseen + 0.02), np.ceil(foreseen - 0.02)
        steps = direction * ((centres[i] + offsets)[None, :] - (centres[i - 1] + offsets)[:, None])
        step_cost = np.where((steps >= low) & (steps <= high), 0.0, EVENT)
        step_cost = np.where(steps < 0, np.inf, step_cost)
        through = total[:, None] + step_cost
        back[i] = through.argmin(axis=0)
        total = through.min(axis=0) + costs[i]
    k = int(total.argmin())
    cost = float(total[k])
    course = np.empty(count, dtype=np.int64)
    for i in range(count - 1, -1, -1):
        course[i] = centres[i] + offsets[k]
        k = int(back[i, k])
    return course, cost
