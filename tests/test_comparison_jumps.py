"""The likeliest course through a whole reference: known answers with jumps, foreign frames, rivals."""

import numpy as np
import pytest

from unswap.experiments.comparison import jumps
from unswap.experiments.comparison.autoregression import fitted
from unswap.experiments.comparison.jumps import ELSEWHERE, Steps, with_jumps, without

COMPONENTS = 12


def _film(count: int, seed: int) -> np.ndarray:
    """(count, COMPONENTS) smooth courses."""
    raw = np.random.default_rng(seed).standard_normal((count + 8, COMPONENTS))
    return np.stack([raw[k : count + k] for k in range(9)]).mean(axis=0) * 10


def _steps(
    own: np.ndarray, film: np.ndarray, known: np.ndarray, rate: float = 1.0, direction: int = 1
) -> Steps:
    """The noise is learned along `known`, the places of the suspect's first frames."""
    pairs = np.arange(1, len(known))
    fit = fitted(own, film, pairs, known[1:], known[:-1])
    return Steps.of(fit, own, film, np.full(len(own) - 1, rate), direction)


def _seen(film: np.ndarray, true: np.ndarray, seed: int, noise: float = 0.5) -> np.ndarray:
    return film[true] + np.random.default_rng(seed).normal(0, noise, (len(true), COMPONENTS))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("direction", [1, -1])
def test_a_part_from_elsewhere_is_found_to_the_frame(seed: int, direction: int) -> None:
    film = _film(300, seed)
    true = np.concatenate([np.arange(180, 240), np.arange(30, 75)])[::direction]
    own = _seen(film, true, seed)
    known = true[: 60 if direction > 0 else 45]
    assert np.array_equal(with_jumps(_steps(own, film, known, direction=direction)), true)


def test_frames_dropped_and_repeated_are_no_jumps() -> None:
    film = _film(200, 1)
    true = np.concatenate([np.arange(20, 60), np.arange(61, 90), np.arange(89, 120)])
    found = with_jumps(_steps(_seen(film, true, 2), film, true[:40]))
    assert np.mean(found == true) > 0.97
    assert (np.abs(np.diff(found)) <= 2).all()


def test_another_rate_is_followed() -> None:
    film = _film(300, 3)
    true = np.floor(20 + 1.2 * np.arange(150) + 1e-9).astype(int)
    true[80:] += 60
    found = with_jumps(_steps(_seen(film, true, 4), film, true[:80], rate=1.2))
    assert np.mean(np.abs(found - true) <= 1) > 0.97
    assert found[79] < 120 < found[80]


def test_frames_of_nothing_known_are_placed_nowhere() -> None:
    film, other = _film(200, 5), _film(200, 6)
    true = np.arange(50, 130)
    own = _seen(film, true, 7, noise=0.2)
    own[30:55] = 3 * other[:25]
    found = with_jumps(_steps(own, film, true[:30]))
    assert (found[30:55] == ELSEWHERE).all()
    assert np.array_equal(np.delete(found, np.s_[30:55]), np.delete(true, np.s_[30:55]))


def test_a_scene_that_stands_still_is_not_cut_up() -> None:
    film = np.repeat(_film(1, 8), 150, axis=0)
    own = _seen(film, np.arange(40, 110), 9)
    known = np.arange(40, 110)
    found = with_jumps(_steps(own, film + 1e-3 * _film(150, 10), known))
    assert (np.diff(found) == 1).all()


def test_many_frames_are_gone_through_in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    film = _film(400, 11)
    true = np.concatenate([np.arange(200, 390), np.arange(5, 100)])
    steps = _steps(_seen(film, true, 12), film, true[:100])
    whole = with_jumps(steps)
    monkeypatch.setattr(jumps, "ROOM", 70 * len(film))
    assert np.array_equal(with_jumps(steps), whole)
    assert np.array_equal(whole, true)


def test_a_place_beats_others_where_the_film_moves_and_not_where_it_recurs() -> None:
    film = _film(300, 13)
    true = np.arange(40, 90)
    own = _seen(film, true, 14)
    lead = []
    for scene in (film, np.concatenate([film[:150], film[:150]])):
        steps = _steps(own, scene, true)
        lead.append(without(steps, true, 10) - steps.along(true).sum())
    assert lead[0] > 10 * jumps.JUMP
    assert abs(lead[1]) < jumps.JUMP


def test_costs_along_a_course_are_those_it_was_chosen_by() -> None:
    film = _film(200, 15)
    true = np.concatenate([np.arange(60, 100), np.arange(102, 140)])
    steps = _steps(_seen(film, true, 16), film, true[:40])
    _, least = jumps._course(steps, jumps._Apart(np.full(len(true), 10_000), 1))
    assert np.array_equal(with_jumps(steps), true)
    assert steps.along(true).sum() + steps.events(true) == pytest.approx(least)
    assert steps.events(true) == jumps.EVENT + jumps.FURTHER
    assert steps.along(true)[0] == 0
    nowhere = np.full(len(true), ELSEWHERE)
    assert (steps.along(nowhere)[1:] == steps.nowhere).all()
