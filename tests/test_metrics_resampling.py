"""Weighted counting against the same videos written out; what a plan draws; what intervals refuse."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from unswap.experiments.metrics import sweeping
from unswap.experiments.metrics.bootstrap import cluster_bootstrap, roc_band
from unswap.experiments.metrics.curves import eer, tpr_at_fpr
from unswap.experiments.metrics.intervals import expanded_quantiles
from unswap.experiments.metrics.measuring import measure
from unswap.experiments.metrics.resampling import make_plan
from unswap.experiments.metrics.statistics import parse_statistic
from unswap.experiments.metrics.weighted import Weighted

RANKS = [
    "auc",
    "ap",
    "eer",
    "eer-interpolated",
    "eer-nearest",
    "pauc@fpr=0.3",
    "tpr@fpr=0.001",
    "tpr@fpr=0.1",
    "tpr@fpr=1",
    "fpr@tpr=0.5",
    "fpr@tpr=1",
    "cllr",
    "cllr-min",
    "tpr@threshold=1",
    "fpr@threshold=1",
    "accuracy@threshold=0",
    "balanced-accuracy@threshold=-1",
]
PROBABILITIES = ["log-loss", "brier", "auc"]


def sample(groups: int, each: int, shift: float, seed: int = 0):
    """Labels, scores and groups: each group has `each` real and fake videos and a level of its own."""
    rng = np.random.default_rng(seed)
    labels = np.tile([0, 1], groups * each)
    names = np.repeat(np.arange(groups), 2 * each)
    level = np.repeat(rng.normal(0, 1, groups), 2 * each)
    return labels, rng.normal(0, 1, len(labels)) + level + shift * labels, names


@st.composite
def weighted_videos(draw, scores):
    """Labels, scores, units and some rows of weights, each with both classes."""
    rows = draw(
        st.lists(st.tuples(st.integers(0, 1), scores, st.integers(0, 5)), min_size=2, max_size=40)
    )
    labels = np.array([0, 1, *(r[0] for r in rows[2:])])
    unit = np.unique([r[2] for r in rows], return_inverse=True)[1]
    weights = draw(
        st.lists(
            st.lists(st.integers(0, 3), min_size=int(unit.max()) + 1, max_size=int(unit.max()) + 1),
            min_size=1,
            max_size=5,
        )
    )
    table = np.array(weights, dtype=np.int32)
    table[:, unit[:2]] += 1  # the first two videos are of both classes
    return labels, np.array([r[1] for r in rows], dtype=np.float64), unit, table


def check_written_out(names, labels, scores, unit, table):
    statistics = [parse_statistic(name) for name in names]
    found = Weighted(statistics, labels, scores, unit).values(table)
    for row, weights in enumerate(table):
        times = weights[unit]
        y, x = np.repeat(labels, times), np.repeat(scores, times)
        for name in names:
            assert found[name][row] == pytest.approx(measure(name, y, x), abs=1e-12), name


@given(weighted_videos(st.integers(-3, 3)))
def test_weights_are_the_videos_written_out(videos) -> None:
    check_written_out(RANKS, *videos)


@given(weighted_videos(st.sampled_from([0, 0.25, 0.5, 0.6, 1])))
def test_weights_are_the_videos_written_out_for_probabilities(videos) -> None:
    check_written_out(PROBABILITIES, *videos)


@pytest.mark.parametrize("decimals", [1, 3, 12])
@pytest.mark.parametrize("shift", [0.0, 1.0, 4.0])
def test_many_videos_too(decimals, shift, monkeypatch) -> None:
    monkeypatch.setattr(sweeping, "COARSE", 300)  # so that long stretches are looked at coarsely
    labels, scores, groups = sample(60, 40, shift, seed=decimals)
    table = next(make_plan(labels, groups=groups).weights(3, 7))
    check_written_out(RANKS, labels, scores.round(decimals), groups, table)


def test_the_hull_edge_outside_the_window_is_found() -> None:
    # all real videos on one side of a gap: the hull's edge is longer than any window around it
    fp, tp = np.repeat([0, 5000], 5000).astype(np.int32), np.arange(1, 10001, dtype=np.int32)
    scores = np.concatenate([np.arange(10000.0, 5000, -1), np.full(5000, 5000.0), np.arange(5000)])
    labels = np.repeat([1, 0, 1], 5000)
    found = sweeping.hull_eer(fp, tp, 5000.0, 10000.0)
    assert found == pytest.approx(eer(labels, scores), abs=1e-12)
    rng = np.random.default_rng(0)
    for _ in range(20):
        steps = rng.integers(0, 2, (2, 20000)) * rng.integers(0, 200, (2, 1))
        steps[:, rng.integers(0, 20000)] += rng.integers(0, 10**6, 2)
        fp, tp = np.cumsum(steps, axis=1).astype(np.int32)
        real, forged = float(fp[-1] + 5), float(tp[-1] + 1)
        window = sweeping.hull_eer(fp, tp, real, forged)
        whole = sweeping._edge(fp, tp, -1, len(fp), real, forged)
        (ax, ay), (bx, by) = whole
        height = (tp * (bx - ax) - fp * (by - ay)).max()
        assert height <= ay * (bx - ax) - ax * (by - ay)
        a, b = ax / real + ay / forged - 1, bx / real + by / forged - 1
        assert window == pytest.approx((ax - (bx - ax) * a / (b - a)) / real, rel=1e-9)


@given(st.integers(1, 2000), st.integers(0, 2000))
def test_rates_are_met_as_the_division_sees_them(n, k) -> None:
    rate = min(k, n) / n
    assert sweeping.most(rate, n) == min(k, n)
    assert sweeping.least(rate, n) == min(k, n)


def test_copies_of_every_video_leave_the_clustered_interval_and_shrink_the_independent_one() -> (
    None
):
    labels, scores, groups = sample(30, 3, 0.7)
    names = ["auc", "eer", "ap", "tpr@fpr=0.1"]
    once = cluster_bootstrap(names, labels, scores, groups=groups, seed=5, resamples=400)
    y, x, g = (np.repeat(values, 10) for values in (labels, scores, groups))
    many = cluster_bootstrap(names, y, x, groups=g, seed=5, resamples=400)
    for name in names:
        assert many[name].value == pytest.approx(once[name].value)
        for end in ("low", "high"):
            assert getattr(many[name].interval, end) == pytest.approx(
                getattr(once[name].interval, end), abs=1e-12
            )
    alone = cluster_bootstrap(["auc"], labels, scores, seed=5, resamples=4000)["auc"].interval
    copied = cluster_bootstrap(["auc"], y, x, seed=5, resamples=4000)["auc"].interval
    ratio = (alone.high - alone.low) / (copied.high - copied.low)
    assert ratio == pytest.approx(np.sqrt(10), rel=0.08)


def test_order_does_not_matter_and_the_seed_does() -> None:
    labels, scores, groups = sample(20, 2, 0.5)
    turn = np.random.default_rng(0).permutation(len(labels))
    first = cluster_bootstrap(RANKS[:3], labels, scores, groups=groups, seed=1, resamples=50)
    turned = cluster_bootstrap(
        RANKS[:3], labels[turn], scores[turn], groups=groups[turn], seed=1, resamples=50
    )
    other = cluster_bootstrap(RANKS[:3], labels, scores, groups=groups, seed=2, resamples=50)
    assert first == turned
    assert first != other


def test_weights_do_not_depend_on_how_many_come_at_a_time(monkeypatch) -> None:
    labels, _, groups = sample(20, 2, 0.5)
    plan = make_plan(labels, groups=groups)
    whole = np.concatenate(list(plan.weights(1, 100)))
    monkeypatch.setattr("unswap.experiments.metrics.resampling.CELLS", 60)
    parts = list(plan.weights(1, 100))
    assert len(parts) > 10
    assert np.array_equal(np.concatenate(parts), whole)
    assert (whole.sum(axis=1) == 20).all()


def test_strata_keep_their_groups() -> None:
    labels, _, groups = sample(30, 2, 0.5)
    strata = np.where(groups < 12, "a", "b")
    plan = make_plan(labels, groups=groups, strata=strata)
    table = np.concatenate(list(plan.weights(0, 50)))
    assert (table[:, :12].sum(axis=1) == 12).all()
    assert (table[:, 12:].sum(axis=1) == 18).all()
    assert table.std() > 0
    with pytest.raises(ValueError, match="each group in one stratum, but 0 is in 0 and 1"):
        make_plan(labels, groups=groups, strata=labels)
    lone = make_plan(labels, groups=groups, strata=np.where(groups == 3, "x", "y"))
    assert "single group lies in stratum x" in lone.reason


def people(n: int, seed: int = 0):
    """Every pair of n persons swapped, and one real video of each."""
    source, target = (axis.ravel() for axis in np.meshgrid(np.arange(n), np.arange(n)))
    return (source != target).astype(int), source, target


def test_two_way_counts_are_products_of_persons_counts() -> None:
    labels, source, target = people(12)
    plan = make_plan(labels, two_way=(source, target))
    assert plan.drawn == 12
    table = np.concatenate(list(plan.weights(0, 40)))[:, plan.unit]
    own = table[:, labels == 0]  # of each person once
    assert (own.sum(axis=1) == 12).all()
    order = np.argsort(source[labels == 0])
    counts = own[:, order]
    assert np.array_equal(
        table[:, labels == 1],
        (counts[:, source] * counts[:, target])[:, labels == 1],
    )


def test_two_way_is_wider_than_one_way_where_sources_matter() -> None:
    labels, source, target = people(15)
    rng = np.random.default_rng(1)
    give, take = rng.normal(0, 1, (2, 15))
    scores = labels * (1 + give[source] + 0.2 * take[target]) + rng.normal(0, 1, len(labels))
    name = "tpr@threshold=1"
    one = cluster_bootstrap([name], labels, scores, groups=target, seed=0)[name].interval
    two = cluster_bootstrap([name], labels, scores, two_way=(source, target), seed=0)[name]
    assert two.interval.high - two.interval.low > 2 * (one.high - one.low)
    assert "persons, as source and as target" in two.interval.method


def test_two_way_is_no_wider_than_needed_where_persons_do_not_matter() -> None:
    labels, source, target = people(25)
    scores = np.random.default_rng(2).normal(size=len(labels)) + labels
    name = "tpr@threshold=1"
    alone = cluster_bootstrap([name], labels, scores, seed=0)[name].interval
    two = cluster_bootstrap([name], labels, scores, two_way=(source, target), seed=0)[name].interval
    # uncorrected, its square would be three times as large
    assert 0.75 < (two.high - two.low) / (alone.high - alone.low) < 1.35


def test_noise_of_two_way_draws_swapped_videos_alone() -> None:
    labels, source, target = people(12)
    strata = np.array(["a", "b"])[(source >= 6).astype(int)]
    inside = (source < 6) == (target < 6)
    plan = make_plan(
        labels[inside], two_way=(source[inside], target[inside]), strata=strata[inside]
    )
    table = np.concatenate(list(plan.noise.weights(0, 30)))[:, plan.unit]
    assert (table[:, labels[inside] == 0] == 1).all()
    for stratum in "ab":
        held = (labels[inside] == 1) & (strata[inside] == stratum)
        assert (table[:, held].sum(axis=1) == held.sum()).all()
        assert table[:, held].std() > 0.5
    with pytest.raises(ValueError, match="each group in one stratum"):
        make_plan(labels, two_way=(source, target), strata=strata)


def test_what_can_not_be_known_is_not_supported() -> None:
    labels, scores, groups = sample(9, 30, 1.0)
    few = cluster_bootstrap(["auc", "eer"], labels, scores, groups=groups, seed=0)
    assert few["auc"].value == measure("auc", labels, scores)
    assert not few["eer"].interval.supported
    assert "at least 10 groups of videos, there are 9" in few["eer"].interval.reason
    labels, source, target = people(30)
    found = cluster_bootstrap(
        ["auc"], labels, np.arange(900.0), two_way=(source % 4, target), seed=0
    )["auc"]
    assert "at least 10 source persons of each class, there are 4" in found.interval.reason
    y, x = (
        np.repeat([0, 1], 200),
        np.random.default_rng(0).normal(size=400) + np.repeat([0, 2], 200),
    )
    names = ["tpr@fpr=0.001", "tpr@fpr=0.025", "fpr@tpr=0.99"]
    found = cluster_bootstrap(names, y, x, seed=0, resamples=50)
    assert "0.2 of the 200 real videos" in found["tpr@fpr=0.001"].interval.reason
    assert "at least 3000 are needed" in found["tpr@fpr=0.001"].interval.reason
    assert found["tpr@fpr=0.025"].interval.supported
    assert "2 of the 200 manipulated videos" in found["fpr@tpr=0.99"].interval.reason
    perfect = cluster_bootstrap(["auc", "cllr"], y, y * 9.0, seed=0, resamples=50)
    assert "the measure, 1, lies at its very end" in perfect["auc"].interval.reason
    certain = cluster_bootstrap(["log-loss"], y, (x > 1) * 1.0, seed=0, resamples=50)["log-loss"]
    assert certain.value == np.inf
    assert "infinite" in certain.interval.reason


def test_bad_arguments_are_errors() -> None:
    labels, scores, groups = sample(12, 1, 0)

    def run(**changes):
        return cluster_bootstrap(
            changes.pop("statistics", ["auc"]), labels, scores, **{"seed": 0, **changes}
        )

    with pytest.raises(KeyError, match="unknown measure 'acu'; did you mean 'auc'"):
        run(statistics=["acu"])
    with pytest.raises(ValueError, match="rate above 0 and at most 1"):
        run(statistics=["tpr@fpr=5"])
    with pytest.raises(ValueError, match="a number after tpr@fpr="):
        run(statistics=["tpr@fpr"])
    with pytest.raises(ValueError, match="got both"):
        run(groups=groups, two_way=(groups, groups))
    with pytest.raises(ValueError, match="expected 24 groups for 24 videos"):
        run(groups=groups[:3])
    with pytest.raises(
        ValueError, match="the source of 1 videos is not known, the first in place 2"
    ):
        run(two_way=(np.array(["a", "b", None] + ["c"] * 21, dtype=object), groups))
    with pytest.raises(ValueError, match="2 groups are missing, the first in place 0"):
        run(groups=np.array([None, None] + ["c"] * 22, dtype=object))
    with pytest.raises(ValueError, match="level between 0 and 1, got 95"):
        run(level=95)
    with pytest.raises(ValueError, match="at least 2 resamples"):
        run(resamples=1)
    with pytest.raises(ValueError, match="log loss needs probabilities"):
        run(statistics=["log-loss"])


def test_a_class_that_no_resample_holds_is_an_error() -> None:
    labels = np.array([1] + [0] * 4000)
    plan = make_plan(labels)
    assert "single group" in plan.reason  # and so no interval is asked of it
    table = np.concatenate(list(plan.weights(0, 20)))
    assert (table[:, 0] > 0).all()


def test_the_band_holds_the_curve_and_says_why_not() -> None:
    labels, scores, groups = sample(40, 4, 1.0)
    band = roc_band(labels, scores, [0.05, 0.1, 0.5], groups=groups, seed=0, resamples=300)
    assert band.tpr.tolist() == [tpr_at_fpr(labels, scores, at) for at in (0.05, 0.1, 0.5)]
    assert (band.low < band.tpr).all()
    assert (band.tpr < band.high).all()
    few = roc_band(labels, scores, groups=groups % 5, seed=0)
    assert few.low is None
    assert "at least 10 groups" in few.reason
    assert len(few.fpr) == 100


def test_expanded_quantiles_are_those_of_the_published_formula() -> None:
    values = np.linspace(0, 1, 100001)
    for groups in (10, 40):
        tail = stats.norm.cdf(-np.sqrt(groups / (groups - 1)) * stats.t.ppf(0.975, groups - 1))
        found = expanded_quantiles(values, groups, 0.95)
        assert found == pytest.approx((tail, 1 - tail), abs=1e-5)
    wide = expanded_quantiles(values, 10**9, 0.95)
    assert wide == pytest.approx((0.025, 0.975), abs=1e-5)
    with pytest.raises(ValueError, match="more than 1 group"):
        expanded_quantiles(values, 1, 0.95)
