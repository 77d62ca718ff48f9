"""Proper scores, Cllr, PAV and reliability: known answers, and independent implementations."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn import metrics as sk
from sklearn.isotonic import isotonic_regression

from unswap.experiments.metrics.isotonic import _one_by_one, pools
from unswap.experiments.metrics.proper import (
    brier,
    cllr,
    cllr_min,
    cllr_of,
    empirical_cross_entropy,
    log_loss,
    pav,
    pav_llr,
)
from unswap.experiments.metrics.reliability import calibration_error, reliability

rows = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 8)), min_size=2, max_size=60)


@st.composite
def videos(draw):
    """Labels of both classes, and whole numbers from 0 to 8 that often tie."""
    drawn = draw(rows)
    labels = np.array([r[0] for r in drawn])
    labels[:2] = 0, 1
    return labels, np.array([r[1] for r in drawn], dtype=np.float64)


@pytest.mark.parametrize(
    ("manipulated", "real", "expected"),
    [
        ([1, 1], [1, 1], 1.0),
        ([3, 3], [1 / 3, 1 / 3], 0.4150374993),
        ([1 / 3, 1 / 3], [3, 3], 2.0),
        ([1], [0.01] * 100, 0.5071776465),
        ([1], [0.01] * 100 + [100], 0.5400680237),
        ([2, 2], [2], 1.0849625007),
        ([8, 8], [8], 1.6699250014),
    ],
)
def test_cllr_of_known_ratios(manipulated, real, expected) -> None:
    assert cllr_of(manipulated, real) == pytest.approx(expected, abs=1e-9)
    labels = [1] * len(manipulated) + [0] * len(real)
    llrs = np.log([*manipulated, *real])
    assert cllr(labels, llrs) == pytest.approx(expected, abs=1e-9)
    assert empirical_cross_entropy(labels, llrs, 1) == pytest.approx(expected, abs=1e-9)


def test_cllr_of_infinite_ratios() -> None:
    assert cllr_of([np.inf], [0]) == 0
    assert cllr_of([0], [1]) == np.inf
    assert cllr_of([1], [np.inf]) == np.inf
    with pytest.raises(ValueError, match="at least 0"):
        cllr_of([1], [-1])
    with pytest.raises(ValueError, match="got nan"):
        cllr([0, 1], [np.nan, 0])
    with pytest.raises(ValueError, match="Cllr needs both classes"):
        cllr([1, 1], [0.0, 0.0])


@given(videos(), st.integers(1, 9).map(lambda k: k / 3))
def test_cross_entropy_is_a_weighted_log_loss_of_posteriors(drawn, odds) -> None:
    labels, llrs = drawn[0], drawn[1] - 4
    p = 1 / (1 + np.exp(-(llrs + np.log(odds))))
    prior = odds / (1 + odds)
    weights = np.where(labels == 1, prior / labels.sum(), (1 - prior) / (1 - labels).sum())
    bits = sk.log_loss(labels, p, sample_weight=weights) / np.log(2)
    assert empirical_cross_entropy(labels, llrs, odds) == pytest.approx(bits, abs=1e-9)
    with pytest.raises(ValueError, match="prior odds above 0"):
        empirical_cross_entropy(labels, llrs, 0)


@given(videos())
def test_log_loss_and_brier_are_scikit_learns(drawn) -> None:
    labels, p = drawn[0], (drawn[1] + 1) / 10
    assert log_loss(labels, p) == pytest.approx(sk.log_loss(labels, p), abs=1e-12)
    assert brier(labels, p) == pytest.approx(sk.brier_score_loss(labels, p), abs=1e-12)


def test_certain_and_wrong_is_infinite_and_a_logit_is_no_probability() -> None:
    assert log_loss([1, 0], [1.0, 0.0]) == 0
    assert log_loss([1, 0], [0.0, 0.0]) == np.inf
    for function in (log_loss, brier, calibration_error, reliability):
        with pytest.raises(ValueError, match=r"probabilities between 0 and 1, got 1\.5 in place 1"):
            function([0, 1], [0.5, 1.5])
        with pytest.raises(ValueError, match="at least one video"):
            function([], [])


def test_pav_of_a_known_row() -> None:
    assert pav([3, 7, 5, 9, 8, 7, 10]).tolist() == [3, 6, 6, 8, 8, 8, 10]
    assert pav([]).tolist() == []
    with pytest.raises(ValueError, match="as many weights"):
        pav([1, 2], [1])
    with pytest.raises(ValueError, match="weights above 0"):
        pav([1, 2], [1, 0])
    with pytest.raises(ValueError, match="finite values"):
        pav([1, np.nan])


@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(1, 4)), min_size=1, max_size=80))
def test_pav_is_scikit_learns(drawn) -> None:
    values, weights = np.array(drawn, dtype=np.float64).T
    expected = isotonic_regression(values, sample_weight=weights)
    assert pav(values, weights) == pytest.approx(expected, abs=1e-9)
    starts = _one_by_one((values * weights).tolist(), weights.tolist())
    assert pools(values * weights, weights).tolist() == starts


def test_pav_of_a_row_that_pools_one_by_one_is_quick() -> None:
    row = np.append(np.arange(50_000.0), -1e9)  # each pass over the row would pool two
    assert pav(row) == pytest.approx(isotonic_regression(row), rel=1e-9)


@given(videos())
def test_cllr_min_is_the_least_over_rising_ratios(drawn) -> None:
    labels, scores = drawn
    least = cllr_min(labels, scores)
    assert least == pytest.approx(cllr(labels, pav_llr(labels, scores)), abs=1e-12)
    assert -1e-12 <= least <= 1 + 1e-12
    for scale, shift in ((1.0, 0.0), (0.5, -2.0), (3.0, -12.0)):
        assert least <= cllr(labels, scale * scores + shift) + 1e-12
    llrs = pav_llr(labels, scores)[np.argsort(scores)]
    assert all(a <= b for a, b in pairwise(llrs))


def test_cllr_min_is_what_an_optimiser_finds() -> None:
    rng = np.random.default_rng(0)
    labels = np.tile([0, 1], 40)
    scores = rng.integers(0, 5, 80) + labels
    found = minimize(
        lambda steps: cllr(labels, (steps[0] + np.append(0, np.cumsum(np.exp(steps[1:]))))[scores]),
        np.full(6, -1.0),
        method="Nelder-Mead",
        options={"maxiter": 20_000, "xatol": 1e-10, "fatol": 1e-13},
    )
    assert cllr_min(labels, scores) == pytest.approx(found.fun, abs=1e-3)
    assert cllr_min(labels, scores) <= found.fun


def test_cllr_min_at_its_ends() -> None:
    assert cllr_min([0, 0, 1, 1], [1, 2, 3, 4]) == 0
    assert cllr_min([1, 1, 0, 0], [1, 2, 3, 4]) == 1
    assert cllr_min([0, 1, 0, 1], [5, 5, 5, 5]) == 1


@given(videos(), st.integers(1, 12))
def test_reliability_is_counted_bin_by_bin(drawn, bins) -> None:
    labels, p = drawn[0], drawn[1] / 8
    found = reliability(labels, p, bins=bins)
    edges = [k / bins for k in range(bins + 1)]
    by_hand = []
    for low, high in pairwise(edges):
        here = (p >= low) & ((p < high) | (high == 1))
        if here.any():
            by_hand.append((p[here].mean(), labels[here].sum(), here.sum()))
    assert [(b.mean, b.share.k, b.share.n) for b in found.bins] == by_hand
    error = sum(abs(m - k / n) * n for m, k, n in by_hand) / len(p)
    assert calibration_error(labels, p, bins=bins, binning="equal-width") == pytest.approx(error)
    assert found.largest_error == pytest.approx(max(abs(m - k / n) for m, k, n in by_hand))


@given(videos(), st.integers(1, 12))
def test_bins_of_equal_mass_never_part_equal_probabilities(drawn, bins) -> None:
    labels, p = drawn[0], drawn[1] / 8
    found = reliability(labels, p, bins=bins, binning="equal-mass")
    assert len(found.bins) <= bins
    assert sum(b.share.n for b in found.bins) == len(p)
    assert all(a.high < b.low for a, b in pairwise(found.bins))
    assert found.binning == "equal-mass"


def test_bins_of_equal_mass_hold_as_many_where_nothing_ties() -> None:
    p = np.linspace(0.01, 0.99, 100)
    found = reliability(np.arange(100) % 2, p, bins=10, binning="equal-mass")
    assert [b.share.n for b in found.bins] == [10] * 10
    assert found.bins[0].to_dict()["share"]["value"] == 0.5
    with pytest.raises(KeyError, match="unknown binning 'even'"):
        reliability([0, 1], [0.1, 0.2], binning="even")
    with pytest.raises(ValueError, match="at least 1 bin"):
        reliability([0, 1], [0.1, 0.2], bins=0)


def test_a_number_on_an_edge_belongs_to_the_bin_above() -> None:
    found = reliability([0, 1, 0], [0.29, 0.3, 1.0], bins=100)
    assert [b.low for b in found.bins] == [0.29, 0.3, 1.0]
    assert len(found.bins) == 3
