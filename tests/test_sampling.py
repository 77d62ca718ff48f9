"""Frames are chosen over the whole duration, in time, without repeats."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unswap.datasets.sampling import denser_indices, sample_indices
from unswap.datasets.types import SamplingSpec

rising_times = st.lists(st.floats(0.001, 5), min_size=1, max_size=120).map(
    lambda gaps: np.cumsum(gaps) - gaps[0]
)


def test_frames_of_a_constant_rate_are_spread_from_first_to_last() -> None:
    got = sample_indices(np.arange(101) / 25, SamplingSpec(num_clips=5))
    assert got.tolist() == [[0], [25], [50], [75], [100]]
    assert got.dtype == np.int64


def test_a_single_frame_is_the_middle_one() -> None:
    assert sample_indices(np.arange(101) / 25, SamplingSpec(num_clips=1)).tolist() == [[50]]


def test_frames_are_even_in_time_not_in_number() -> None:
    # A hundred frames in the first second, then one a second for nine seconds.
    times = np.concatenate([np.arange(100) / 100, np.arange(1, 11)])
    got = times[sample_indices(times, SamplingSpec(num_clips=11))[:, 0]]
    assert got.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]


def test_a_still_frame_is_not_given_twice() -> None:
    times = np.array([0.0, 0.1, 0.2, 0.3, 10.0])
    assert sample_indices(times, SamplingSpec(num_clips=4))[:, 0].tolist() == [0, 3, 4]


@pytest.mark.parametrize("num_frames", [1, 2, 5, 31, 32])
def test_a_short_video_gives_each_frame_once(num_frames: int) -> None:
    got = sample_indices(np.arange(num_frames) / 30, SamplingSpec(num_clips=32))
    assert got[:, 0].tolist() == list(range(num_frames))


def test_clips_lie_wholly_inside_and_reach_both_ends() -> None:
    got = sample_indices(np.arange(51) / 25, SamplingSpec(num_clips=3, clip_length=4, stride=2))
    assert got.tolist() == [[0, 2, 4, 6], [22, 24, 26, 28], [44, 46, 48, 50]]


def test_a_video_shorter_than_a_clip_gives_none() -> None:
    got = sample_indices(np.arange(6) / 25, SamplingSpec(num_clips=3, clip_length=4, stride=2))
    assert got.shape == (0, 4)


def test_a_video_as_long_as_a_clip_gives_it_once() -> None:
    got = sample_indices(np.arange(7) / 25, SamplingSpec(num_clips=3, clip_length=4, stride=2))
    assert got.tolist() == [[0, 2, 4, 6]]


@given(rising_times, st.integers(1, 40), st.integers(1, 9), st.integers(1, 4))
def test_clips_hold_what_is_promised(
    times: np.ndarray, num_clips: int, clip_length: int, stride: int
) -> None:
    got = sample_indices(times, SamplingSpec(num_clips, clip_length, stride))
    assert got.shape[1] == clip_length
    assert len(got) <= num_clips
    assert (np.diff(got[:, 0]) > 0).all()
    assert (np.diff(got, axis=1) == stride).all()
    places = len(times) - (clip_length - 1) * stride
    if places <= num_clips:
        assert len(got) == max(places, 0)
    if places >= 1:
        assert got.min() >= 0
        assert got.max() < len(times)
    if places >= 1 and num_clips > 1:
        assert got[0, 0] == 0
        assert got[-1, -1] == len(times) - 1


@given(rising_times, st.integers(2, 40))
def test_no_other_frame_is_nearer_to_an_even_moment(times: np.ndarray, num_clips: int) -> None:
    chosen = times[sample_indices(times, SamplingSpec(num_clips))[:, 0]]
    for moment in np.linspace(times[0], times[-1], num_clips):
        assert abs(chosen - moment).min() <= abs(times - moment).min() + 1e-9


def test_denser_takes_every_frame_up_to_the_limit() -> None:
    assert denser_indices(np.arange(512) / 25).tolist() == list(range(512))
    got = denser_indices(np.arange(10_000) / 25)
    assert len(got) == 512
    assert (got[0], got[-1]) == (0, 9_999)
    assert set(np.diff(got)) == {19, 20}


@pytest.mark.parametrize(
    ("times", "words"),
    [
        (np.array([0.0, 2.0, 1.0]), "fall"),
        (np.array([0.0, np.nan]), "finite"),
        (np.zeros((2, 2)), r"\(num_frames,\)"),
    ],
)
def test_wrong_times_are_refused(times: np.ndarray, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        sample_indices(times, SamplingSpec())


def test_a_limit_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        denser_indices(np.arange(5.0), limit=0)
