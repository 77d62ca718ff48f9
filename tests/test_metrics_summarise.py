"""Frames to tracks to videos, with the level and the aggregation named."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unswap.detectors.aggregation import frame_rules, max_track, mean_logit, track_rules
from unswap.experiments.metrics.ranking import auc
from unswap.experiments.metrics.summarise import aggregate

VIDEO = ["b", "b", "a", "b", "a"]
TRACK = [1, 0, 0, 1, 0]
SCORES = [1.0, 5.0, 2.0, 3.0, 4.0]


def test_levels_by_hand() -> None:
    frames = aggregate(VIDEO, TRACK, SCORES, level="frame")
    assert (frames.video, frames.track, frames.aggregation) == (tuple(VIDEO), tuple(TRACK), "none")
    assert frames.scores.tolist() == SCORES
    tracks = aggregate(VIDEO, TRACK, SCORES, level="track", aggregation="median-logit/max-track")
    assert (tracks.video, tracks.track) == (("a", "b", "b"), (0, 0, 1))
    assert tracks.scores.tolist() == [3, 5, 2]
    assert (tracks.level, tracks.aggregation) == ("track", "median-logit")
    videos = aggregate(VIDEO, TRACK, SCORES)
    assert (videos.video, videos.track, videos.scores.tolist()) == (("a", "b"), None, [3, 5])
    assert (videos.level, videos.aggregation) == ("video", "mean-logit/max-track")


rows = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 2), st.integers(-5, 5)), min_size=1
)


@given(rows, st.sampled_from(frame_rules.names()), st.sampled_from(track_rules.names()))
def test_every_rule_is_applied_as_its_own_function(drawn, frames, tracks) -> None:
    found = aggregate(*zip(*drawn, strict=True), aggregation=f"{frames}/{tracks}")
    for name, score in zip(found.video, found.scores, strict=True):
        numbers = sorted({t for v, t, _ in drawn if v == name})
        per_track = [
            frame_rules.get(frames)([float(s) for v, t, s in drawn if (v, t) == (name, number)])
            for number in numbers
        ]
        assert score == track_rules.get(tracks)(per_track)
    assert found.video == tuple(sorted({v for v, _, _ in drawn}))


def test_labels_follow_and_the_level_changes_the_auc() -> None:
    label_of = {"a": 0, "b": 1, "unused": 1}
    found = aggregate(VIDEO, TRACK, SCORES)
    assert auc(found.labels(label_of), found.scores) == 1
    frames = aggregate(VIDEO, TRACK, SCORES, level="frame")
    assert frames.labels(label_of).tolist() == [1, 1, 0, 1, 0]
    assert auc(frames.labels(label_of), frames.scores) == 0.5
    with pytest.raises(ValueError, match="1 videos have no label, such as 'b'"):
        found.labels({"a": 0})


def test_one_frame_per_track_and_one_track_per_video_change_nothing() -> None:
    scores = np.random.default_rng(0).normal(size=20)
    found = aggregate([f"{k:02}" for k in range(20)], [0] * 20, scores)
    assert np.array_equal(found.scores, scores)
    assert max_track([mean_logit([0.5])]) == 0.5


def test_bad_input_is_an_error() -> None:
    with pytest.raises(KeyError, match="unknown level 'clip'"):
        aggregate(VIDEO, TRACK, SCORES, level="clip")
    with pytest.raises(KeyError, match="unknown track aggregation 'min-track'"):
        aggregate(VIDEO, TRACK, SCORES, aggregation="mean-logit/min-track")
    with pytest.raises(ValueError, match="FRAMES/TRACKS"):
        aggregate(VIDEO, TRACK, SCORES, aggregation="mean-logit")
    with pytest.raises(ValueError, match="a video and a track for each of 5 scores, got 5 and 1"):
        aggregate(VIDEO, [0], SCORES)
    with pytest.raises(ValueError, match="nothing to aggregate"):
        aggregate([], [], [])
    with pytest.raises(ValueError, match="got nan of video 'b'"):
        aggregate(["a", "b"], [0, 0], [0.0, float("nan")])
