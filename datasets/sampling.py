"""Which frames are looked at: spread evenly in time over the whole video."""

import numpy as np

from .types import Float64, Int64, SamplingSpec


def _evenly_in_time(times: Float64, count: int) -> Int64:
    """The `count` frames nearest to evenly spaced moments, from the first frame to the last.

    Args:
        times: (n,) float64 seconds, not falling.
        count: How many; the middle one for 1.

    Returns:
        (m,) int64 rising indices without repeats. m is n if n <= count, else at most `count`:
        less where long still frames are nearest to several moments (variable frame rate).
    """
    if count < 1:
        raise ValueError(f"expected to choose at least 1 frame, got {count}")
    if len(times) <= count:
        return np.arange(len(times), dtype=np.int64)
    first, last = times[0], times[-1]
    moments = np.array([(first + last) / 2]) if count == 1 else np.linspace(first, last, count)
    after = np.clip(np.searchsorted(times, moments), 1, len(times) - 1)
    nearer_before = moments - times[after - 1] <= times[after] - moments
    chosen = np.where(nearer_before, after - 1, after)
    if count > 1:  # frames that share a time stamp would otherwise hide the ends
        chosen[0], chosen[-1] = 0, len(times) - 1
    return np.unique(chosen).astype(np.int64)


def _checked_times(pts_seconds: Float64) -> Float64:
    times = np.asarray(pts_seconds, dtype=np.float64)
    if times.ndim != 1:
        raise ValueError(f"expected pts_seconds (num_frames,), got shape {times.shape}")
    if not np.isfinite(times).all():
        raise ValueError("expected finite pts_seconds, got NaN or infinity among them")
    if (np.diff(times) < 0).any():
        raise ValueError("expected pts_seconds to rise, got times that fall")
    return times


def sample_indices(pts_seconds: Float64, spec: SamplingSpec) -> Int64:
    """The frames that `spec` asks for, evenly in time over the whole duration.

    The first clip begins with the first frame and the last clip ends with the last frame; a single
    clip lies in the middle. Every clip lies wholly inside the video. A video with fewer places for
    a clip than `num_clips` gives each place once; one shorter than a single clip gives none.

    Args:
        pts_seconds: (num_frames,) float64, when each frame is shown, rising.
        spec: How many clips, of how many frames, how many frames apart.

    Returns:
        (num_clips or fewer, clip_length) int64 frame indices, rising along each clip, and from clip
        to clip in their first frame. No two clips are the same; long clips may overlap.

    >>> sample_indices(np.arange(100) / 25, SamplingSpec(num_clips=4))[:, 0].tolist()
    [0, 33, 66, 99]
    >>> sample_indices(np.arange(9) / 25, SamplingSpec(2, clip_length=3, stride=2)).tolist()
    [[0, 2, 4], [4, 6, 8]]
    """
    times = _checked_times(pts_seconds)
    offsets = np.arange(spec.clip_length, dtype=np.int64) * spec.stride
    places = len(times) - int(offsets[-1])
    if places < 1:
        return np.empty((0, spec.clip_length), dtype=np.int64)
    starts = _evenly_in_time(times[:places], spec.num_clips)
    return starts[:, None] + offsets[None, :]


def denser_indices(pts_seconds: Float64, limit: int = 512) -> Int64:
    """Frames for a second, closer look, before it is said that a video shows no face.

    Args:
        pts_seconds: (num_frames,) float64, when each frame is shown, rising.
        limit: The most frames to look at.

    Returns:
        (m,) int64 rising: every frame if there are at most `limit`, else `limit` of them (fewer
        with long still frames) evenly in time, the first and the last included.

    >>> denser_indices(np.arange(5) / 25).tolist()
    [0, 1, 2, 3, 4]
    """
    return _evenly_in_time(_checked_times(pts_seconds), limit)
