"""Which of several detectors is better on the same videos, and whether that is certain."""

from collections.abc import Mapping, Sequence

import numpy as np

from ..metrics.comparing import McNemar, mcnemar_of, paired_cluster_bootstrap
from ..metrics.delong import delong_paired
from .joining import Run, Videos
from .measuring import Settings, clusters
from .policies import Policy, Scored, Scoring, apply_scoring
from .ranking_results import Pair, Place, Ranking
from .thresholds import Threshold


def rank_runs(
    runs: Sequence[Run],
    videos: Videos,
    scoring: Scoring,
    policy: Policy | None,
    thresholds: Mapping[str, Sequence[Threshold]],
    settings: Settings,
) -> Ranking:
    """Ranks detectors under one condition by AUC, on the videos that count for every one of them.

    Args:
        runs: at least two, of different detectors and one condition.
        videos: theirs.
        scoring, policy: what failures count as.
        thresholds: by detector, in the same order of rules for each.
        settings: of the intervals; all detectors are held against each other on the same resamples.

    Raises:
        ValueError: fewer than two runs, several conditions, a detector that stands twice.
    """
    names = [run.detector for run in runs]
    conditions = sorted({run.condition for run in runs})
    if len(runs) < 2 or len(conditions) != 1 or len(set(names)) != len(names):
        raise ValueError(
            f"expected two or more different detectors under one condition, got {names} under {conditions}"
        )
    scored = [apply_scoring(run, videos.labels, scoring, policy) for run in runs]
    known = [s for s in scored if s is not None]
    if len(known) < len(runs):
        return Ranking(conditions[0], scoring, 0, (), (), "no policy is stated for failures")
    keep = np.logical_and.reduce([s.keep for s in known])
    labels = videos.labels[keep]
    if len(np.unique(labels)) < 2:
        reason = "the videos that count for every detector are of one class only"
        return Ranking(conditions[0], scoring, int(keep.sum()), (), (), reason)
    ranks = {name: s.ranks[keep] for name, s in zip(names, known, strict=True)}
    found = paired_cluster_bootstrap(
        "auc",
        labels,
        ranks,
        **clusters(videos, keep),
        seed=settings.seed,
        resamples=settings.resamples,
        level=settings.level,
    )
    right = {
        name: _right(run, videos, s, thresholds.get(name, ()))
        for name, run, s in zip(names, runs, known, strict=True)
    }
    pairs = []
    for d in found.differences:
        tests: dict[str, McNemar] = {}
        for rule in right[d.first]:
            if rule in right[d.second]:
                tests[rule] = mcnemar_of(right[d.first][rule][keep], right[d.second][rule][keep])
        delong = delong_paired(labels, ranks[d.first], ranks[d.second], level=settings.level)
        pairs.append(Pair(d.first, d.second, d.value, d.interval, d.p, d.p_holm, delong.p, tests))
    ordered = sorted(found.estimates.items(), key=lambda item: (-item[1].value, item[0]))
    places = []
    for position, (name, estimate) in enumerate(ordered, 1):
        its = found.ranks.get(name)
        places.append(
            Place(
                name, estimate.value, position, its.low if its else None, its.high if its else None
            )
        )
    return Ranking(conditions[0], scoring, int(keep.sum()), tuple(places), tuple(pairs))


def _right(
    run: Run, videos: Videos, scored: Scored, thresholds: Sequence[Threshold]
) -> dict[str, np.ndarray]:
    """By rule, (n,) whether the decision at the threshold was right."""
    return {str(t.rule): scored.called(run, t.value) == (videos.labels == 1) for t in thresholds}
