"""How often intervals hold the truth, on simulated scores whose truth is known.

    python -m unswap.experiments.metrics.coverage [--repetitions 1000] [--only NAME ...]

Real scores are normal with mean 0 and variance 1, those of manipulated videos with a mean above 0.
In groups, a part of the variance (the intraclass correlation) is shared by all videos of a group
and class, and half of that by its two classes. With persons, source and target each share a part.
Coverage by chance is off by about .7 % in 1000 repetitions.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import integrate, special, stats

from ...datasets.types import Float64, Int64
from .binomial import clopper_pearson, wilson
from .bootstrap import cluster_bootstrap
from .delong import delong_interval
from .intervals import Interval
from .statistics import parse_statistic

SHARED = 0.3  # intraclass correlation


@dataclass(frozen=True)
class Sample:
    """`labels`, `scores`: (n,). What to resample by: `groups` (n,), or `two_way`, or neither."""

    labels: Int64
    scores: Float64
    groups: Int64 | None = None
    two_way: tuple[Int64, Int64] | None = None


@dataclass(frozen=True)
class Scenario:
    """`name`: what is simulated. `draw`: a sample from a generator, of that true AUC."""

    name: str
    auc: float
    draw: Callable[[np.random.Generator], Sample]
    per_class: int


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


def shift_of(auc: float) -> float:
    """The manipulated videos' mean that gives this AUC: sqrt(2) Phi^-1(AUC)."""
    return float(np.sqrt(2) * special.ndtri(auc))


def truth(statistic: str, auc: float, share: float = 0.5) -> float:
    """The value of a measure over all videos that there could be.

    Args:
        statistic: `auc`, `ap`, `eer`, `tpr@fpr=...`, `tpr@threshold=...` and `fpr@threshold=...`.
        auc: of the two normal distributions.
        share: of manipulated videos, for `ap`.

    Raises:
        ValueError: another measure.

    >>> round(truth("eer", 0.9), 6), round(truth("auc", 0.9), 6)
    (0.182414, 0.9)
    """
    s, mean = parse_statistic(statistic), shift_of(auc)
    if s.kind == "auc":
        return auc
    if s.kind.startswith("eer"):
        return float(special.ndtr(-mean / 2))
    if s.kind == "tpr@fpr":
        return float(special.ndtr(mean - special.ndtri(1 - (s.at or 0))))
    if s.kind == "tpr@threshold":
        return float(special.ndtr(mean - (s.at or 0)))
    if s.kind == "fpr@threshold":
        return float(special.ndtr(-(s.at or 0)))
    if s.kind == "ap":

        def precision(t: float) -> float:
            tpr, fpr = special.ndtr(mean - t), special.ndtr(-t)
            return float(tpr * share / (tpr * share + fpr * (1 - share)) * stats.norm.pdf(t, mean))

        return float(integrate.quad(precision, -10, 10 + mean, limit=200)[0])
    raise ValueError(f"the truth of {statistic} is not known here")


def scenarios() -> Iterator[Scenario]:
    """What the table shows; the first ones are those that the promise is about."""
    for auc in (0.7, 0.9, 0.97):
        yield Scenario("independent, 200 a class", auc, _independent(auc, 200), 200)
        yield Scenario("40 groups with both classes", auc, _grouped(auc, 40, 5), 200)
        yield Scenario("40 groups of one class each", auc, _parted(auc, 20, 20, 10), 200)
        yield Scenario("40 groups of uneven size", auc, _uneven(auc, 40, 200), 200)
        yield Scenario("40 persons, two-way", auc, _persons(auc, 40, 200), 200)
    for auc in (0.9,):
        yield Scenario("independent, 1000 a class", auc, _independent(auc, 1000), 1000)
        yield Scenario("independent, 50 a class", auc, _independent(auc, 50), 50)
        yield Scenario("20 groups with both classes", auc, _grouped(auc, 20, 10), 200)
        yield Scenario("10 groups with both classes", auc, _grouped(auc, 10, 20), 200)
        yield Scenario("10 real groups, 30 manipulated", auc, _parted(auc, 10, 30, 10), 100)
        yield Scenario("5 real groups, 35 manipulated", auc, _parted(auc, 5, 35, 10), 50)
        yield Scenario("3 real groups, 37 manipulated", auc, _parted(auc, 3, 37, 10), 30)
        yield Scenario("15 persons, two-way", auc, _persons(auc, 15, 200), 200)


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
    makers = {
        "wilson": lambda k: wilson(k, n, level),
        "clopper-pearson": lambda k: clopper_pearson(k, n, level),
        "clopper-pearson upper": lambda k: clopper_pearson(k, n, level, one_sided=True),
    }
    if method not in makers:
        raise ValueError(f"expected a method of {sorted(makers)}, got {method!r}")
    bounds = [makers[method](k) for k in range(n + 1)]
    held = np.array([b.low <= share <= b.high for b in bounds])
    return float(stats.binom.pmf(np.arange(n + 1), n, share)[held].sum())


def _counted(
    scenario: Scenario, method: str, name: str, value: float, intervals: Sequence[Interval]
) -> Covered:
    ends = np.array([(i.low, i.high) for i in intervals if i.supported], dtype=np.float64)
    ends = ends.reshape(-1, 2)
    below, above = ends[:, 1] < value, ends[:, 0] > value
    mean = lambda x: float(np.mean(x)) if len(x) else float("nan")  # noqa: E731
    return Covered(
        f"{scenario.name}, AUC {scenario.auc:g}",
        method,
        name,
        value,
        mean(~below & ~above),
        mean(below),
        mean(above),
        mean(ends[:, 1] - ends[:, 0]),
        len(ends),
        len(intervals),
    )


def _labels(real: int, forged: int) -> Int64:
    return np.repeat([0, 1], [real, forged])


def _independent(auc: float, each: int) -> Callable[[np.random.Generator], Sample]:
    def draw(rng: np.random.Generator) -> Sample:
        labels = _labels(each, each)
        return Sample(labels, rng.normal(size=2 * each) + shift_of(auc) * labels)

    return draw


def _clustered(rng: np.random.Generator, auc: float, labels: Int64, groups: Int64) -> Sample:
    count = int(groups.max()) + 1
    both, apart = rng.normal(size=count), rng.normal(size=(2, count))
    level = np.sqrt(SHARED / 2) * (both[groups] + apart[labels, groups])
    own = np.sqrt(1 - SHARED) * rng.normal(size=len(labels))
    return Sample(labels, level + own + shift_of(auc) * labels, groups)


def _grouped(auc: float, count: int, each: int) -> Callable[[np.random.Generator], Sample]:
    def draw(rng: np.random.Generator) -> Sample:
        groups = np.tile(np.repeat(np.arange(count), each), 2)
        return _clustered(rng, auc, _labels(count * each, count * each), groups)

    return draw


def _parted(
    auc: float, real: int, forged: int, each: int
) -> Callable[[np.random.Generator], Sample]:
    def draw(rng: np.random.Generator) -> Sample:
        groups = np.repeat(np.arange(real + forged), each)
        return _clustered(rng, auc, _labels(real * each, forged * each), groups)

    return draw


def _uneven(auc: float, count: int, each: int) -> Callable[[np.random.Generator], Sample]:
    def draw(rng: np.random.Generator) -> Sample:
        size = rng.lognormal(0, 0.7, count)
        chosen = rng.choice(count, 2 * each, p=size / size.sum())
        groups = np.unique(chosen, return_inverse=True)[1]
        return _clustered(rng, auc, _labels(each, each), groups)

    return draw


def _persons(auc: float, count: int, each: int) -> Callable[[np.random.Generator], Sample]:
    def draw(rng: np.random.Generator) -> Sample:
        labels = _labels(each, each)
        target = np.tile(np.arange(count), 2 * each // count + 1)[: 2 * each]
        step = rng.integers(1, count, 2 * each)
        source = np.where(labels == 1, (target + step) % count, target)
        gives, takes, own = (rng.normal(size=count) for _ in range(3))
        part = np.sqrt(SHARED / 2)
        shared = np.where(
            labels == 1, part * (gives[source] + takes[target]), np.sqrt(SHARED) * own[target]
        )
        noise = np.sqrt(1 - SHARED) * rng.normal(size=2 * each)
        return Sample(labels, shared + noise + shift_of(auc) * labels, two_way=(source, target))

    return draw


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
