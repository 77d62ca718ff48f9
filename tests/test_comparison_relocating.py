"""All places asked again: parts joined from elsewhere, frames left over, and what must be left alone."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from comparison_fixtures import still_info

from unswap.experiments.comparison.lines import Line
from unswap.experiments.comparison.pairing import AlignedStretch, Paired
from unswap.experiments.comparison.relocating import relocated
from unswap.experiments.comparison.scanning import GREY_STEPS, Scan
from unswap.experiments.comparison.timing import Segment
from unswap.experiments.comparison.weighing import Evidence

FPS = 25.0
TICKS = 30.0  # a second, of lines
SMALL = (18, 32)  # cells, of half the larger ones' size
COUNT = 220


def _film(count: int, seed: int) -> np.ndarray:
    """(count, 36, 64) float32 levels: ten smooth courses, each with a soft pattern of its own."""
    rng = np.random.default_rng(seed)
    raw = rng.standard_normal((count + 12, 10))
    courses = np.stack([raw[k : count + k] for k in range(13)]).mean(axis=0)
    patterns = rng.standard_normal((10, 36, 64)).astype(np.float32)
    soft = np.stack([cv2.GaussianBlur(p, (0, 0), 2) for p in patterns])
    return (120 + 300 * np.tensordot(courses, soft, axes=1)).astype(np.float32)


def _seen(film: np.ndarray, seed: int = 1, noise: float = 1.0) -> np.ndarray:
    return film + np.random.default_rng(seed).normal(0, noise, film.shape).astype(np.float32)


def _scan(film: np.ndarray) -> Scan:
    """A pass over a video of 1280 x 720 that shows these small pictures."""
    steps = np.rint(film.clip(0, 255) * GREY_STEPS).astype(np.uint16)
    small = np.stack([cv2.resize(f, SMALL[::-1], interpolation=cv2.INTER_AREA) for f in film])
    count = len(film)
    info = still_info("a.mp4", num_frames=count, fps=FPS, duration_seconds=count / FPS)
    return Scan(
        info=info,
        frames=np.arange(count),
        pts_seconds=np.arange(count) / FPS,
        thumbs=np.rint(small.clip(0, 255) * GREY_STEPS).astype(np.uint16),
        details=steps,
        keys=np.zeros(0, dtype=np.int64),
        points=[],
        packet_bytes=np.ones(count, dtype=np.int64),
        keyframes=np.zeros(count, dtype=bool),
    )


def _stretch(first: int, course: np.ndarray, rate: float = 1.0) -> AlignedStretch:
    places = np.arange(first, first + len(course))
    line = Line(first, int(places[-1]), float(course[0]), rate)
    segment = Segment(line, Evidence(0.9, 0.2, 2.0, True), (first, int(places[-1])))
    return AlignedStretch(segment, Paired(places, course, np.ones(len(course)), True))


def _found(stretches: tuple[AlignedStretch, ...], count: int) -> np.ndarray:
    out = np.full(count, -1)
    for stretch in stretches:
        out[stretch.paired.suspect] = stretch.paired.reference
    return out


def _again(own: np.ndarray, film: np.ndarray, *given: AlignedStretch) -> tuple[AlignedStretch, ...]:
    return relocated(_scan(own), _scan(film), np.eye(2, 3), given, TICKS)


JOINED = np.concatenate([np.arange(130, 190), np.arange(20, 60)])


@pytest.mark.parametrize("direction", [1, -1])
def test_a_line_that_ran_on_over_another_part_is_cut(direction: int) -> None:
    film, true = _film(COUNT, 1), JOINED[::direction]
    ran_on = np.arange(130, 230)[::direction].clip(0, COUNT - 1)
    found = _again(_seen(film[true]), film, _stretch(0, ran_on, direction))
    assert len(found) == 2
    assert np.mean(_found(found, 100) == true) >= 0.98
    assert all(np.sign(s.segment.line.rate) == direction for s in found)


def test_frames_left_over_are_placed_with_a_line_and_evidence() -> None:
    film = _film(COUNT, 2)
    first, second = _again(_seen(film[JOINED]), film, _stretch(0, JOINED[:60]))
    assert first.paired.suspect.tolist() == list(range(60))
    assert np.array_equal(second.paired.reference, JOINED[60:])
    middle = 75 / FPS, 35.5 / FPS  # seconds of both
    assert second.segment.line.at(middle[0] * TICKS) == pytest.approx(middle[1] * TICKS, abs=0.6)
    assert second.segment.evidence.agreement > second.segment.evidence.rival + 0.2


def test_a_line_of_a_wrong_rate_gives_way() -> None:
    film = _film(COUNT, 3)
    wrong = np.rint(np.linspace(60, 110, 40)).astype(int)
    found = _again(_seen(film[JOINED]), film, _stretch(0, JOINED[:60]), _stretch(60, wrong, 1.28))
    assert np.array_equal(_found(found, 100), JOINED)


def test_a_part_at_another_rate_stays() -> None:
    film = _film(COUNT, 4)
    slower = np.floor(20 + 0.8 * np.arange(50) + 1e-9).astype(int)
    true = np.concatenate([np.arange(110, 190), slower])
    given = _stretch(0, true[:80]), _stretch(80, slower, 0.8)
    assert np.array_equal(_found(_again(_seen(film[true]), film, *given), len(true)), true)


@pytest.mark.parametrize("noise", [0.5, 4.0])
def test_what_is_right_is_left_as_it_was(noise: float) -> None:
    film = _film(COUNT, 5)
    given = _stretch(0, JOINED[:60]), _stretch(60, JOINED[60:])
    found = _again(_seen(film[JOINED], noise=noise), film, *given)
    assert all(a is b for a, b in zip(found, given, strict=True))


def test_frames_of_another_film_are_left_unpaired() -> None:
    film, other = _film(COUNT, 6), _film(COUNT, 7)
    own = _seen(np.concatenate([film[40:110], other[:50]]))
    given = _stretch(0, np.arange(40, 110))
    (found,) = _again(own, film, given)
    assert found is given


def test_a_moment_that_recurs_is_not_guessed() -> None:
    film = _film(COUNT, 8)
    film[150:200] = film[50:100]
    true = np.concatenate([np.arange(100, 150), np.arange(50, 95)])
    given = _stretch(0, true[:50])
    assert _again(_seen(film[true]), film, given) == (given,)


def test_another_face_does_not_lead_it_astray() -> None:
    film, other = _film(COUNT, 9), _film(COUNT, 10)
    own = film[JOINED].copy()
    own[:, 10:30, 20:44] = other[JOINED][:, 10:30, 20:44]
    found = _again(_seen(own), film, _stretch(0, JOINED[:60]))
    assert np.mean(_found(found, 100) == JOINED) >= 0.98


def test_a_still_scene_and_a_short_stretch_are_left_alone() -> None:
    still = np.repeat(_film(1, 11), 80, axis=0)
    given = _stretch(0, np.arange(10, 60))
    assert all(s is given for s in _again(_seen(still[:70], noise=0.3), still, given))
    film = _film(COUNT, 12)
    short = _stretch(0, np.arange(40, 46))
    assert _again(_seen(film[40:120]), film, short) == (short,)
