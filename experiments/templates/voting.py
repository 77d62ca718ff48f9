"""Which videos of an index are worth a closer look: the neighbours of a suspect's points vote."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...datasets.types import Float64, Int64

RADIUS = 30  # bits; a neighbour farther off than this has no vote
_SPREAD = 12.0  # bits at which a vote has fallen to exp(-1/2)
_SCALE_BIN = 1.0  # octaves


@dataclass(frozen=True)
class Hits:
    """Neighbours of a suspect's points, one entry each, all arrays (n,).

    `query`: which point. `video`: the neighbour's, numbered over the whole index. `distance`: bits.
    `query_seconds`, `seconds`: when each is shown. `scale`: log2 of the neighbour's size over the
    point's.
    """

    query: Int64
    video: Int64
    distance: Int64
    query_seconds: Float64
    seconds: Float64
    scale: Float64


@dataclass(frozen=True)
class Candidate:
    """A video and the offset (its seconds less the suspect's, about) that the votes agree on."""

    video: int
    votes: float
    offset_seconds: tuple[float, float]


def vote(hits: Hits, window_seconds: float, most: int) -> list[Candidate]:
    """The videos with most votes, best first, each once.

    A point's vote for a video counts once for each offset and scale, however many key frames
    it is in; it falls with distance, and with the number of videos that the point hits. Votes
    count together where offset (to within `window_seconds`) and scale agree.
    Shifting all of a video's seconds shifts its offset and changes nothing else, if by a multiple
    of half a window.

    Args:
        hits: any number.
        window_seconds: how much offset may vary over one copy.
        most: candidates to give.
    """
    near = hits.distance <= RADIUS
    if not near.any():
        return []
    query, video = hits.query[near], hits.video[near]
    weight = np.exp(-0.5 * (hits.distance[near] / _SPREAD) ** 2) / _popularity(query, video)
    half = window_seconds / 2
    offset = np.floor((hits.seconds[near] - hits.query_seconds[near]) / half).astype(np.int64)
    scale = np.floor(hits.scale[near] / (_SCALE_BIN / 2)).astype(np.int64)
    # bins overlap by half: each vote goes into two of offset and two of scale
    ballots = [
        np.stack([video, offset - late, scale - larger, query], axis=1)
        for late in (0, 1)
        for larger in (0, 1)
    ]
    rows = np.concatenate(ballots)
    weights = np.tile(weight, len(ballots))
    order = np.lexsort((-weights, *rows.T[::-1]))
    rows, weights = rows[order], weights[order]
    first = np.r_[True, (np.diff(rows, axis=0) != 0).any(axis=1)]  # the best of each point
    rows, weights = rows[first, :3], weights[first]
    starts = np.flatnonzero(np.r_[True, (np.diff(rows, axis=0) != 0).any(axis=1)])
    votes = np.add.reduceat(weights, starts)
    bins = rows[starts]
    best = np.lexsort((bins[:, 1], bins[:, 0], -np.round(votes, 9)))
    chosen: dict[int, Candidate] = {}
    for place in best:
        number = int(bins[place, 0])
        if number not in chosen:
            low = float(bins[place, 1]) * half
            chosen[number] = Candidate(number, float(votes[place]), (low, low + window_seconds))
            if len(chosen) == most:
                break
    return list(chosen.values())


def _popularity(query: Int64, video: Int64) -> Float64:
    """For each hit, the root of how many videos its point hits."""
    pairs = np.unique(np.stack([query, video], axis=1), axis=0)
    points, counts = np.unique(pairs[:, 0], return_counts=True)
    return np.sqrt(counts[np.searchsorted(points, query)])
