"""Resampling, against a loop around scikit-learn; and ranking many detectors.

`loop`      AUC, AP, EER and TPR at FPR .1, .01, .001 of 2000 resamples of 100 000 scores: by groups,
            and by videos; the loop (with the nearest-threshold EER, which is less work than the
            hull's) is timed on some resamples and scaled. Peak memory of a process that does
            the first alone.
`ranking`   20 detectors, all pairs, by AUC with 2000 resamples of groups, from 10^3 to 10^6 videos;
            for 10^6 the resampling is timed on a twentieth and scaled. And by DeLong.
"""

import argparse
import json
import subprocess
import sys
from functools import partial
from itertools import pairwise

import numpy as np

from ...datasets.types import Float64, Int64
from ..metrics.bootstrap import cluster_bootstrap
from ..metrics.comparing import paired_cluster_bootstrap
from ..metrics.delong import auc_covariance
from .timing import peak_mib, say, timed

MEASURES = ("loop", "ranking")
STATISTICS = ("auc", "ap", "eer", "tpr@fpr=0.1", "tpr@fpr=0.01", "tpr@fpr=0.001")
VIDEOS, GROUPS, RESAMPLES, DETECTORS = 100_000, 1000, 2000, 20


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `speed metrics`."""
    parser.add_argument("--only", nargs="+", choices=MEASURES, default=list(MEASURES))
    parser.add_argument("--repeats", type=int, default=5, help="of `loop`, side by side")


def measure(options: argparse.Namespace) -> None:
    """Measures what is asked for, and prints one line each."""
    if "loop" in options.only:
        loop(options.repeats)
    if "ranking" in options.only:
        ranking()


def loop(repeats: int) -> None:
    """Prints the loop's time over ours, and the peak memory."""
    labels, scores, groups = _sample(VIDEOS, GROUPS)
    _by_loop(labels, scores, [np.arange(VIDEOS)], 1, 0)  # imports what it needs
    for what, given in (("groups", groups), ("videos", np.arange(VIDEOS))):
        places = np.split(np.argsort(given, kind="stable"), np.cumsum(np.bincount(given))[:-1])
        resampled = None if what == "videos" else given
        ours = partial(
            cluster_bootstrap, STATISTICS, labels, scores, groups=resampled, seed=0
        )  # with the sorting and the values on the videos as they are
        ratios = []
        for repeat in range(repeats):
            theirs, _ = timed(partial(_by_loop, labels, scores, places, 5, repeat))
            fast, _ = timed(partial(ours, resamples=RESAMPLES))
            ratios.append(theirs / 5 * RESAMPLES / fast)
            print(f"  by {what}: loop {theirs / 5 * RESAMPLES:.0f} s (scaled), ours {fast:.2f} s")
        wanted = "at least 100" if what == "groups" else "(no promise)"
        say(f"loop: scikit-learn's loop / ours, {len(places)} {what}", ratios, wanted)
    command = [sys.executable, "-c", f"from {__name__} import solo; solo()"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout.splitlines()[-1])
    print(
        f"memory: peak {answer['peak']:.0f} MiB, of which {answer['before']:.0f} before resampling "
        "began; wanted under 1024"
    )


def solo() -> None:
    """Prints the peak memory of this process, which should do nothing else."""
    labels, scores, groups = _sample(VIDEOS, GROUPS)
    before = peak_mib()
    cluster_bootstrap(STATISTICS, labels, scores, groups=groups, seed=0, resamples=RESAMPLES)
    print(json.dumps({"before": before, "peak": peak_mib()}))


def ranking() -> None:
    """Prints the time of ranking, and how it grows."""
    seconds = []
    for videos in (10**3, 10**4, 10**5, 10**6):
        groups = min(GROUPS, videos // 10)
        labels, hard, names = _sample(videos, groups)
        rng = np.random.default_rng(1)
        scores = {
            f"detector {k:02}": hard + rng.normal(0, 1, videos) + 0.05 * k * labels
            for k in range(DETECTORS)
        }
        part = RESAMPLES if videos < 10**6 else RESAMPLES // 20
        run = partial(paired_cluster_bootstrap, "auc", labels, scores, groups=names, seed=0)
        least, _ = timed(partial(run, resamples=2))  # sorting, and the values as they are
        whole, found = timed(partial(run, resamples=part))
        total = least + max(0.0, whole - least) * RESAMPLES / part
        delong, _ = timed(partial(auc_covariance, labels, np.stack([*scores.values()]), names))
        seconds.append(total)
        open_ = sum(r.high > r.low for r in found.ranks.values())
        print(
            f"  {videos:>9,} videos, {groups} groups: {total:.2f} s for "
            f"{len(found.differences)} pairs"
            f"{'' if part == RESAMPLES else ' (scaled)'}, by DeLong {delong:.2f} s; "
            f"{open_} of {DETECTORS} ranks open"
        )
    grows = ", ".join(f"{b / a:.1f}" for a, b in pairwise(seconds))
    print(f"ranking: time grows by {grows} for ten times the videos; peak {peak_mib():.0f} MiB")


def _sample(videos: int, groups: int) -> tuple[Int64, Float64, Int64]:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, videos)
    names = rng.integers(0, groups, videos)
    names[:groups] = np.arange(groups)
    return labels, rng.normal(0, 1, videos) + 1.5 * labels, names


def _by_loop(
    labels: Int64, scores: Float64, places: list[Int64], resamples: int, seed: int
) -> Float64:
    """What one writes first: draw groups, gather their videos, ask scikit-learn."""
    from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

    rng = np.random.default_rng(seed)
    out = np.empty((resamples, 6))
    for k in range(resamples):
        drawn = np.concatenate([places[g] for g in rng.integers(0, len(places), len(places))])
        y, x = labels[drawn], scores[drawn]
        fpr, tpr, _ = roc_curve(y, x)
        out[k, :3] = (
            roc_auc_score(y, x),
            average_precision_score(y, x),
            fpr[np.argmin(np.abs(fpr - (1 - tpr)))],
        )
        out[k, 3:] = [tpr[np.searchsorted(fpr, at, side="right") - 1] for at in (0.1, 0.01, 0.001)]
    return out
