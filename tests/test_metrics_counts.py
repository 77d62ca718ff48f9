"""Shares with bounds, tests of counts, precision, errors by manipulation: known answers and oracles."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from statsmodels.stats import contingency_tables
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from unswap.experiments.metrics.attacks import Species, presentation_errors
from unswap.experiments.metrics.binomial import clopper_pearson, wilson
from unswap.experiments.metrics.comparing import holm, mcnemar, mcnemar_of
from unswap.experiments.metrics.precision import (
    flagged_at_prevalence,
    precision_at_prevalence,
    weighted_precision,
)


def test_known_bounds() -> None:
    assert clopper_pearson(0, 50).high == pytest.approx(0.0711217, abs=5e-8)
    assert clopper_pearson(0, 50, one_sided=True).high == pytest.approx(0.0581551, abs=5e-8)
    assert clopper_pearson(0, 300).high == pytest.approx(0.0122210, abs=5e-8)
    assert clopper_pearson(0, 300, one_sided=True).high == pytest.approx(0.0099361, abs=5e-8)
    found = wilson(5, 100)
    assert (found.low, found.high) == pytest.approx((0.0215437, 0.1117505), abs=5e-8)


counts = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counts, st.sampled_from([0.8, 0.95, 0.99]))
def test_bounds_are_statsmodels_and_scipys(drawn, level) -> None:
    k, n = drawn
    for maker, name in ((wilson, "wilson"), (clopper_pearson, "beta")):
        found = maker(k, n, level)
        assert (found.low, found.high) == pytest.approx(
            proportion_confint(k, n, 1 - level, method=name), abs=1e-9
        )
        assert found.low <= found.value <= found.high
    upper = binomtest(k, n, alternative="less").proportion_ci(level, "exact").high
    found = clopper_pearson(k, n, level, one_sided=True)
    assert found.high == pytest.approx(upper, abs=1e-9)
    assert found.low == 0


def test_no_videos_tell_nothing_and_nonsense_is_an_error() -> None:
    for maker in (wilson, clopper_pearson):
        found = maker(0, 0)
        assert (found.low, found.high, found.value) == (0, 1, None)
        for k, n in ((-1, 5), (6, 5), (1, -1)):
            with pytest.raises(ValueError, match=f"got k = {k}, n = {n}"):
                maker(k, n)
        with pytest.raises(ValueError, match=r"whole number as k, got 1\.5"):
            maker(1.5, 5)
        with pytest.raises(ValueError, match="level between 0 and 1, got 95"):
            maker(1, 5, 95)
    assert wilson(np.int64(5), np.int64(100)).to_dict()["value"] == 0.05


def test_mcnemar_of_known_counts() -> None:
    found = mcnemar(794, 86, 150, 570)
    assert found.chi_square == pytest.approx(16.817797, abs=5e-7)
    assert found.p == pytest.approx(4.1146e-5, rel=2e-5)
    assert found.p_exact == pytest.approx(3.7159e-5, rel=2e-5)
    assert found.to_dict()["only_second"] == 150


@given(*(st.integers(0, 60) for _ in range(4)))
def test_mcnemar_is_statsmodels(a, b, c, d) -> None:
    found = mcnemar(a, b, c, d)
    exact = contingency_tables.mcnemar([[a, b], [c, d]], exact=True)
    assert found.p_exact == pytest.approx(exact.pvalue, abs=1e-12)
    if b != c:
        chi = contingency_tables.mcnemar([[a, b], [c, d]], exact=False, correction=True)
        assert (found.chi_square, found.p) == pytest.approx((chi.statistic, chi.pvalue), abs=1e-12)
    else:
        assert (found.chi_square, found.p, found.p_exact) == (0, 1, 1)


def test_mcnemar_of_decisions_counts_them() -> None:
    first = np.array([True, True, False, False, True])
    second = np.array([True, False, True, False, False])
    assert mcnemar_of(first, second) == mcnemar(1, 2, 1, 1)
    with pytest.raises(ValueError, match="true and false of one length"):
        mcnemar_of(first, second[:3])
    with pytest.raises(ValueError, match="true and false"):
        mcnemar_of([0.1, 0.9], [1.0, 0.0])
    with pytest.raises(ValueError, match="at least 0"):
        mcnemar(1, -1, 0, 0)


def test_holm_of_known_values() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]).tolist() == []
    for bad in ([1.1], [-0.1], [float("nan")], [[0.1]]):
        with pytest.raises(ValueError, match="p-values between 0 and 1"):
            holm(bad)


def test_holm_is_statsmodels() -> None:
    rng = np.random.default_rng(0)
    for n in (1, 2, 7, 30):
        values = rng.integers(0, 21, n) / 20 * rng.choice([1, 0.1])
        assert holm(values) == pytest.approx(multipletests(values, method="holm")[1], abs=1e-12)


@given(st.lists(st.integers(0, 20).map(lambda k: k / 20), min_size=1, max_size=30))
def test_holm_rejects_step_by_step(values) -> None:
    adjusted = holm(values)
    for level in (0.021, 0.11, 0.52):
        rejected, left = set(), sorted(range(len(values)), key=lambda i: values[i])
        while left and values[left[0]] * len(left) <= level:
            rejected.add(left.pop(0))
        assert {i for i, p in enumerate(adjusted) if p <= level} == rejected


def test_weighted_precision_of_the_contest() -> None:
    assert weighted_precision(80, 1) == pytest.approx(0.4444, abs=5e-5)
    assert weighted_precision(80, 1, alpha=1) == pytest.approx(80 / 81)
    assert math.log(weighted_precision(80, 0)) == 0
    with pytest.raises(ValueError, match="nothing is flagged"):
        weighted_precision(0, 0)
    with pytest.raises(ValueError, match="TP -1"):
        weighted_precision(-1, 1)
    with pytest.raises(ValueError, match="alpha above 0"):
        weighted_precision(1, 1, 0)


@given(*(st.integers(1, 99).map(lambda k: k / 100) for _ in range(3)))
def test_precision_at_a_prevalence_is_bayes(tpr, fpr, prevalence) -> None:
    found = precision_at_prevalence(tpr, fpr, prevalence)
    odds = prevalence / (1 - prevalence) * tpr / fpr
    assert found == pytest.approx(odds / (1 + odds))
    assert flagged_at_prevalence(tpr, fpr, prevalence) * found == pytest.approx(tpr * prevalence)


def test_precision_without_flags_or_with_nonsense_is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing is flagged"):
        precision_at_prevalence(0, 0, 0.1)
    with pytest.raises(ValueError, match=r"an FPR between 0 and 1, got 1\.1"):
        precision_at_prevalence(0.5, 1.1, 0.1)
    with pytest.raises(ValueError, match="a prevalence between 0 and 1, got 0"):
        precision_at_prevalence(0.5, 0.1, 0)


def known_attacks():
    """Species A: 2 of 10 missed. B: 20 sent, 19 answered, 1 missed. Bona fide: 3 of 100 flagged,
    2 of 100 without an answer."""
    species = ["A"] * 10 + ["B"] * 20 + [None] * 100
    answers = [False] * 2 + [True] * 8 + [None, False] + [True] * 18
    return species, answers + [True] * 3 + [None] * 2 + [False] * 95


def test_errors_by_manipulation_of_known_counts() -> None:
    found = presentation_errors(*known_attacks())
    a, b = found.attacks
    assert (found.worst, found.apcer) == (a, 0.2)
    assert (a.name, a.presented, a.answered, a.errors, a.rate) == ("A", 10, 10, 2, 2 / 10)
    assert (b.name, b.presented, b.answered, b.errors, b.rate) == ("B", 20, 19, 1, 1 / 19)
    assert (a.non_response_rate, b.non_response_rate) == (0, 1 / 20)
    real = found.bona_fide
    assert (real.presented, real.answered, real.errors) == (100, 98, 3)
    assert (found.bpcer, real.non_response_rate) == (3 / 98, 2 / 100)
    as_json = found.to_dict()
    assert as_json["worst"] == "A"
    assert [s["non_response_rate"] for s in as_json["attacks"]] == [0, 0.05]
    assert as_json["bona_fide"]["low"] < 3 / 98 < as_json["bona_fide"]["high"]


def test_a_kind_without_answers_has_no_rate_and_is_not_the_worst() -> None:
    found = presentation_errors(["x", "x", "y"], [None, None, True])
    assert [s.name for s in found.attacks] == ["y", "x"]
    assert (found.worst.name, found.apcer) == ("y", 0)
    assert found.attacks[1].rate is None
    assert found.attacks[1].bound().high == 1
    assert (found.bona_fide, found.bpcer) == (None, None)
    nothing = presentation_errors(["x"], [None])
    assert (nothing.worst, nothing.apcer) == (None, None)
    assert presentation_errors([None], [np.True_]).bpcer == 1


@given(
    st.lists(
        st.tuples(st.sampled_from(["A", "B", None]), st.sampled_from([True, False, None])),
        min_size=1,
    )
)
def test_errors_by_manipulation_are_what_counting_gives(rows) -> None:
    found = presentation_errors([r[0] for r in rows], [r[1] for r in rows])
    every = [*found.attacks, *([found.bona_fide] if found.bona_fide else [])]
    for s in every:
        mine = [answer for name, answer in rows if name == s.name]
        wrong = s.name is None
        assert s == Species(
            s.name, len(mine), len(mine) - mine.count(None), sum(x is wrong for x in mine)
        )
    rates = [s.rate for s in found.attacks if s.rate is not None]
    assert found.apcer == (max(rates) if rates else None)


def test_answers_that_are_none_are_errors() -> None:
    with pytest.raises(ValueError, match="got 1 and 2"):
        presentation_errors(["A", "B"], [True])
    with pytest.raises(ValueError, match="at least one video"):
        presentation_errors([], [])
    with pytest.raises(ValueError, match=r"true, false or None, got 0\.7"):
        presentation_errors(["A"], [0.7])
