"""DeLong by placements and by MLstatkit; pairs and ranks on the same resamples."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from MLstatkit import Delong_test

from unswap.experiments.metrics.bootstrap import cluster_bootstrap
from unswap.experiments.metrics.comparing import (
    Difference,
    paired_cluster_bootstrap,
    rank_intervals,
)
from unswap.experiments.metrics.delong import auc_covariance, delong_interval, delong_paired
from unswap.experiments.metrics.intervals import Interval, from_standard_error, unsupported
from unswap.experiments.metrics.ranking import auc


@st.composite
def two_detectors(draw):
    """Labels with two of each class at least, and two detectors' scores that often tie."""
    row = st.tuples(st.integers(0, 1), st.integers(-4, 4), st.integers(-4, 4), st.integers(0, 5))
    rows = draw(st.lists(row, min_size=4, max_size=40))
    labels = np.array([0, 0, 1, 1, *(r[0] for r in rows[4:])])
    first, second = (np.array([r[k] for r in rows], dtype=np.float64) for k in (1, 2))
    return labels, first, second, np.array([r[3] for r in rows])


def covariance_by_pairs(labels, tables, groups):
    """Obuchowski's formulas as printed, with every pair of videos written out."""
    real, forged = np.flatnonzero(labels == 0), np.flatnonzero(labels == 1)
    m, n = len(forged), len(real)
    aucs, v10, v01 = [], [], []
    for x in tables:
        wins = (x[forged][:, None] > x[real]) + 0.5 * (x[forged][:, None] == x[real])
        aucs.append(wins.mean())
        v10.append(wins.mean(axis=1))
        v01.append(wins.mean(axis=0))
    out = np.zeros((len(tables), len(tables)))
    names = np.unique(groups)
    for r in range(len(tables)):
        for s in range(len(tables)):

            def sums(values, videos, d):
                return [np.sum(values[d][groups[videos] == g] - aucs[d]) for g in names]

            i10, i01 = len(np.unique(groups[forged])), len(np.unique(groups[real]))
            x = [sums(v10, forged, d) for d in (r, s)]
            y = [sums(v01, real, d) for d in (r, s)]
            s10 = i10 / (i10 - 1) / m * np.dot(*x) if i10 > 1 else 0.0
            s01 = i01 / (i01 - 1) / n * np.dot(*y) if i01 > 1 else 0.0
            s11 = s11b = 0.0
            if len(names) > 1:
                s11 = len(names) / (len(names) - 1) * np.dot(x[0], y[1])
                s11b = len(names) / (len(names) - 1) * np.dot(y[0], x[1])
            out[r, s] = s10 / m + s01 / n + (s11 + s11b) / (m * n)
    return np.array(aucs), out


@given(two_detectors(), st.booleans())
def test_covariance_is_obuchowskis_written_out(drawn, clustered) -> None:
    labels, first, second, groups = drawn
    groups = groups if clustered else np.arange(len(labels))
    found = auc_covariance(labels, np.stack([first, second]), groups if clustered else None)
    aucs, covariance = covariance_by_pairs(labels, [first, second], groups)
    assert found.aucs == pytest.approx(aucs, abs=1e-12)
    assert found.covariance == pytest.approx(covariance, abs=1e-12)
    assert found.aucs.tolist() == pytest.approx([auc(labels, first), auc(labels, second)])


@settings(max_examples=30)
@given(two_detectors())
def test_paired_is_mlstatkits(drawn) -> None:
    labels, first, second, _ = drawn
    assume(len(labels) >= 10)
    found = delong_paired(labels, first, second)
    assume(found.standard_error > 1e-6)
    z, p, *_ = Delong_test(labels, first, second)
    # its z is of the second less the first
    assert found.difference / found.standard_error == pytest.approx(-z, rel=1e-6, abs=1e-9)
    assert found.p == pytest.approx(p, rel=1e-6)
    # the interval leaves out 0 just where p is below .05
    assert (found.interval.low <= 0 <= found.interval.high) == (found.p >= 0.05)


def test_delong_of_groups_of_one_video_is_delong() -> None:
    rng = np.random.default_rng(0)
    labels = np.tile([0, 1], 60)
    scores = rng.normal(size=120) + labels
    alone = auc_covariance(labels, scores).covariance
    apart = auc_covariance(labels, scores, np.arange(120)).covariance
    assert alone == pytest.approx(apart, rel=1e-12)
    interval = delong_interval(labels, scores, scale="plain")
    half = 1.959963984540054 * math.sqrt(alone[0, 0])
    assert interval.high - interval.low == pytest.approx(2 * half)
    assert interval.method == "DeLong, normal, plain scale"
    clustered = delong_interval(labels, scores, np.arange(120) // 4)
    assert "Obuchowski" in clustered.method
    assert "t with 29 degrees" in clustered.method


def test_copies_of_every_video_leave_the_clustered_delong() -> None:
    rng = np.random.default_rng(1)
    labels = np.tile([0, 1], 60)
    scores, groups = rng.normal(size=120) + labels, np.arange(120) // 4
    once = delong_interval(labels, scores, groups)
    many = delong_interval(*(np.repeat(v, 10) for v in (labels, scores, groups)))
    assert (many.low, many.high) == pytest.approx((once.low, once.high), abs=1e-12)
    alone = delong_interval(labels, scores)
    copied = delong_interval(np.repeat(labels, 10), np.repeat(scores, 10))
    ratio = (alone.high - alone.low) / (copied.high - copied.low)
    assert ratio == pytest.approx(math.sqrt(10), rel=0.03)


def test_delong_is_not_supported_where_nothing_is_known() -> None:
    labels = np.tile([0, 1], 30)
    scores = np.random.default_rng(0).normal(size=60)
    few = delong_interval(labels, scores, np.arange(60) // 10)
    assert "at least 10 groups of videos, there are 6" in few.reason
    assert "shows no variance" in delong_interval(labels, labels * 1.0).reason
    paired = delong_paired(labels, scores, scores, np.arange(60) // 10)
    assert (paired.p, paired.interval.supported) == (None, False)
    same = delong_paired(labels, scores, 2 * scores + 1)
    assert (same.difference, same.p, same.interval.low) == (0, 1, 0)
    flat = delong_paired(labels, labels * 1.0, np.zeros(60))
    assert flat.difference == 0.5
    assert "shows no variance" in flat.interval.reason
    with pytest.raises(ValueError, match=r"expected 60 groups for 60 scores, got \(3,\)"):
        delong_interval(labels, scores, [1, 2, 3])
    with pytest.raises(ValueError, match="one detector's scores, got 2"):
        delong_interval(labels, np.stack([scores, scores]))
    with pytest.raises(ValueError, match="scale in"):
        delong_interval(labels, scores, scale="probit")


def detectors(shifts, groups=40, each=5, seed=0):
    """Scores of detectors that share much of what makes a video hard, by name."""
    rng = np.random.default_rng(seed)
    labels = np.tile([0, 1], groups * each)
    names = np.repeat(np.arange(groups), 2 * each)
    hard = rng.normal(size=len(labels)) + np.repeat(rng.normal(0, 0.5, groups), 2 * each)
    return (
        labels,
        {
            f"d{k}": hard + 0.5 * rng.normal(size=len(labels)) + shift * labels
            for k, shift in enumerate(shifts)
        },
        names,
    )


def test_pairs_on_the_same_resamples_know_more_than_each_interval_does() -> None:
    labels, scores, groups = detectors([1.0, 1.35])
    found = paired_cluster_bootstrap("auc", labels, scores, groups=groups, seed=0)
    first, second = found.estimates["d1"].interval, found.estimates["d0"].interval
    assert first.low < second.high  # on their own they overlap
    (pair,) = found.differences
    assert (pair.first, pair.second, pair.better) == ("d1", "d0", "d1")
    assert pair.interval.low > 0
    assert pair.p == pair.p_holm < 0.05
    assert [(r.name, r.low, r.high) for r in found.ranks.values()] == [("d1", 1, 1), ("d0", 2, 2)]
    alone = cluster_bootstrap(["auc"], labels, scores["d1"], groups=groups, seed=0)["auc"]
    assert alone == found.estimates["d1"]
    delong = delong_paired(labels, scores["d1"], scores["d0"], groups)
    width = pair.interval.high - pair.interval.low
    assert width == pytest.approx(delong.interval.high - delong.interval.low, rel=0.1)
    assert found.to_dict()["ranks"]["d1"]["rank"] == 1


def test_p_is_below_the_level_just_where_the_interval_leaves_out_0() -> None:
    for seed in range(12):
        labels, scores, groups = detectors([1.0, 1.1, 1.2], seed=seed)
        for name in ("auc", "eer", "tpr@fpr=0.1"):
            for pair in paired_cluster_bootstrap(
                name, labels, scores, groups=groups, seed=0, resamples=200
            ).differences:
                assert (pair.p < 0.05) == (not pair.interval.low <= 0 <= pair.interval.high)
                assert pair.p_holm >= pair.p


def test_two_that_are_alike_share_ranks_and_the_low_end_is_better_for_errors() -> None:
    labels, scores, groups = detectors([1.0, 1.0, 3.0])
    scores["same"] = 2 * scores["d0"] + 1
    found = paired_cluster_bootstrap("eer", labels, scores, groups=groups, seed=0, resamples=500)
    assert next(iter(found.ranks)) == "d2"
    assert (found.ranks["d2"].low, found.ranks["d2"].high) == (1, 1)
    assert found.ranks["same"].rank == found.ranks["d0"].rank
    assert (found.ranks["d0"].low, found.ranks["d0"].high) == (2, 4)
    pair = next(d for d in found.differences if {d.first, d.second} == {"d0", "same"})
    assert (pair.value, pair.p, pair.interval.low, pair.interval.high) == (0, 1, 0, 0)


def test_many_detectors_that_are_equally_good_are_seldom_told_apart() -> None:
    wrong = 0
    for seed in range(40):
        labels, scores, groups = detectors([1.0] * 5, each=2, seed=seed)
        found = paired_cluster_bootstrap(
            "auc", labels, scores, groups=groups, seed=seed, resamples=300
        )
        wrong += any(r.low > 1 or r.high < 5 for r in found.ranks.values())
    assert wrong <= 5  # 2 are expected; more than 5 come with a chance of 1 in 70


def test_comparisons_that_can_not_be_made_leave_ranks_open() -> None:
    labels, scores, groups = detectors([1.0, 3.0], groups=8)
    found = paired_cluster_bootstrap("auc", labels, scores, groups=groups, seed=0)
    (pair,) = found.differences
    assert (pair.p, pair.p_holm, pair.better) == (None, None, None)
    assert "at least 10 groups" in pair.interval.reason
    assert [(r.rank, r.low, r.high) for r in found.ranks.values()] == [(1, 1, 2), (2, 1, 2)]
    perfect = {"a": labels * 1.0, "b": np.zeros(len(labels))}
    (pair,) = paired_cluster_bootstrap("auc", labels, perfect, seed=0, resamples=50).differences
    assert "every resample gives the same difference, 0.5" in pair.interval.reason


def test_bad_arguments_are_errors() -> None:
    labels, scores, _ = detectors([1.0, 1.0], groups=12)
    with pytest.raises(ValueError, match="at least 2 detectors to compare, got 1"):
        paired_cluster_bootstrap("auc", labels, {"d0": scores["d0"]}, seed=0)
    with pytest.raises(ValueError, match="at least 2 resamples, got 1"):
        paired_cluster_bootstrap("auc", labels, scores, seed=0, resamples=1)
    with pytest.raises(ValueError, match=r"got \(120,\) and \(3,\)"):
        paired_cluster_bootstrap("auc", labels, {**scores, "short": [0.0, 1.0, 2.0]}, seed=0)
    with pytest.raises(KeyError, match="unknown measure 'auk'"):
        paired_cluster_bootstrap("auk", labels, scores, seed=0)


def test_rank_intervals_by_hand() -> None:
    nothing = unsupported(1, 1, 0.95, "by hand")
    pairs = [
        Difference("a", "c", 0.2, nothing, 0.001, 0.002, "a"),
        Difference("a", "b", 0.1, nothing, 0.2, 0.2, None),
        Difference("b", "c", 0.1, nothing, 0.01, 0.02, "b"),
    ]
    found = rank_intervals({"c": 0.7, "a": 0.9, "b": 0.8}, pairs, higher_is_better=True)
    assert [(r.name, r.rank, r.low, r.high) for r in found.values()] == [
        ("a", 1, 1, 2),
        ("b", 2, 1, 2),
        ("c", 3, 3, 3),
    ]


def test_scales_agree_in_the_middle_and_stay_within_bounds() -> None:
    for scale in ("logit", "plain", "log"):
        low, high = from_standard_error(0.5, 1e-4, 1e9, 0.95, scale)
        assert (low, high) == pytest.approx((0.5 - 1.96e-4, 0.5 + 1.96e-4), abs=1e-7)
    low, high = from_standard_error(0.99, 0.02, 10, 0.95, "logit")
    assert 0 < low < 0.99 < high < 1
    low, high = from_standard_error(0.1, 0.2, 10, 0.95, "log")
    assert 0 < low < 0.1 < high
    with pytest.raises(ValueError, match="scale in"):
        from_standard_error(0.5, 0.1, 10, 0.95, "probit")
    with pytest.raises(ValueError, match="two ends where supported"):
        Interval(None, None, 1, 1, 0.95, supported=True)
