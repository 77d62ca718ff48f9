"""Frame scores up to tracks and videos, with the level and the aggregation named."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ...datasets.registry import unknown_name
from ...datasets.types import Float64, Int64
from ...detectors.aggregation import parse

LEVELS = ("frame", "track", "video")
DEFAULT = "mean-logit/max-track"


@dataclass(frozen=True)
class Aggregated:
    """Scores of one level, ready for any metric.

    `video`: (m,) each score's video. `track`: (m,) its track within the video; None at video level.
    `scores`: (m,). `level`: frame, track or video. `aggregation`: how they came to be, for every
    output: "none" at frame level, the frames' rule at track level, both rules at video level.
    """

    video: tuple[str, ...]
    track: tuple[int, ...] | None
    scores: Float64
    level: str
    aggregation: str

    def labels(self, label_of: Mapping[str, int]) -> Int64:
        """(m,) each score's label: its video's.

        At frame and track level that is a makeshift: a manipulated video may hold frames and
        people that were left alone, and they count as manipulated here.

        Raises ValueError for a video without a label.
        """
        missing = sorted({name for name in self.video if name not in label_of})
        if missing:
            raise ValueError(f"{len(missing)} videos have no label, such as {missing[0]!r}")
        return np.array([label_of[name] for name in self.video], dtype=np.int64)


def aggregate(
    video: Sequence[str],
    track: Sequence[int],
    scores: ArrayLike,
    *,
    level: str = "video",
    aggregation: str = DEFAULT,
) -> Aggregated:
    """Frame scores at a level.

    Args:
        video: (n,) each frame score's video_id.
        track: (n,) its track_id within the video.
        scores: (n,) frame logits, finite.
        level: `frame`, `track` or `video`.
        aggregation: FRAMES/TRACKS, by the names of `detectors.aggregation`.

    Returns:
        In the order of the frames as given, or else sorted by video (and track).

    Raises:
        ValueError: lengths that differ, no scores, a score that isn't finite, an aggregation that
            is not of that form. KeyError: an unknown level or rule.

    >>> found = aggregate(["v", "v", "v"], [0, 0, 1], [1.0, 3.0, 0.5])
    >>> found.scores.tolist(), found.aggregation
    ([2.0], 'mean-logit/max-track')
    >>> aggregate(["v", "v", "v"], [0, 0, 1], [1.0, 3.0, 0.5], level="track").scores.tolist()
    [2.0, 0.5]
    """
    if level not in LEVELS:
        raise KeyError(unknown_name("level", level, LEVELS))
    over_frames, over_tracks = parse(aggregation)
    x = np.asarray(scores, dtype=np.float64)
    if not len(video) == len(track) == len(x):
        raise ValueError(
            f"expected a video and a track for each of {len(x)} scores, got {len(video)} and "
            f"{len(track)}"
        )
    if not len(x):
        raise ValueError("nothing to aggregate: expected at least one score, got none")
    if not np.isfinite(x).all():
        where = int(np.flatnonzero(~np.isfinite(x))[0])
        raise ValueError(f"expected finite scores, got {x[where]} of video {video[where]!r}")
    if level == "frame":
        return Aggregated(tuple(video), tuple(map(int, track)), x, level, "none")
    tracks: dict[tuple[str, int], list[float]] = {}
    for name, number, value in zip(video, track, x.tolist(), strict=True):
        tracks.setdefault((name, int(number)), []).append(value)
    keys = sorted(tracks)
    per_track = [over_frames(tracks[key]) for key in keys]
    if level == "track":
        names, numbers = tuple(k[0] for k in keys), tuple(k[1] for k in keys)
        return Aggregated(names, numbers, np.array(per_track), level, aggregation.split("/")[0])
    videos: dict[str, list[float]] = {}
    for (name, _), value in zip(keys, per_track, strict=True):
        videos.setdefault(name, []).append(value)
    per_video = np.array([over_tracks(values) for values in videos.values()])
    return Aggregated(tuple(videos), None, per_video, level, aggregation)
