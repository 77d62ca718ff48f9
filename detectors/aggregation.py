"""From frames to a track, from tracks to a video: named pure functions.

An aggregation is named `FRAMES/TRACKS`, for instance `mean-logit/max-track`.
"""

from collections.abc import Callable, Sequence

import numpy as np

from ..datasets.registry import Registry

Rule = Callable[[Sequence[float]], float]

frame_rules: Registry[Rule] = Registry("frame aggregation")
track_rules: Registry[Rule] = Registry("track aggregation")


@frame_rules.register("mean-logit")
def mean_logit(logits: Sequence[float]) -> float:
    """The mean of the frames' logits.

    >>> mean_logit([1.0, 2.0, 6.0])
    3.0
    """
    return float(np.mean(_some(logits)))


@frame_rules.register("median-logit")
def median_logit(logits: Sequence[float]) -> float:
    """The median of the frames' logits: single frames do not move it.

    >>> median_logit([1.0, 2.0, 60.0])
    2.0
    """
    return float(np.median(_some(logits)))


@frame_rules.register("mean-probability")
def mean_probability(logits: Sequence[float]) -> float:
    """The logit of the mean of the frames' probabilities (the usual benchmark's way).

    >>> round(mean_probability([2.0, 2.0]), 6)
    2.0
    """
    x = np.asarray(_some(logits), dtype=np.float64)
    # log of the mean of sigmoid(x) and of sigmoid(-x), without overflow
    log_fake = np.logaddexp.reduce(-np.logaddexp(0, -x))
    log_real = np.logaddexp.reduce(-np.logaddexp(0, x))
    return float(log_fake - log_real)


@track_rules.register("max-track")
def max_track(scores: Sequence[float]) -> float:
    """The highest of the tracks' scores: one swapped person makes a swapped video.

    >>> max_track([-1.0, 0.5])
    0.5
    """
    return float(np.max(_some(scores)))


@track_rules.register("mean-track")
def mean_track(scores: Sequence[float]) -> float:
    """The mean of the tracks' scores.

    >>> mean_track([-1.0, 0.5])
    -0.25
    """
    return float(np.mean(_some(scores)))


def parse(name: str) -> tuple[Rule, Rule]:
    """The two rules of an aggregation's name.

    Raises ValueError when it is not of the form FRAMES/TRACKS, KeyError for an unknown rule.

    >>> parse("mean-logit/max-track") == (mean_logit, max_track)
    True
    """
    frames, slash, tracks = name.partition("/")
    if not slash:
        raise ValueError(f"expected an aggregation FRAMES/TRACKS, got {name!r}")
    return frame_rules.get(frames), track_rules.get(tracks)


def _some(values: Sequence[float]) -> Sequence[float]:
    if not len(values):
        raise ValueError("nothing to aggregate: expected at least one score, got none")
    return values
