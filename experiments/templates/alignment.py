"""A suspect against one candidate, point by point: geometry first, then a line through time."""

from __future__ import annotations

from dataclasses import dataclass, fields
from itertools import pairwise

import numpy as np

from ...datasets.types import Float64, Int64
from .lists import hamming
from .types import Fingerprint

RADIUS = 26  # bits up to which two points are the same
_HYPOTHESES = 400
_SAMPLE = 1000  # matches that hypotheses are tested on
_TOLERANCE = 0.02  # of the key frame's longer side
_SCALES = (0.25, 4.0)
_ASPECTS = (0.75, 1.34)
_APART = 0.08  # of the longer side; two points nearer than this say little about scale
RATES = tuple(float(r) for r in np.r_[np.geomspace(0.75, 1.34, 15), 1.0])
_STEP = 0.125  # seconds between offsets that are tried
_BEYOND = 1.0  # seconds; farther from the first or last key frame than this, nothing is known
_LIKENESS = 10.0  # bits at which a match's weight has fallen to exp(-1/2)
_RELUCTANCE = 0.05  # of the matches that a rate must gain to be believed, for a factor of e
_GAP = 3.0  # seconds without support that end a stretch


@dataclass(frozen=True)
class Geometry:
    """Suspect x = scale_x * template x + shift_x, likewise y; pixels of the key frames."""

    scale_x: float
    scale_y: float
    shift_x: float
    shift_y: float


@dataclass(frozen=True)
class Matches:
    """Pairs of like points, all arrays (n,) int64.

    `suspect`, `template`: which points; `i`, `j`: of which key frames. `distance`: bits. A
    suspect's point has at most one match in each template key frame.
    """

    suspect: Int64
    template: Int64
    i: Int64
    j: Int64
    distance: Int64


@dataclass(frozen=True)
class Line:
    """template seconds = start + rate * suspect seconds."""

    start: float
    rate: float
    support: Float64  # (suspect's key frames,) weight of the matches on the line


@dataclass(frozen=True)
class Aligned:
    """What a candidate comes to. `num_points`, `score`: as in TemplateMatch.

    `num_cells`: of 5 x 5 over the picture, how many hold these points. `weight`: the matches' over
    the stretch, by likeness and place: what ranks templates of one scene. `density`: weight for
    each of the suspect's key frames in the stretch.
    """

    geometry: Geometry
    line: Line
    suspect_seconds: tuple[float, float]
    num_points: int
    num_cells: int
    score: float
    weight: float
    density: float


def align(suspect: Fingerprint, template: Fingerprint) -> Aligned | None:
    """Where in the template the suspect lies; None where nothing agrees."""
    matches = match_points(suspect, template)
    geometry = fit_geometry(suspect, template, matches)
    if geometry is None:
        return None
    error = _misplaced(suspect, template, matches, geometry)
    inside = error <= 1
    kept = Matches(*(getattr(matches, f.name)[inside] for f in fields(Matches)))
    # likeness and place tell the right moment from its neighbours, as most of a picture stands still
    weight = np.exp(-0.5 * (kept.distance / _LIKENESS) ** 2) * (1 - error[inside] ** 2)
    table = np.zeros((len(suspect.seconds), len(template.seconds)))
    np.add.at(table, (kept.i, kept.j), weight)
    line = fit_line(table, suspect.seconds, template.seconds)
    if line is None:
        return None
    return _measure(suspect, template, kept, geometry, line)


def match_points(suspect: Fingerprint, template: Fingerprint) -> Matches:
    """For each suspect's point the nearest of each template key frame, if within RADIUS."""
    ours, theirs = suspect.points, template.points
    parts: list[Int64] = []
    if len(theirs):
        starts = np.flatnonzero(np.r_[True, np.diff(theirs.frame) != 0])
        columns = np.arange(len(theirs), dtype=np.int64)
        bounds = np.searchsorted(ours.frame, np.arange(len(suspect.seconds) + 1))
        for low, high in pairwise(bounds):
            if low == high:
                continue
            distance = hamming(ours.codes[low:high], theirs.codes).astype(np.int64)
            best = np.minimum.reduceat(distance << 32 | columns, starts, axis=1)
            point, frame = np.nonzero(best >> 32 <= RADIUS)
            their = best[point, frame] & 0xFFFFFFFF
            bits = best[point, frame] >> 32
            at = ours.frame[point + low]
            parts.append(np.stack([point + low, their, at, theirs.frame[their], bits]))
    if not parts:
        return Matches(*np.zeros((5, 0), dtype=np.int64))
    return Matches(*np.concatenate(parts, axis=1))


def fit_geometry(suspect: Fingerprint, template: Fingerprint, matches: Matches) -> Geometry | None:
    """Scale and shift of x and y that most matches agree on; None where no two do.

    Random pairs of matches of one pair of frames each give a hypothesis (RANSAC, Fischler & Bolles,
    1981); the best one is fitted again to all that agree with it. The generator's seed is fixed.
    """
    count = len(matches.suspect)
    if count < 3:
        return None
    rng = np.random.default_rng(0)
    ours = suspect.points.xy[matches.suspect].astype(np.float64)
    theirs = template.points.xy[matches.template].astype(np.float64)
    order = np.lexsort((matches.j, matches.i))
    pair = (matches.i * (len(template.seconds) + 1) + matches.j)[order]
    first = np.searchsorted(pair, pair, side="left")
    last = np.searchsorted(pair, pair, side="right")
    one = rng.integers(0, count, _HYPOTHESES * 8)
    other = (first[one] + rng.random(len(one)) * (last - first)[one]).astype(np.int64)
    one, other = order[one], order[other]
    apart = theirs[other] - theirs[one]
    wide = max(template.width, template.height) * _APART
    usable = (np.abs(apart) > wide).all(axis=1)
    one, other, apart = one[usable], other[usable], apart[usable]
    scale = (ours[other] - ours[one]) / apart
    good = _plausible(scale)
    scale, shift = scale[good], (ours[one] - scale * theirs[one])[good]
    scale, shift = scale[:_HYPOTHESES], shift[:_HYPOTHESES]
    if not len(scale):
        return None
    tolerance = max(suspect.width, suspect.height) * _TOLERANCE
    sample = rng.permutation(count)[:_SAMPLE]
    votes = np.ones((len(scale), len(sample)), dtype=np.float32)
    for axis in (0, 1):
        there = np.multiply.outer(scale[:, axis], theirs[sample, axis]).astype(np.float32)
        error = ours[sample, axis].astype(np.float32) - there - shift[:, axis : axis + 1]
        votes *= np.clip(1 - (error / tolerance) ** 2, 0, None)
    votes = votes.sum(axis=1)
    best = int(votes.argmax())
    found = scale[best], shift[best]
    for _ in range(3):
        inside = np.abs(ours - found[0] * theirs - found[1]).max(axis=1) <= tolerance
        refined = _least_squares(ours[inside], theirs[inside])
        if refined is None or not _plausible(refined[0][None])[0]:
            break
        found = refined
    return Geometry(*(float(v) for v in (*found[0], *found[1])))


def fit_line(table: Float64, suspect_seconds: Float64, template_seconds: Float64) -> Line | None:
    """The line through time with the most matches along it.

    Args:
        table: (k, m), how many matches each of the suspect's key frames has in each template's.
        suspect_seconds: (k,) rising.
        template_seconds: (m,) rising.

    Returns:
        None where there is no match at all. Of equal lines, the one whose rate is nearest to 1.
    """
    if not table.any():
        return None
    best: Line | None = None
    best_value = -1.0
    for rate in sorted(RATES, key=lambda r: abs(np.log(r))):
        low = template_seconds[0] - rate * suspect_seconds[-1]
        high = template_seconds[-1] - rate * suspect_seconds[0]
        starts = np.arange(low, high + _STEP, _STEP)
        at = starts[None, :] + rate * suspect_seconds[:, None]
        support = _interpolate(table, template_seconds, at)
        values = support.sum(axis=0) * (1 - _RELUCTANCE * abs(np.log(rate)))
        top = float(values.max())
        if top > best_value * (1 + 1e-9):
            place = int(np.median(np.flatnonzero(values >= top * (1 - 1e-9))))
            best_value = top
            best = Line(float(starts[place]), rate, support[:, place])
    return best


def _interpolate(table: Float64, seconds: Float64, at: Float64) -> Float64:
    """Row k of (k, m) `table`, known at (m,) `seconds`, at the moments of row k of (k, n) `at`.

    Linear between key frames; beyond the first and last it falls to 0 within _BEYOND.
    """
    rows = np.arange(len(table))[:, None]
    right = np.searchsorted(seconds, at).clip(0, len(seconds) - 1)
    left = np.maximum(right - 1, 0)
    inner = np.clip(at, seconds[0], seconds[-1])
    gap = seconds[right] - seconds[left]
    share = np.divide(inner - seconds[left], gap, out=np.zeros(at.shape), where=gap > 0)
    value = table[rows, left] * (1 - share) + table[rows, right] * share
    return np.asarray(value * np.clip(1 - np.abs(at - inner) / _BEYOND, 0, 1))


def _measure(
    suspect: Fingerprint, template: Fingerprint, kept: Matches, geometry: Geometry, line: Line
) -> Aligned | None:
    """Which stretch the line holds for, and by how many points."""
    level = max(1.0, 0.2 * float(np.percentile(line.support, 90)))
    held = np.flatnonzero(line.support >= level)
    if not len(held):
        return None
    breaks = np.flatnonzero(np.diff(suspect.seconds[held]) > _GAP) + 1
    run = max(np.split(held, breaks), key=lambda r: float(line.support[r].sum()))
    first, last = int(run[0]), int(run[-1])
    expected = line.start + line.rate * suspect.seconds[kept.i]
    on_line = (
        (np.abs(template.seconds[kept.j] - expected) <= 1.0) & (kept.i >= first) & (kept.i <= last)
    )
    if not on_line.any():
        return None
    points = np.unique(kept.suspect[on_line])
    places = suspect.points.xy[points]
    block = max(suspect.width, suspect.height) / 40
    in_run = (suspect.points.frame >= first) & (suspect.points.frame <= last)
    cells = places * 5 / [suspect.width, suspect.height]
    return Aligned(
        geometry,
        line,
        (float(suspect.seconds[first]), float(suspect.seconds[last])),
        len(np.unique(np.floor(places / block), axis=0)),
        len(np.unique(np.floor(cells), axis=0)),
        len(points) / max(1, int(in_run.sum())),
        float(line.support[run].sum()),
        float(line.support[run].mean()),
    )


def _misplaced(
    suspect: Fingerprint, template: Fingerprint, matches: Matches, geometry: Geometry
) -> Float64:
    """(n,) how far each match is from where the geometry puts it; 1 is just tolerated."""
    scale = np.array([geometry.scale_x, geometry.scale_y])
    shift = np.array([geometry.shift_x, geometry.shift_y])
    there = template.points.xy[matches.template] * scale + shift
    error = np.abs(suspect.points.xy[matches.suspect] - there).max(axis=1)
    return np.asarray(error / (max(suspect.width, suspect.height) * _TOLERANCE))


def _plausible(scale: Float64) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    low, high = _SCALES
    good = ((scale > low) & (scale < high)).all(axis=1)
    aspect = np.divide(scale[:, 0], scale[:, 1], out=np.zeros(len(scale)), where=good)
    return np.asarray(good & (aspect > _ASPECTS[0]) & (aspect < _ASPECTS[1]))


def _least_squares(ours: Float64, theirs: Float64) -> tuple[Float64, Float64] | None:
    """Scale (2,) and shift (2,), each axis by itself; None where the points don't spread."""
    if len(ours) < 3:
        return None
    middle = theirs.mean(axis=0)
    spread = ((theirs - middle) ** 2).sum(axis=0)
    if (spread < 1).any():
        return None
    scale = ((theirs - middle) * (ours - ours.mean(axis=0))).sum(axis=0) / spread
    return scale, ours.mean(axis=0) - scale * middle
