"""How good a detector is on videos of the validation split: at video level, as scoring does it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object

from ....datasets.shards.torch_data import CropDataset, collate
from ....detectors.protocols import CropDetector
from ...metrics.precision import average_precision
from ...metrics.proper import log_loss
from ...metrics.ranking import auc
from ...metrics.summarise import aggregate
from .schema import METRICS


@dataclass(frozen=True)
class Measured:
    """The metrics of one validation by name, and the number of videos."""

    values: Mapping[str, float]
    real: int
    manipulated: int


class Validator:
    """Scores the items of a dataset and measures videos.

    Args:
        dataset: of the validation split; nothing in it is random.
        clips_per_track: at most so many of each track, spread evenly over it.
        batch_size: items that are scored at once.
        aggregation: of frames and tracks.
    """

    def __init__(
        self, dataset: CropDataset, clips_per_track: int, batch_size: int, aggregation: str
    ) -> None:
        self.dataset, self.batch_size, self.aggregation = dataset, batch_size, aggregation
        self.items = spread(dataset, clips_per_track)
        labels = dataset.labels[np.unique(dataset.video)]
        self.real, self.manipulated = int((labels == 0).sum()), int((labels == 1).sum())
        if not self.real or not self.manipulated:
            missing = "manipulated" if self.real else "real"
            raise ValueError(
                f"{dataset.crops.folder}: the validation split has no {missing} video, so it can't "
                "choose; prepare more, or set validation to null to train to the end"
            )

    def __call__(self, detector: CropDetector, accelerator: Accelerator) -> Measured:
        """Every process scores its share; all get the same answer."""
        mine = self.items[accelerator.process_index :: accelerator.num_processes]
        was_training = detector.training
        detector.eval()
        scores: list[tuple[int, float]] = []
        with torch.no_grad(), accelerator.autocast():
            for start in range(0, len(mine), self.batch_size):
                items = mine[start : start + self.batch_size]
                images = collate([self.dataset[i] for i in items])["image"]
                clips = images if self.dataset.clip_length is not None else images[:, None]
                logits = detector(clips.to(accelerator.device)).float().cpu().tolist()
                scores += zip(items, logits, strict=True)
        detector.train(was_training)
        return self._measure(sorted(gather_object(scores)))

    def _measure(self, scores: list[tuple[int, float]]) -> Measured:
        rows = self.dataset.starts[[item for item, _ in scores]]
        crops = self.dataset.crops
        logits = np.array([score for _, score in scores])
        if not np.isfinite(logits).all():
            raise FloatingPointError("some of the validation's logits are no numbers")
        found = aggregate(
            [str(v) for v in crops.video[rows]],
            [int(t) for t in crops.track[rows]],
            logits,
            aggregation=self.aggregation,
        )
        labels = self.dataset.labels[[int(v) for v in found.video]]
        chances = 1 / (1 + np.exp(-np.clip(found.scores, -30, 30)))  # beyond, they round to 0 and 1
        values = {
            "auc": auc(labels, found.scores),
            "average_precision": average_precision(labels, found.scores),
            "log_loss": log_loss(labels, chances),
        }
        assert values.keys() == METRICS.keys()
        return Measured(values, self.real, self.manipulated)


def spread(dataset: CropDataset, most: int) -> list[int]:
    """At most `most` items of each track, evenly from its first to its last."""
    crops = dataset.crops
    tracks = np.stack([crops.video[dataset.starts], crops.track[dataset.starts]], axis=1)
    changes = np.flatnonzero((np.diff(tracks, axis=0) != 0).any(axis=1)) + 1
    out: list[int] = []
    for items in np.split(np.arange(len(tracks)), changes):
        if len(items) > most:
            items = items[np.rint(np.linspace(0, len(items) - 1, most)).astype(int)]
        out += items.tolist()
    return out
