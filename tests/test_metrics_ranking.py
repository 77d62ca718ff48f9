"""AUC against scikit-learn's and by hand; its interval against what resampling groups must do."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from unswap.experiments.metrics.ranking import (
    Interval,
    auc,
    auc_between,
    clustered_auc_interval,
    stratified_auc,
)


def sample(groups: int, each: int, shift: float, seed: int = 0):
    """Labels, scores and groups: each group has `each` real and fake videos and a level of its own."""
    rng = np.random.default_rng(seed)
    labels = np.tile([0, 1], groups * each)
    names = np.repeat([f"g{i}" for i in range(groups)], 2 * each)
    level = np.repeat(rng.normal(0, 1, groups), 2 * each)
    return labels, rng.normal(0, 1, len(labels)) + level + shift * labels, names.tolist()


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(-4, 4)), min_size=2, max_size=60))
def test_equals_scikit_learn_with_ties(rows: list[tuple[int, int]]) -> None:
    labels, scores = [r[0] for r in rows], [float(r[1]) for r in rows]
    if len(set(labels)) == 1:
        with pytest.raises(ValueError, match="needs both classes"):
            auc(labels, scores)
    else:
        assert auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
        assert auc(labels, [-s for s in scores]) == pytest.approx(1 - auc(labels, scores))


def test_equals_scikit_learn_on_many_videos() -> None:
    labels, scores, _ = sample(500, 20, 0.5)
    assert auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)


def test_known_values() -> None:
    assert auc([0, 0, 1, 1], [1, 2, 3, 4]) == 1
    assert auc([1, 1, 0, 0], [1, 2, 3, 4]) == 0
    assert auc([0, 1, 0, 1], [5, 5, 5, 5]) == 0.5
    assert auc_between([0.0, 1.0], [1.0, 2.0]) == 0.875


@pytest.mark.parametrize(
    ("labels", "scores", "match"),
    [
        ([1, 1], [0.0, 1.0], "got 0 genuine, 2 forged"),
        ([], [], "got 0 genuine, 0 forged"),
        ([0, 1, 1], [0.0, 1.0], r"got \(3,\) and \(2,\)"),
        ([0, 2], [0.0, 1.0], r"labels 0 and 1, got \[0, 2\]"),
        ([0, 0.5], [0.0, 1.0], r"labels 0 and 1, got \[0.0, 0.5\]"),
        ([0, 1], [0.0, float("nan")], "got nan in place 1"),
    ],
)
def test_bad_input_is_an_error(labels, scores, match) -> None:
    with pytest.raises(ValueError, match=match):
        auc(labels, scores)


def test_strata_compare_within_themselves_only() -> None:
    labels, scores = [0, 1, 0, 1], [0.0, 1.0, 10.0, 11.0]
    assert auc(labels, scores) == 0.75
    assert stratified_auc(labels, scores, ["a", "a", "b", "b"]) == 1
    with pytest.raises(ValueError, match="in any one stratum"):
        stratified_auc(labels, scores, ["a", "b", "a", "b"])


def test_strata_are_weighted_by_their_pairs() -> None:
    rng = np.random.default_rng(1)
    labels, folds = rng.integers(0, 2, 200), rng.integers(0, 4, 200)
    scores = rng.integers(0, 9, 200).astype(float)
    wins = pairs = 0.0
    for fold in range(4):
        here = folds == fold
        count = int(labels[here].sum()) * int((1 - labels[here]).sum())
        wins += roc_auc_score(labels[here], scores[here]) * count
        pairs += count
    assert stratified_auc(labels, scores, folds) == pytest.approx(wins / pairs)


def test_the_interval_holds_the_auc_and_narrows_with_groups() -> None:
    widths = []
    for groups in (12, 300):
        labels, scores, names = sample(groups, 2, 1.0)
        found = clustered_auc_interval(labels, scores, names, seed=3)
        assert found.supported
        assert (found.n, found.groups) == (4 * groups, groups)
        assert found.low < auc(labels, scores) < found.high
        widths.append(found.high - found.low)
    assert widths[1] < widths[0] / 3


def test_copies_of_every_video_add_nothing() -> None:
    labels, scores, names = sample(20, 3, 0.7)
    once = clustered_auc_interval(labels, scores, names, seed=5, resamples=300)
    many = clustered_auc_interval(
        np.repeat(labels, 10), np.repeat(scores, 10), np.repeat(names, 10), seed=5, resamples=300
    )
    assert (many.low, many.high) == (once.low, once.high)
    assert many.n == 10 * once.n


def test_groups_that_move_together_widen_it() -> None:
    labels, scores, names = sample(15, 20, 0.5, seed=4)
    each = clustered_auc_interval(labels, scores, [str(i) for i in range(len(labels))], seed=1)
    apart = [f"{name}-{label}" for name, label in zip(names, labels, strict=True)]
    clustered = clustered_auc_interval(labels, scores, apart, seed=1)
    assert clustered.high - clustered.low > 1.5 * (each.high - each.low)


def test_order_does_not_matter_and_the_seed_does() -> None:
    labels, scores, names = sample(20, 2, 0.5)
    turn = np.random.default_rng(0).permutation(len(labels))
    first = clustered_auc_interval(labels, scores, names, seed=1)
    assert first == clustered_auc_interval(
        labels[turn], scores[turn], np.asarray(names)[turn].tolist(), seed=1
    )
    assert first != clustered_auc_interval(labels, scores, names, seed=2)


def test_it_covers_the_truth_about_as_often_as_it_says() -> None:
    truth = 0.6381631950841  # P(N(0.5, 2) > 0): two normals of variance 1, half a unit apart
    held = 0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        labels = np.repeat([0, 1], 40)
        scores = rng.normal(0, 1, 80) + 0.5 * labels
        found = clustered_auc_interval(
            labels, scores, [str(i) for i in range(80)], seed=seed, resamples=200, level=0.9
        )
        held += found.low <= truth <= found.high
    assert 0.82 <= held / 150 <= 0.97


def test_few_groups_are_not_supported() -> None:
    labels, scores, names = sample(9, 30, 1.0)
    found = clustered_auc_interval(labels, scores, names, seed=0)
    assert not found.supported
    assert (found.low, found.high, found.groups, found.n) == (None, None, 9, 540)
    assert "at least 10 groups" in found.reason
    assert "there are 9" in found.reason


def test_a_class_in_one_group_is_not_supported() -> None:
    names = ["fake"] * 5 + [f"r{i}" for i in range(12)]
    found = clustered_auc_interval([1] * 5 + [0] * 12, np.arange(17.0), names, seed=0)
    assert "single group" in found.reason


def test_the_interval_checks_its_arguments() -> None:
    labels, scores, names = sample(12, 1, 0)
    with pytest.raises(ValueError, match="both classes"):
        clustered_auc_interval(np.ones(24), scores, names, seed=0)
    with pytest.raises(ValueError, match="expected 24 groups for 24 scores, got 3"):
        clustered_auc_interval(labels, scores, names[:3], seed=0)
    with pytest.raises(ValueError, match=r"level between 0 and 1, got 95"):
        clustered_auc_interval(labels, scores, names, seed=0, level=95)
    with pytest.raises(ValueError, match="at least 1 resample"):
        clustered_auc_interval(labels, scores, names, seed=0, resamples=0)
    with pytest.raises(ValueError, match="two ends where supported"):
        Interval(None, None, 1, 1, 0.95, supported=True)
