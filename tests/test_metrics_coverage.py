"""Intervals hold a known truth as often as they say."""

import numpy as np
import pytest

from unswap.experiments.metrics.coverage import binomial_coverage, cover, main
from unswap.experiments.metrics.curves import eer, tpr_at_fpr
from unswap.experiments.metrics.delong import delong_interval
from unswap.experiments.metrics.measuring import measure
from unswap.experiments.metrics.precision import average_precision
from unswap.experiments.metrics.ranking import auc
from unswap.experiments.metrics.simulating import scenarios, truth

EVERY = list(scenarios())
PROMISED = [s for s in EVERY if s.per_class >= 200 and not s.name.startswith(("10 ", "15 ", "20 "))]
MEASURES = ["auc", "ap", "eer", "tpr@fpr=0.1", "tpr@threshold=1", "fpr@threshold=1"]


def named(scenario) -> str:
    return f"{scenario.name}, {scenario.auc:g}"


@pytest.mark.parametrize("scenario", EVERY, ids=named)
def test_samples_are_of_the_truth_that_they_claim(scenario) -> None:
    labels, scores = [], []
    for seed in range(400):
        sample = scenario.draw(np.random.default_rng(seed))
        labels.append(sample.labels)
        scores.append(sample.scores)
    y, x = np.concatenate(labels), np.concatenate(scores)
    share = float(np.mean(y))
    assert auc(y, x) == pytest.approx(truth("auc", scenario.auc), abs=0.01)
    assert eer(y, x) == pytest.approx(truth("eer", scenario.auc), abs=0.015)
    assert tpr_at_fpr(y, x, 0.1) == pytest.approx(truth("tpr@fpr=0.1", scenario.auc), abs=0.03)
    assert average_precision(y, x) == pytest.approx(truth("ap", scenario.auc, share), abs=0.015)
    for name in MEASURES[-2:]:
        assert measure(name, y, x) == pytest.approx(truth(name, scenario.auc), abs=0.015)
    assert np.var(x[y == 0]) == pytest.approx(1, abs=0.05)
    assert np.var(x[y == 1]) == pytest.approx(1, abs=0.05)


def test_an_unknown_truth_is_an_error() -> None:
    with pytest.raises(ValueError, match="truth of brier is not known"):
        truth("brier", 0.9)
    with pytest.raises(ValueError, match="expected a method of"):
        binomial_coverage(10, 0.1, "wald")


@pytest.mark.parametrize("scenario", PROMISED[5:10], ids=named)
def test_intervals_hold_the_truth_about_as_often_as_they_say(scenario) -> None:
    for found in cover(scenario, ["auc"], repetitions=100, resamples=100):
        assert found.supported == 100
        assert 0.88 <= found.held <= 1
        assert found.below + found.above + found.held == pytest.approx(1)


def test_taking_clustered_videos_for_independent_holds_it_too_seldom() -> None:
    grouped = next(s for s in EVERY if s.name == "40 groups of one class each")
    held = 0
    for seed in range(60):
        sample = grouped.draw(np.random.default_rng(seed))
        interval = delong_interval(sample.labels, sample.scores)
        held += interval.low <= grouped.auc <= interval.high
    assert held < 51  # so the groups do matter here, and the test above tells


@pytest.mark.parametrize("method", ["clopper-pearson", "clopper-pearson upper"])
def test_exact_bounds_hold_every_share_at_least_as_often_as_they_say(method) -> None:
    for n in (1, 2, 5, 20, 60):
        for share in np.linspace(0.001, 0.999, 120):
            assert binomial_coverage(n, share, method) >= 0.95 - 1e-12


def test_wilsons_bounds_do_so_on_average_only() -> None:
    found = [binomial_coverage(50, share, "wilson") for share in np.linspace(0.005, 0.995, 199)]
    assert min(found) < 0.95
    assert np.mean(found) == pytest.approx(0.95, abs=0.01)


def test_the_script_prints_its_table(capsys, monkeypatch) -> None:
    few = ["coverage", "--repetitions", "3", "--resamples", "20", "--only", "two-way, AUC 0.97"]
    monkeypatch.setattr("sys.argv", few)
    main()
    shown = capsys.readouterr().out.splitlines()
    assert [line.split()[6] for line in shown[1:6]] == [
        "auc",
        "ap",
        "eer",
        "tpr@fpr=0.1",
        "tpr@fpr=0.01",
    ]
    assert "n =  50, clopper-pearson" in "\n".join(shown)


@pytest.mark.slow
@pytest.mark.parametrize("scenario", PROMISED, ids=named)
def test_the_auc_is_held_in_93_to_97_of_100(scenario) -> None:
    """200 videos a class and 40 groups at least; 2000 samples are off by .5 % by chance."""
    for found in cover(scenario, ["auc"], repetitions=2000, resamples=500):
        assert found.supported == 2000
        assert 0.93 <= found.held <= 0.97, found
