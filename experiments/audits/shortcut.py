"""The shortcut audit: how well the file alone, without a look at any picture, gives away a fake."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...datasets.manifests import Manifest
from ...datasets.types import Float64, Int64, VideoInfo
from ..metrics.ranking import Interval, clustered_auc_interval, stratified_auc
from .files import FileFacts
from .findings import Finding, finding

LIMIT = 0.60  # an interval that lies above it: the file alone tells
MIN_VIDEOS = 40
MIN_OF_A_CLASS = 10
FOLDS = 5
NUMBERS = (
    "width",
    "height",
    "frames per second",
    "duration",
    "bits per second",
    "bits per pixel",
)
WORDS = ("codec", "container", "pixel format")
FEATURES = (*NUMBERS, *WORDS)


@dataclass(frozen=True)
class Examined:
    """How well real and manipulated videos were told apart by their files.

    `what`: which videos. `real`, `fake`: how many. `auc`, `interval`: None where not examined, and
    `reason` says why.
    """

    what: str
    real: int
    fake: int
    auc: float | None = None
    interval: Interval | None = None
    reason: str = ""

    @property
    def tells(self) -> bool:
        """Whether it was shown that the file alone tells real from fake."""
        return self.interval is not None and (self.interval.low or 0) > LIMIT

    def words(self) -> str:
        """In one line."""
        if self.auc is None or self.interval is None:
            return f"{self.what}: not examined: {self.reason}"
        span = (
            f"[{self.interval.low:.3f}, {self.interval.high:.3f}]"
            if self.interval.supported
            else f"no interval: {self.interval.reason}"
        )
        return f"{self.what}: AUC {self.auc:.3f} {span}, {self.real} real, {self.fake} fake"

    def to_dict(self) -> dict[str, Any]:
        """As in JSON output."""
        return {**self.__dict__, "interval": self.interval.to_dict() if self.interval else None}


@dataclass(frozen=True)
class Shortcut:
    """The audit's result.

    `overall`: all manipulated videos against all real ones. `by_method`: each method within each
    compression. `by_feature`: AUC of each feature alone, overall, highest first; no intervals.
    `left_out`: videos whose files can't be read.
    """

    overall: Examined
    by_method: tuple[Examined, ...] = ()
    by_feature: Mapping[str, float] = field(default_factory=dict)
    left_out: int = 0

    def to_dict(self) -> dict[str, Any]:
        """As in JSON output."""
        return {
            "overall": self.overall.to_dict(),
            "by_method": [examined.to_dict() for examined in self.by_method],
            "by_feature": dict(self.by_feature),
            "left_out": self.left_out,
            "limit": LIMIT,
        }


def examine(manifest: Manifest, facts: Sequence[FileFacts], *, seed: int) -> Shortcut:
    """Learns to tell fakes by codec, size, rate, duration, bitrate, container and pixel format.

    The classifier is one of boosted trees on histograms (Ke et al., "LightGBM", NeurIPS 2017;
    scikit-learn's): it takes thresholds, their combinations and names of codecs as they are, needs
    no scaling, and does for 40 videos (with smaller leaves) as for 100,000 in seconds. Videos of
    one group are never in training and test at once. Each fold has its own model, whose scores
    can't be compared with another's; the AUC is therefore over the pairs within a fold, pooled.
    The interval resamples groups; it does not cover that other videos would have trained other
    models.

    Each feature alone goes through the same cross-validation: which direction means fake is
    learned on the training folds, so that a useless feature gives about 0.5 and may lie below.

    Args:
        manifest: labels, methods, compressions, groups.
        facts: of the same rows, in the same order.
        seed: of folds, models and resamples; the rows' order does not matter.
    """
    names = manifest.column("video_id")
    if [fact.video_id for fact in facts] != names:
        raise ValueError(f"expected facts of the manifest's {len(names)} rows, got {len(facts)}")
    pairs = [
        (row, fact.info)
        for row, fact in zip(manifest.rows(), facts, strict=True)
        if fact.info is not None
    ]
    pairs.sort(key=lambda pair: str(pair[0]["video_id"]))
    rows = [row for row, _ in pairs]
    sample = _Sample(
        _table([info for _, info in pairs]),
        np.array([row["label"] for row in rows], dtype=np.int64),
        np.array([_cluster(row) for row in rows], dtype=np.str_),
    )
    overall = _examined("all", sample, seed)
    alone: dict[str, float] = {}
    if overall.auc is not None:
        folds = _folds(sample, seed)
        for number, name in enumerate(FEATURES):
            scores = _scores(sample, folds, seed, [number])
            alone[name] = stratified_auc(sample.labels, scores, folds)
    return Shortcut(
        overall,
        tuple(_examined(what, sample.only(keep), seed) for what, keep in _by_method(rows).items()),
        dict(sorted(alone.items(), key=lambda item: -item[1])),
        len(facts) - len(pairs),
    )


def shortcut_findings(result: Shortcut) -> list[Finding]:
    """Wrong where an interval lies above `LIMIT`, overall or for a method."""
    told = [e.words() for e in (result.overall, *result.by_method) if e.tells]
    best = next(iter(result.by_feature.items()), None)
    hint = f"; most by its {best[0]} (alone: {best[1]:.3f})" if best and best[1] > LIMIT else ""
    what = f"the file alone tells real from fake, without a look at the pictures{hint}"
    return finding("shortcut", "wrong", what, told)


@dataclass(frozen=True)
class _Sample:
    """`table`: (n, features); words as numbers. `labels`, `clusters`: (n,)."""

    table: Float64
    labels: Int64
    clusters: "np.ndarray[Any, np.dtype[np.str_]]"

    def only(self, keep: Sequence[int]) -> "_Sample":
        return _Sample(self.table[keep], self.labels[keep], self.clusters[keep])


def _table(infos: Sequence[VideoInfo]) -> Float64:
    """(n, features); nothing in a probed file can be missing."""
    numbers = [
        (
            info.width,
            info.height,
            info.fps,
            info.duration_seconds,
            8 * info.bytes / info.duration_seconds,
            8 * info.bytes / (info.width * info.height * info.num_frames),
        )
        for info in infos
    ]
    words = np.array([(i.codec, i.container, i.pixel_format) for i in infos], dtype=np.str_)
    columns = (
        [np.unique(words[:, k], return_inverse=True)[1] for k in range(len(WORDS))] if infos else []
    )
    table = np.empty((len(infos), len(FEATURES)), dtype=np.float64)
    if infos:
        table[:, : len(NUMBERS)] = numbers
        table[:, len(NUMBERS) :] = np.stack(columns, axis=1)
    return table


def _cluster(row: Mapping[str, Any]) -> str:
    """What must not be parted: the group, or else a video and what was made from it."""
    return f"g {row['group']}" if row["group"] else f"v {row['original'] or row['video_id']}"


def _by_method(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[int]]:
    """Places of a method's videos and of the real ones in the same compression."""
    kinds = sorted(
        {(str(r["method"] or "no method named"), r["compression"]) for r in rows if r["label"]},
        key=lambda kind: (kind[0], kind[1] or ""),
    )
    return {
        f"{method}, {compression}" if compression else method: [
            place
            for place, row in enumerate(rows)
            if row["compression"] == compression
            and (row["label"] == 0 or (row["method"] or "no method named") == method)
        ]
        for method, compression in kinds
    }


def _examined(what: str, sample: _Sample, seed: int) -> Examined:
    fake = int(sample.labels.sum())
    real = len(sample.labels) - fake
    clusters = [len(set(sample.clusters[sample.labels == label])) for label in (0, 1)]
    reason = ""
    if real + fake < MIN_VIDEOS or min(real, fake) < MIN_OF_A_CLASS:
        reason = (
            f"{real} real and {fake} fake videos can be read, and it takes {MIN_VIDEOS}, "
            f"with {MIN_OF_A_CLASS} of each"
        )
    elif min(clusters) < 2:
        reason = "all real or all fake videos are of one group, which can't be parted"
    if reason:
        return Examined(what, real, fake, reason=reason)
    folds = _folds(sample, seed)
    scores = _scores(sample, folds, seed, range(len(FEATURES)))
    try:
        value = stratified_auc(sample.labels, scores, folds)
    except ValueError:
        reason = "the groups hold either real or fake videos and can't be dealt to folds with both"
        return Examined(what, real, fake, reason=reason)
    interval = clustered_auc_interval(
        sample.labels, scores, sample.clusters.tolist(), seed=seed, strata=folds
    )
    return Examined(what, real, fake, value, interval)


def _folds(sample: _Sample, seed: int) -> Int64:
    """(n,) each video's fold: groups whole, the share of fakes about the same in each."""
    from sklearn.model_selection import StratifiedGroupKFold

    clusters = [len(set(sample.clusters[sample.labels == label])) for label in (0, 1)]
    splitter = StratifiedGroupKFold(min(FOLDS, *clusters), shuffle=True, random_state=seed)
    folds = np.zeros(len(sample.labels), dtype=np.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # few groups: told by the missing interval
        for number, (_, test) in enumerate(
            splitter.split(sample.table, sample.labels, sample.clusters)
        ):
            folds[test] = number
    return folds


def _scores(sample: _Sample, folds: Int64, seed: int, features: Sequence[int]) -> Float64:
    """(n,) each video's score by the model that was not trained on its fold."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    table = sample.table[:, list(features)]
    words = [number >= len(NUMBERS) for number in features]
    scores = np.zeros(len(folds), dtype=np.float64)
    for fold in np.unique(folds):
        test = folds == fold
        train = ~test
        if len(np.unique(sample.labels[train])) < 2:
            continue  # nothing to learn from: all of the fold tie
        model = HistGradientBoostingClassifier(
            max_iter=50,
            max_leaf_nodes=15,
            min_samples_leaf=int(np.clip(train.sum() // 10, 3, 20)),
            categorical_features=words,
            early_stopping=False,
            random_state=seed,
        )
        model.fit(table[train], sample.labels[train])
        scores[test] = model.decision_function(table[test])
    return scores
