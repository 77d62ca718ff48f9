"""Frame scores up to tracks and videos, with the level and the aggregation named."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ...datasets.registry import unknown_name
from ...datasets.types import Float64, Int64
from ...detectors.aggregation import parse

LEVELS = ("frame", "track", "video")


@dataclass(frozen=True)
class Aggregated:
    """Scores of one level, ready for any metric.

    `video`: (m,) each score's video. `track`: (m,) its track within the video; None at video level.
    `scores`: (m,). `level`: frame, track or video. `aggregation`: how they came to be, for every
    output: `none` at frame level, the frames' rule at track level, both rules at video level.
    """

    video: tuple[str, ...]
    track: Int64 | None
    scores: Float64
    level: str
    aggregation: str

    def per_video(self, values: Sequence[object]) -> list[object]:
        raise NotImplementedError


def aggregate(
    video: Sequence[str],
    track: Sequence[int],
    scores: ArrayLike,
    *,
    level: str = "video",
    aggregation: str = "mean-logit/max-track",
) -> Aggregated:
    """Frame scores at a level.

    Args:
        video: (n,) each frame score's video_id.
        track: (n,) its track_id within the video.
        scores: (n,) frame logits, finite.
        level: `frame`, `track` or `video`.
        aggregation: FRAMES/TRACKS, by the names of `detectors.aggregation`.
    """
    if level not in LEVELS:
        raise KeyError(unknown_name("level", level, LEVELS))
    frames, tracks = parse(aggregation)
    raise NotImplementedError(f"{frames} {tracks} {np.shape(scores)}")
