"""Detectors on prepared clips: by forgery and condition, with intervals over people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ....datasets.shards.reader import PreparedCrops
from ....datasets.shards.torch_data import CropDataset, collate
from ....datasets.types import Float64
from ....detectors.checkpoints import load_checkpoint
from ....detectors.protocols import CropDetector
from ...metrics.bootstrap import cluster_bootstrap
from ...metrics.comparing import paired_cluster_bootstrap
from ...metrics.summarise import aggregate

_BATCH = 32


@dataclass(frozen=True)
class Scored:
    """Videos and what detectors say of them: the manifest's columns and `film`, whether it was
    filmed; `logits` (V,) by detector.

    `unscored`: clips in which no face was found: no detector has a number for them.
    """

    rows: tuple[dict[str, Any], ...]
    logits: Mapping[str, Float64]
    unscored: int

    @property
    def labels(self) -> Float64:
        """(V,) 0 genuine, 1 forged."""
        return np.array([r["label"] for r in self.rows], dtype=np.float64)

    def where(self, **wanted: Any) -> NDArray[np.bool_]:
        """(V,) bool: rows with these values; several in a tuple; `method=None` is genuine."""
        out = np.ones(len(self.rows), dtype=bool)
        for name, value in wanted.items():
            values = value if isinstance(value, tuple) else (value,)
            out &= np.array([row[name] in values for row in self.rows])
        return out


def score_crops(
    detectors: Mapping[str, Path],
    folder: Path,
    *,
    margins: Sequence[float] = (),
    flip: bool = False,
) -> Scored:
    """Every video's logit by every detector.

    Args:
        detectors: checkpoints by name.
        folder: prepared crops.
        margins: of the crops, averaged over; the detector's own where none is given.
        flip: average with the mirrored crop.
    """
    store = PreparedCrops(folder)
    rows = store.videos.to_pylist()
    with_crops = np.unique(store.video)
    logits: dict[str, Float64] = {}
    for name, path in detectors.items():
        checkpoint = load_checkpoint(path)
        scores = np.full(len(rows), np.nan)
        own = checkpoint.detector.crop_spec
        frames: list[Float64] = []
        for margin in margins or (own.margin,):
            dataset = CropDataset(store, replace(own, margin=margin))
            frames.append(_frames(checkpoint.detector, dataset, flip))
        mean = np.mean(frames, axis=0)
        found = aggregate(
            [str(v) for v in store.video[dataset.starts]],
            [int(t) for t in store.track[dataset.starts]],
            mean,
            aggregation=checkpoint.aggregation,
        )
        scores[[int(v) for v in found.video]] = found.scores
        logits[name] = scores[with_crops]
    kept = []
    for v in with_crops.tolist():
        row = rows[v]
        kept.append({**row, "film": not str(row["group"]).startswith("p")})
    return Scored(tuple(kept), logits, len(rows) - len(kept))


def _frames(detector: CropDetector, dataset: CropDataset, flip: bool) -> Float64:
    """(n,) logits of the items."""
    out: list[float] = []
    with torch.inference_mode():
        for start in range(0, len(dataset), _BATCH):
            items = [dataset[i] for i in range(start, min(start + _BATCH, len(dataset)))]
            clips = collate(items)["image"][:, None]
            clips = clips.contiguous()
            logits = detector(clips)
            if flip:
                logits = (logits + detector(clips.flip(-1))) / 2
            out += logits.tolist()
    return np.array(out)


def auc_with_interval(
    scored: Scored, name: str, chosen: NDArray[np.bool_], seed: int = 0
) -> tuple[float, tuple[float, float] | None]:
    """A detector's AUC on the chosen videos; its 95 % interval, people resampled, where there is one."""
    found = cluster_bootstrap(
        ["auc"],
        scored.labels[chosen].astype(int),
        scored.logits[name][chosen],
        groups=groups_of(scored, chosen),
        seed=seed,
    )["auc"]
    low, high = found.interval.low, found.interval.high
    return found.value, None if low is None or high is None else (low, high)


def difference(
    scored: Scored, first: str, second: str, chosen: NDArray[np.bool_], seed: int = 0
) -> tuple[float, tuple[float, float] | None]:
    """The AUC of one detector less another's, and its 95 % interval where there is one: people
    resampled, both on the same resamples."""
    found = paired_cluster_bootstrap(
        "auc",
        scored.labels[chosen].astype(int),
        {name: scored.logits[name][chosen] for name in (first, second)},
        groups=groups_of(scored, chosen),
        seed=seed,
    )
    (only,) = found.differences
    sign = 1 if only.first == first else -1
    low, high = only.interval.low, only.interval.high
    if low is None or high is None:
        return sign * only.value, None
    return sign * only.value, (min(sign * low, sign * high), max(sign * low, sign * high))


def groups_of(scored: Scored, chosen: NDArray[np.bool_]) -> list[str]:
    """The people of the chosen videos."""
    return [str(r["group"]) for r, c in zip(scored.rows, chosen, strict=True) if c]
