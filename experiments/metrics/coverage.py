"""How often intervals hold the truth, on simulated scores whose truth is known (`simulating`).

    python -m unswap.experiments.metrics.coverage [--repetitions 1000] [--only NAME ...]

Coverage is off by about .7 % by chance in 1000 repetitions.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import stats

from ...datasets.types import Float64
from .binomial import Bound, clopper_pearson, wilson
from .bootstrap import cluster_bootstrap
from .delong import delong_interval
from .intervals import Interval
from .simulating import Scenario, scenarios, truth


@dataclass(frozen=True)
class Covered:
    """`held`: share of intervals that held the truth. `below`, `above`: that lay below or above it.

    `width`: their mean. `supported`: how many of `repetitions` there were.
    """

    scenario: str
    method: str
    statistic: str
    truth: float
    held: float
    below: float
    above: float
    width: float
    supported: int
    repetitions: int


def cover(
    scenario: Scenario,
    statistics: Sequence[str],
    *,
    repetitions: int = 1000,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> list[Covered]:
    """Simulates, and counts how often each interval held the truth.

    Args:
        scenario: what is simulated.
        statistics: measures whose truth is known; with `auc`, DeLong's interval is tried as well.
        repetitions: samples.
        resamples: of each.
        seed: of samples and resamples.
        level: of the intervals.
    """
    tried: dict[tuple[str, str], list[Interval]] = {}
    share = 0.5
    for repetition in range(repetitions):
        sample = scenario.draw(np.random.default_rng([seed, repetition]))
        share = float(sample.labels.mean())
        found = cluster_bootstrap(
            statistics,
            sample.labels,
            sample.scores,
            groups=sample.groups,
            two_way=sample.two_way,
            seed=repetition,
            resamples=resamples,
            level=level,
        )
        for name, estimate in found.items():
            tried.setdefault(("bootstrap", name), []).append(estimate.interval)
        if "auc" in statistics and sample.two_way is None:
            interval = delong_interval(sample.labels, sample.scores, sample.groups, level=level)
            tried.setdefault(("DeLong", "auc"), []).append(interval)
    return [
        _counted(scenario, method, name, truth(name, scenario.auc, share), intervals)
        for (method, name), intervals in tried.items()
    ]


def binomial_coverage(n: int, share: float, method: str, level: float = 0.95) -> float:
    """Exactly how often an interval of a share holds it, over all outcomes.

    Args:
        n: videos.
        share: the truth.
        method: `wilson`, `clopper-pearson`, or `clopper-pearson upper` (one-sided).
        level: of the interval.

    Raises:
        ValueError: another method.

    >>> round(binomial_coverage(50, 0.02, "clopper-pearson"), 4)
    0.9822
    """
    low, high = _bounds(n, method, level)
    held = (low <= share) & (share <= high)
    return float(stats.binom.pmf(np.arange(n + 1), n, share)[held].sum())


@cache
def _bounds(n: int, method: str, level: float) -> tuple[Float64, Float64]:
    """The ends of the interval for each outcome from 0 to n."""
    makers: dict[str, Callable[[int], Bound]] = {
        "wilson": lambda k: wilson(k, n, level),
        "clopper-pearson": lambda k: clopper_pearson(k, n, level),
        "clopper-pearson upper": lambda k: clopper_pearson(k, n, level, one_sided=True),
    }
    if method not in makers:
        raise ValueError(f"expected a method of {sorted(makers)}, got {method!r}")
    bounds = [makers[method](k) for k in range(n + 1)]
    return np.array([b.low for b in bounds]), np.array([b.high for b in bounds])


def _counted(
    scenario: Scenario, method: str, name: str, value: float, intervals: Sequence[Interval]
) -> Covered:
    ends = np.array([(i.low, i.high) for i in intervals if i.supported], dtype=np.float64)
    low, high = ends.reshape(-1, 2).T
    missed = [float(np.mean(side)) if len(ends) else np.nan for side in (high < value, low > value)]
    return Covered(
        scenario=f"{scenario.name}, AUC {scenario.auc:g}",
        method=method,
        statistic=name,
        truth=value,
        held=1 - sum(missed),
        below=missed[0],
        above=missed[1],
        width=float(np.mean(high - low)) if len(ends) else np.nan,
        supported=len(ends),
        repetitions=len(intervals),
    )


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repetitions", type=int, default=1000)
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--statistics", nargs="+", default=["auc", "ap", "eer", "tpr@fpr=0.1", "tpr@fpr=0.01"]
    )
    parser.add_argument("--only", nargs="+", default=[""], help="parts of scenarios' names")
    options = parser.parse_args()
    head = ("scenario", "method", "measure", "truth", "held %", "below %", "above %", "width", "of")
    print("{:44} {:9} {:13} {:>6} {:>7} {:>8} {:>8} {:>6} {:>5}".format(*head), flush=True)
    for scenario in scenarios():
        if not any(part in f"{scenario.name}, AUC {scenario.auc:g}" for part in options.only):
            continue
        for c in cover(
            scenario,
            options.statistics,
            repetitions=options.repetitions,
            resamples=options.resamples,
            seed=options.seed,
        ):
            print(
                f"{c.scenario:44} {c.method:9} {c.statistic:13} {c.truth:6.3f} {100 * c.held:7.1f} "
                f"{100 * c.below:8.1f} {100 * c.above:8.1f} {c.width:6.3f} {c.supported:5}",
                flush=True,
            )
    print("\nbinomial bounds, 95 %: least coverage over shares .001 to .999")
    for n in (10, 50, 300):
        for method in ("clopper-pearson", "clopper-pearson upper", "wilson"):
            least = min(binomial_coverage(n, p, method) for p in np.linspace(0.001, 0.999, 499))
            print(f"n = {n:3}, {method:22} {100 * least:6.2f} %")


if __name__ == "__main__":
    main()
