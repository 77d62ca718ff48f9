"""The likeliest course: known answers with dropped and repeated frames, lag, noise, another part."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unswap.experiments.comparison.courses import REACH, _line_through, likeliest
from unswap.experiments.comparison.lines import Line

CELLS = 400


def _film(count: int, seed: int) -> np.ndarray:
    """(count, CELLS) float32: ten smooth courses, each seen in many cells."""
    rng = np.random.default_rng(seed)
    raw = rng.standard_normal((count + 12, 10))
    smooth = np.stack([raw[k : count + k] for k in range(12)]).mean(axis=0)
    return (smooth @ rng.standard_normal((10, CELLS)) * 10 + 100).astype(np.float32)


def _edited(count: int, seed: int, dropped: int, repeated: int) -> np.ndarray:
    """The frames that are left, in order; the first and last ones always."""
    rng = np.random.default_rng(seed)
    inner = np.arange(2, count - 2)
    places = np.setdiff1d(np.arange(count), rng.choice(inner, dropped, replace=False))
    twice = rng.choice(places[2:-2], repeated, replace=False)
    return np.sort(np.concatenate([places, twice]))


def _start(true: np.ndarray) -> np.ndarray:
    """What a straight line makes of it."""
    return np.rint(np.linspace(true[0], true[-1], len(true))).astype(np.int64)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("backwards", [False, True])
def test_dropped_and_repeated_frames_are_placed(seed: int, backwards: bool) -> None:
    film = _film(200, seed)
    true = _edited(200, seed + 10, dropped=8, repeated=8)
    if backwards:
        true = true[::-1].copy()
    rng = np.random.default_rng(seed)
    own = film[true] + rng.normal(0, 1.0, (len(true), CELLS)).astype(np.float32)
    found = likeliest(own, film, _start(true), np.ones(len(true) - 1), -1 if backwards else 1)
    assert np.mean(found == true) >= 0.97


@pytest.mark.parametrize("seed", range(4))
def test_a_picture_that_lags_is_no_held_frame(seed: int) -> None:
    film = _film(150, seed)
    rng = np.random.default_rng(seed)
    own = np.empty((120, CELLS), dtype=np.float32)
    own[0] = film[15]
    for i in range(1, len(own)):  # as an encoder with few bits: the picture before, partly renewed
        own[i] = 0.6 * own[i - 1] + 0.4 * film[15 + i] + rng.normal(0, 0.5, CELLS)
    true = np.arange(15, 135)
    found = likeliest(own, film, true, np.ones(119), 1)
    assert np.array_equal(found, true)


def test_another_face_does_not_lead_it_astray() -> None:
    film, other = _film(200, 1), _film(200, 2)
    true = _edited(200, 3, dropped=6, repeated=6)
    own = film[true].copy()
    own[:, : CELLS // 3] = other[true][:, : CELLS // 3]
    own += np.random.default_rng(4).normal(0, 1.0, own.shape).astype(np.float32)
    found = likeliest(own, film, _start(true), np.ones(len(true) - 1), 1)
    assert np.mean(found == true) >= 0.97


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    noise=st.floats(0, 30),
    rate=st.sampled_from([0.5, 0.8, 1.0, 1.25, 2.0]),
    direction=st.sampled_from([-1, 1]),
)
def test_it_is_monotone_and_near_the_first_course(
    seed: int, noise: float, rate: float, direction: int
) -> None:
    film = _film(80, seed)
    start = np.floor(np.arange(30) * rate).astype(np.int64) + 5
    if direction < 0:
        start = start[::-1].copy()
    own = film[start] + np.random.default_rng(seed).normal(0, noise, (30, CELLS)).astype(np.float32)
    found = likeliest(own, film, start, np.full(29, rate), direction)
    assert (direction * np.diff(found) >= 0).all()
    assert np.abs(found - start).max() <= 3 * REACH
    assert found.min() >= 0
    assert found.max() < len(film)


def test_still_pictures_keep_their_course() -> None:
    film = np.full((60, CELLS), 7.0, dtype=np.float32)
    start = np.arange(10, 50)
    assert np.array_equal(likeliest(film[start], film, start, np.ones(39), 1), start)


def test_the_line_is_drawn_through_the_course_it_was_given() -> None:
    own, theirs = SimpleNamespace(), SimpleNamespace()
    own.pts_seconds = np.arange(60) / 25
    theirs.pts_seconds, theirs.frame_seconds = np.arange(200) / 30, 1 / 30
    places = np.arange(60)
    course = np.floor(20 + places * 1.2 * 1.17 + 1e-9).astype(np.int64)
    course[3:8] += 4  # a few pairs that are off
    wrong = Line(0, 70, 25.0, 1.4)
    line = _line_through(own, theirs, places, course, wrong, rate=30.0)
    assert line.rate == pytest.approx(1.17, abs=0.01)
    assert line.at(30.0) / 30 == pytest.approx(20 / 30 + 1.17, abs=1 / 30)
    backwards = _line_through(own, theirs, places, course[::-1], wrong, rate=30.0)
    assert backwards == wrong  # a course the other way says nothing of this line
