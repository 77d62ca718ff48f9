"""Scores of real and manipulated videos from distributions that are known, and so the truth.

Real scores are normal with mean 0 and variance 1, those of manipulated videos with a mean above 0.
In groups, a part of the variance (the intraclass correlation) is shared by all videos of a group
and class, and half of that by its two classes. With persons, source and target each share a part.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy import integrate, special, stats

from ...datasets.types import Float64, Int64
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
    (0.182417, 0.9)
    """
    s, mean = parse_statistic(statistic), shift_of(auc)
    if s.kind == "auc":
        return auc
    if s.kind.startswith("eer"):
        return float(special.ndtr(-mean / 2))
    if s.kind == "tpr@fpr":
        return float(special.ndtr(mean - special.ndtri(1 - s.number)))
    if s.kind == "tpr@threshold":
        return float(special.ndtr(mean - s.number))
    if s.kind == "fpr@threshold":
        return float(special.ndtr(-s.number))
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
