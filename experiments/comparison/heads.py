"""Whether heads move alike: the courses of the five points in both videos."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...datasets.types import Float64
from .faces import Person, face_size
from .types import HeadMotion

LEAST_PAIRS = 8
MOST_LAG = 6  # pairs, to each side


def head_motion(people: Sequence[Person], pair_frames: float = 1.0) -> tuple[HeadMotion, ...]:
    """One entry for each person whose face is seen in both videos in LEAST_PAIRS pairs.

    Args:
        people: as followed. pair_frames: suspect frames from one pair to the next.
    """
    out = []
    for person in people:
        if person.suspect is None or person.reference is None:
            continue
        places, i, j = np.intersect1d(
            person.suspect.places, person.reference.places, return_indices=True
        )
        if len(places) < LEAST_PAIRS:
            continue
        own = person.suspect.landmarks_xy[i].mean(axis=1)
        theirs = person.reference.landmarks_xy[j].mean(axis=1)
        apart = own - theirs
        apart = np.linalg.norm(apart - np.median(apart, axis=0), axis=1)
        size = face_size(person.reference)
        lag = best_lag(own, theirs, places)
        out.append(
            HeadMotion(
                person=person.number,
                num_frames=len(places),
                distance_px=float(np.median(apart)),
                distance_faces=float(np.median(apart)) / max(size, 1e-9),
                moved_px=_range(theirs),
                correlation=_correlation(own, theirs),
                lag_frames=round(lag * pair_frames),
            )
        )
    return tuple(out)


def _range(course: Float64) -> float:
    """5th to 95th percentile along the main direction, pixels."""
    centred = course - course.mean(axis=0)
    _, _, directions = np.linalg.svd(centred, full_matrices=False)
    low, high = np.quantile(centred @ directions[0], [0.05, 0.95])
    return float(high - low)


def _correlation(first: Float64, second: Float64) -> float:
    """Of two courses (n, 2), both coordinates together; 0 where one stands still."""
    a, b = first - first.mean(axis=0), second - second.mean(axis=0)
    norm = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return float((a * b).sum() / norm) if norm > 1e-9 else 0.0


def best_lag(own: Float64, theirs: Float64, places: np.ndarray) -> int:
    """The shift in pairs at which the courses' changes agree best; 0 unless another is better.

    Positive where the suspect's head comes later.
    """
    whole = np.arange(places[0], places[-1] + 1)
    a = np.stack([np.interp(whole, places, own[:, k]) for k in (0, 1)], axis=1)
    b = np.stack([np.interp(whole, places, theirs[:, k]) for k in (0, 1)], axis=1)
    best, best_likeness = 0, -2.0
    for lag in sorted(range(-MOST_LAG, MOST_LAG + 1), key=abs):
        if len(whole) - abs(lag) < LEAST_PAIRS:
            continue
        late = a[lag:] if lag >= 0 else a[:lag]
        early = b[: len(b) - lag] if lag >= 0 else b[-lag:]
        likeness = _correlation(late, early)
        if likeness > best_likeness + 0.005:
            best, best_likeness = lag, likeness
    return best
