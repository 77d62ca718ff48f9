"""Curves and what is read off them, against scikit-learn's and against counting pair by pair."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.spatial import ConvexHull
from sklearn import metrics as sk

from unswap.experiments.metrics.curves import (
    EER_DEFINITIONS,
    DetCurve,
    RocCurve,
    det_curve,
    eer,
    fpr_at_tpr,
    partial_auc,
    roc_curve,
    tpr_at_fpr,
)
from unswap.experiments.metrics.precision import average_precision
from unswap.experiments.metrics.ranking import auc
from unswap.experiments.metrics.thresholds import (
    confusion,
    threshold_at_eer,
    threshold_at_fpr,
    threshold_at_tpr,
)


@st.composite
def videos(draw):
    """Labels of both classes, and scores that often tie."""
    row = st.tuples(st.integers(0, 1), st.integers(-4, 4))
    rows = draw(st.lists(row, min_size=2, max_size=60))
    labels = np.array([r[0] for r in rows])
    labels[:2] = 0, 1
    return labels, np.array([r[1] for r in rows], dtype=np.float64)


shares = st.integers(0, 100).map(lambda k: k / 100)


@given(videos())
def test_the_roc_curve_is_scikit_learns(drawn) -> None:
    fpr, tpr, thresholds = sk.roc_curve(*drawn, drop_intermediate=False)
    found = roc_curve(*drawn)
    assert np.array_equal(found.fpr, fpr)
    assert np.array_equal(found.tpr, tpr)
    assert np.array_equal(found.thresholds, thresholds)
    assert auc(*drawn) == pytest.approx(sk.auc(fpr, tpr), abs=1e-12)


@given(videos())
def test_the_det_curve_is_the_roc_curve_turned(drawn) -> None:
    found, other = det_curve(*drawn), roc_curve(*drawn)
    assert np.array_equal(found.fpr, other.fpr)
    assert found.fnr == pytest.approx(1 - other.tpr, abs=1e-12)
    real, missed = found.deviates()
    assert real[0] == -np.inf
    assert missed[-1] == -np.inf


@given(videos(), st.integers(1, 100).map(lambda k: k / 100))
def test_the_partial_area_is_scikit_learns(drawn, max_fpr) -> None:
    found = partial_auc(*drawn, max_fpr)
    fpr, tpr, _ = sk.roc_curve(*drawn, drop_intermediate=False)
    grid = np.union1d(np.linspace(0, max_fpr, 1000), fpr[fpr <= max_fpr])
    upper = sk.roc_auc_score(*drawn, max_fpr=max_fpr if max_fpr < 1 else None)
    assert found.standardised == pytest.approx(upper, abs=1e-12)
    # by hand: between steps the curve is straight, and at a step it jumps
    right = [tpr[fpr == x].max() if (fpr == x).any() else np.interp(x, fpr, tpr) for x in grid]
    left = [tpr[fpr == x].min() if (fpr == x).any() else np.interp(x, fpr, tpr) for x in grid]
    by_hand = np.sum(np.diff(grid) * (np.array(right[:-1]) + np.array(left[1:])) / 2)
    assert found.raw == pytest.approx(by_hand, abs=1e-9)


@given(videos())
def test_average_precision_is_scikit_learns(drawn) -> None:
    assert average_precision(*drawn) == pytest.approx(sk.average_precision_score(*drawn), abs=1e-12)


@given(videos(), shares)
def test_rates_at_rates_are_those_of_the_best_threshold_that_is_allowed(drawn, share) -> None:
    labels, scores = drawn
    found = [
        (np.mean(scores[labels == 0] >= t), np.mean(scores[labels == 1] >= t), t)
        for t in [np.inf, *scores]
    ]
    assert tpr_at_fpr(*drawn, share) == max(tpr for fpr, tpr, _ in found if fpr <= share)
    assert fpr_at_tpr(*drawn, share) == min(fpr for fpr, tpr, _ in found if tpr >= share)
    assert threshold_at_fpr(*drawn, share) == min(t for fpr, _, t in found if fpr <= share)
    assert threshold_at_tpr(*drawn, share) == max(t for _, tpr, t in found if tpr >= share)
    nearest = min(abs(fpr - (1 - tpr)) for fpr, tpr, _ in found)
    at = confusion(*drawn, threshold_at_eer(*drawn))
    assert abs(at.fpr - (1 - at.tpr)) == pytest.approx(nearest, abs=1e-12)


@given(videos(), st.integers(-5, 5))
def test_counts_at_a_threshold_are_scikit_learns(drawn, threshold) -> None:
    labels, scores = drawn
    found = confusion(labels, scores, threshold)
    tn, fp, fn, tp = sk.confusion_matrix(labels, scores >= threshold, labels=[0, 1]).ravel()
    assert (found.tn, found.fp, found.fn, found.tp) == (tn, fp, fn, tp)
    assert found.accuracy == sk.accuracy_score(labels, scores >= threshold)
    assert found.balanced_accuracy == pytest.approx(
        sk.balanced_accuracy_score(labels, scores >= threshold)
    )
    if tp + fp:
        assert found.precision == sk.precision_score(labels, scores >= threshold)
    else:
        assert found.precision is None


def eer_of_hull(labels, scores) -> float:
    """By Qhull's corners, and the line between the two around fpr = fnr."""
    curve = roc_curve(labels, scores)
    below = np.array([[1.0, 0.0]])  # so that there is an area, even on the diagonal
    points = np.unique(np.vstack([np.stack([curve.fpr, curve.tpr], axis=1), below]), axis=0)
    corners = points[ConvexHull(points).vertices]
    corners = corners[corners[:, 1] >= corners[:, 0] - 1e-12]
    order = np.lexsort((corners[:, 1], corners[:, 0]))
    x, y = corners[order].T
    gap = x - (1 - y)
    k = int(np.argmax(gap >= 0))
    if gap[k] == 0:
        return float(x[k])
    return float(x[k - 1] + (x[k] - x[k - 1]) * -gap[k - 1] / (gap[k] - gap[k - 1]))


def eer_of_priors(labels, scores) -> float:
    """The worst prior's best Bayes error, over priors at which two corners tie, and the ends."""
    curve = roc_curve(labels, scores)
    fpr, fnr = curve.fpr, 1 - curve.tpr
    with np.errstate(invalid="ignore", divide="ignore"):
        rise, run = fnr[:, None] - fnr[None], fpr[None] - fpr[:, None]
        priors = (run / (rise + run)).ravel()
    priors = priors[(priors >= 0) & (priors <= 1)]
    errors = [np.min(p * fnr + (1 - p) * fpr) for p in [0.0, 1.0, *priors]]
    return float(np.max(errors))


@given(videos())
def test_eer_on_the_hull_agrees_with_qhull_and_with_the_worst_prior(drawn) -> None:
    found = eer(*drawn)
    assert found == pytest.approx(eer_of_hull(*drawn), abs=1e-9)
    assert found == pytest.approx(eer_of_priors(*drawn), abs=1e-9)
    assert 0 <= found <= 0.5


@given(videos())
def test_eer_on_lines_is_where_they_cross(drawn) -> None:
    fpr, tpr, _ = sk.roc_curve(*drawn, drop_intermediate=False)
    # along the curve, whose gap rises from -1 to 1: steps have no function of fpr alone
    along = np.arange(len(fpr), dtype=np.float64)
    at = brentq(lambda t: np.interp(t, along, fpr + tpr) - 1, 0, along[-1], xtol=1e-14)
    assert eer(*drawn, "interpolated") == pytest.approx(np.interp(at, along, fpr), abs=1e-9)


@given(videos())
def test_eer_of_the_nearest_threshold_is_papers_code(drawn) -> None:
    fpr, tpr, _ = sk.roc_curve(*drawn, drop_intermediate=False)
    fnr = 1 - tpr
    gaps = np.absolute(fnr - fpr).round(9)  # of two that tie, rounding would choose
    assert eer(*drawn, "nearest") == fpr[np.nanargmin(gaps)]


@given(videos(), st.sampled_from(EER_DEFINITIONS))
def test_only_the_order_counts_and_turning_it_turns_the_labels(drawn, definition) -> None:
    labels, scores = drawn
    assert eer(labels, 2 * scores**3 + 1, definition) == eer(labels, scores, definition)
    if definition == "rocch":
        assert eer(1 - labels, -scores) == pytest.approx(eer(labels, scores), abs=1e-12)
        assert eer(np.tile(labels, 3), np.tile(scores, 3)) == pytest.approx(eer(labels, scores))


def test_definitions_differ_where_there_are_few_videos() -> None:
    labels, scores = [0, 0, 0, 1, 1, 1], [1.0, 2.0, 5.0, 3.0, 4.0, 6.0]
    assert eer(labels, scores) == pytest.approx(2 / 9)
    assert eer(labels, scores, "interpolated") == pytest.approx(1 / 3)
    assert eer(labels, scores, "nearest") == pytest.approx(1 / 3)
    ties = [0, 1], [1.0, 1.0]
    assert [eer(*ties, d) for d in EER_DEFINITIONS] == [0.5, 0.5, 0.0]


@pytest.mark.parametrize("definition", EER_DEFINITIONS)
def test_known_ends(definition) -> None:
    assert eer([0, 0, 1, 1], [1, 2, 3, 4], definition) == 0
    assert eer([1, 1, 0, 0], [1, 2, 3, 4], definition) == (0.5 if definition == "rocch" else 1)


@pytest.mark.parametrize(
    "function",
    [
        roc_curve,
        det_curve,
        eer,
        average_precision,
        lambda y, x: partial_auc(y, x, 0.1),
        lambda y, x: tpr_at_fpr(y, x, 0.1),
        lambda y, x: fpr_at_tpr(y, x, 0.1),
        lambda y, x: threshold_at_fpr(y, x, 0.1),
    ],
)
def test_bad_input_is_an_error(function) -> None:
    for labels, scores, match in (
        ([1, 1], [0.0, 1.0], "needs both classes, got 0 genuine, 2 forged"),
        ([], [], "needs both classes"),
        ([0, 1, 1], [0.0, 1.0], r"got \(3,\) and \(2,\)"),
        ([0, 2], [0.0, 1.0], r"labels 0 and 1, got \[0, 2\]"),
        ([0, 1], [0.0, float("nan")], "got nan in place 1"),
        ([0, 1], [float("inf"), 0.0], "got inf in place 0"),
        ([0, 1], ["0.1", "0.9"], "expected numbers as scores"),
        ([0, 1], [None, 0.9], "expected numbers as scores"),
        ([[0, 1]], [[0.0, 1.0]], "labels of shape"),
    ):
        with pytest.raises(ValueError, match=match):
            function(labels, scores)


def test_arguments_out_of_range_are_errors() -> None:
    videos = [0, 1], [0.0, 1.0]
    with pytest.raises(ValueError, match="max_fpr above 0 and at most 1, got 0"):
        partial_auc(*videos, 0)
    with pytest.raises(ValueError, match="an FPR between 0 and 1, got 5"):
        tpr_at_fpr(*videos, 5)
    with pytest.raises(ValueError, match="a TPR between 0 and 1, got -1"):
        fpr_at_tpr(*videos, -1)
    with pytest.raises(ValueError, match="a threshold, got nan"):
        confusion(*videos, float("nan"))
    with pytest.raises(KeyError, match="unknown EER definition 'hull'"):
        eer(*videos, "hull")
    with pytest.raises(ValueError, match="as many thresholds as rates"):
        RocCurve(np.zeros(2), np.zeros(3), np.zeros(3))
    with pytest.raises(ValueError, match="do not fall"):
        RocCurve(np.zeros(2), np.array([1.0, 0.0]), np.zeros(2))
    assert DetCurve(np.zeros(1), np.full(1, 0.5), np.full(1, 0.5)).deviates()[0].tolist() == [0.0]


def test_one_class_has_counts_but_no_rate_of_the_other() -> None:
    found = confusion([1, 1], [0.0, 2.0], 1.0)
    assert (found.tpr, found.fpr, found.balanced_accuracy) == (0.5, None, None)
    assert found.to_dict()["accuracy"] == 0.5
