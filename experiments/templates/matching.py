"""A suspect looked up in an index's segments: votes choose candidates, alignment decides.

A match needs NEEDED_POINTS in NEEDED_CELLS, and matching weight in all and for each of the suspect's
key frames (`Aligned`). These were set on 21 shots of 4 to 12 s (six films) and 150 animated
portraits. Of 606 alignments of shots and portraits with other films' and portraits, none had more
than 0.81 of what is needed. Of 189 copies of the shots (one change each: cropped, stretched,
mirrored, letterboxed, text and a sticker, a sixth of the picture altered in its middle, CRF 35 and 40,
speed 1.25) the worst had 1.88 times what is needed.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ...datasets.types import Int64, VideoInfo
from .alignment import Aligned, align
from .cells import probes
from .fingerprint import SUSPECT_POINTS, both_ways
from .keyframes import SUSPECT_MOST, SUSPECT_STEP, KeyFrames
from .segments import Segment, unpack_ids
from .types import Fingerprint, TemplateMatch
from .voting import Candidate, Hits, vote

DEFAULT_TOP = 5
NEEDED_POINTS = 12
NEEDED_CELLS = 4  # of 5 x 5 over the picture: a logo or a line of text in one corner is no match
NEEDED_WEIGHT = 18.0
NEEDED_DENSITY = 2.5
_CANDIDATES = 12
_WORTH = 0.1  # of the best candidate's votes; one with fewer is not looked at
_PROBES = 4
_NEIGHBOURS = 32
_VOTERS = 32  # points of a key frame that vote; alignment takes all
_WINDOW = 8.0  # seconds


@dataclass(frozen=True)
class Looked:
    """What looking up one suspect gave.

    `matches`: best first. `nearest`: the best template's margin, whether it is a match (at least 1)
    or not; 0 where none was near.
    `num_keyframes`, `num_points`: of the suspect. `fingerprint_seconds`, `search_seconds`: what it took.
    """

    suspect: VideoInfo
    matches: tuple[TemplateMatch, ...]
    nearest: float
    num_keyframes: int
    num_points: int
    fingerprint_seconds: float
    search_seconds: float


def look_up(
    segments: Sequence[Segment], path: str | Path, *, top: int, time_limit: float
) -> Looked:
    """See `TemplateIndex.look_up`."""
    if top < 1:
        raise ValueError(f"expected top of at least 1, got {top}")
    start = time.perf_counter()
    frames = KeyFrames(path, SUSPECT_STEP, most=SUSPECT_MOST, time_limit=time_limit)
    ways = both_ways(frames, SUSPECT_POINTS)
    middle = time.perf_counter()
    matches, nearest = search(segments, ways, frames.info, top)
    return Looked(
        frames.info,
        tuple(matches),
        nearest,
        len(ways[0].seconds),
        len(ways[0].points),
        middle - start,
        time.perf_counter() - middle,
    )


def search(
    segments: Sequence[Segment],
    ways: tuple[Fingerprint, Fingerprint],
    info: VideoInfo,
    top: int,
) -> tuple[list[TemplateMatch], float]:
    """Matches, best first, and the margin of the best template, matched or not.

    Args:
        segments: of the index.
        ways: the suspect's fingerprint as it is, and mirrored.
        info: the suspect.
        top: at most this many matches.
    """
    firsts = np.cumsum([0] + [s.num_videos for s in segments])
    duration = float(ways[0].seconds[-1])
    window = max(_WINDOW, duration / 2)
    wanted: list[tuple[float, bool, Candidate]] = []
    for mirrored, way in zip((False, True), ways, strict=True):
        hits = _neighbours(segments, firsts, way)
        wanted += [(c.votes, mirrored, c) for c in vote(hits, window, _CANDIDATES)]
    wanted.sort(key=lambda w: (-w[0], w[1], w[2].video))
    found: dict[int, tuple[Aligned, TemplateMatch]] = {}
    nearest = 0.0
    least = _WORTH * wanted[0][0] if wanted else 0.0
    for votes, mirrored, candidate in wanted[:_CANDIDATES]:
        if votes < least:
            break
        number = int(np.searchsorted(firsts, candidate.video, side="right")) - 1
        row = candidate.video - int(firsts[number])
        low, high = candidate.offset_seconds
        pad = 0.35 * duration + 3
        theirs = segments[number].fingerprint(row, low - pad, high + duration + pad)
        if not len(theirs.seconds):
            continue
        aligned = align(ways[mirrored], theirs)
        if aligned is None:
            continue
        reached = margin(aligned)
        nearest = max(nearest, reached)
        if reached < 1:
            continue
        before = found.get(candidate.video)
        if before is None or before[0].weight < aligned.weight:
            match = _match(segments[number], row, aligned, mirrored, theirs, info, ways[0])
            found[candidate.video] = aligned, match
    ranked = sorted(found.values(), key=lambda f: -f[0].weight)
    return _with_leads(ranked)[:top], nearest


def margin(aligned: Aligned) -> float:
    """By which factor an alignment has what a match needs; of the four, what is scarcest."""
    return min(
        aligned.num_points / NEEDED_POINTS,
        aligned.num_cells / NEEDED_CELLS,
        aligned.weight / NEEDED_WEIGHT,
        aligned.density / NEEDED_DENSITY,
    )


def _neighbours(segments: Sequence[Segment], firsts: Int64, way: Fingerprint) -> Hits:
    """Nearest neighbours, over all segments, of the points that vote."""
    points = way.points
    # each key frame's strongest; every other key frame is enough to find the video
    place = np.arange(len(points)) - np.searchsorted(points.frame, points.frame)
    every = 2 if len(way.seconds) > 4 else 1
    voters = np.flatnonzero((place < _VOTERS) & (points.frame % every == 0))
    codes = points.codes[voters]
    distance = np.zeros((len(voters), 0), dtype=np.int64)
    video = second = distance
    size = np.zeros((len(voters), 0))
    if len(voters):
        cells = probes(codes, _PROBES)
        for segment, first in zip(segments, firsts, strict=False):
            bits, ids = segment.lists.nearest(codes, cells, _NEIGHBOURS)
            its_video, its_second, its_size = unpack_ids(ids)
            distance = np.concatenate([distance, np.where(ids < 0, 1 << 20, bits)], axis=1)
            keep = np.argsort(distance, axis=1, kind="stable")[:, :_NEIGHBOURS]
            distance = np.take_along_axis(distance, keep, axis=1)
            video, second = (
                np.take_along_axis(np.concatenate(both, axis=1), keep, axis=1)
                for both in ((video, its_video + int(first)), (second, its_second))
            )
            size = np.take_along_axis(np.concatenate([size, its_size], axis=1), keep, axis=1)
    query = np.repeat(np.arange(len(voters)), distance.shape[1])
    scale = size - np.log2(np.maximum(points.size[voters], 1))[:, None]
    return Hits(
        query,
        video.ravel(),
        distance.ravel(),
        way.seconds[points.frame[voters]][query],
        second.ravel().astype(np.float64),
        scale.ravel(),
    )


def _match(
    segment: Segment,
    row: int,
    aligned: Aligned,
    mirrored: bool,
    theirs: Fingerprint,
    info: VideoInfo,
    ours: Fingerprint,
) -> TemplateMatch:
    template = segment.template(row)
    first, last = aligned.suspect_seconds
    step = float(np.diff(ours.seconds).max()) if len(ours.seconds) > 1 else info.duration_seconds
    if first <= step:  # up to the file's ends, where no further key frame could tell
        first = 0.0
    if last + step >= info.duration_seconds:
        last = info.duration_seconds
    start, rate = aligned.line.start, aligned.line.rate
    end = template.duration_seconds
    there = tuple(min(max(start + rate * moment, 0.0), end) for moment in (first, last))
    # from key frames' pixels to the files' own
    up_x = (info.width / ours.width) / (template.width / theirs.width)
    up_y = (info.height / ours.height) / (template.height / theirs.height)
    return TemplateMatch(
        template,
        (first, last),
        (there[0], there[1]),
        rate,
        mirrored,
        aligned.geometry.scale_x * up_x,
        aligned.geometry.scale_y * up_y,
        aligned.score,
        aligned.num_points,
        margin(aligned),
        1.0,
    )


def _with_leads(ranked: Sequence[tuple[Aligned, TemplateMatch]]) -> list[TemplateMatch]:
    """Each with how far it leads over the best other one that covers (part of) the same stretch."""
    led = []
    for place, (aligned, match) in enumerate(ranked):
        low, high = match.suspect_seconds
        rivals = [
            other.weight
            for number, (other, its) in enumerate(ranked)
            if number != place and its.suspect_seconds[0] < high and its.suspect_seconds[1] > low
        ]
        led.append(replace(match, lead=1 - max(rivals, default=0.0) / aligned.weight))
    return led
