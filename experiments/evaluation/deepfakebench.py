"""Results as DeepfakeBench's `get_test_metrics` gives them: read, and written, as JSON.

The form: `{dataset: {acc, auc, eer, ap, video_auc, pred: [...], label: [...]}}`. Its own tools keep it
in memory or pickle it; no pickle is read here. `image`, the list of frames that its data set object
has beside the results, is needed to know whose the predictions are.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from ..metrics.ranking import auc

METRIC_KEYS = ("acc", "auc", "eer", "ap", "video_auc")
_AGGREGATION = "mean-probability"


def looks_like_results(document: object) -> bool:
    """Whether a JSON document has this form."""
    return (
        isinstance(document, dict)
        and bool(document)
        and all(isinstance(v, dict) and "pred" in v for v in document.values())
    )


def rows_of_results(
    document: Mapping[str, Mapping[str, Any]], detector: str
) -> dict[str, list[Any]]:
    """The columns of a scores table, a row a video: the mean of its frames' probabilities.

    A video is named by its frames' whole folder; DeepfakeBench's own video-level AUC goes by the
    folder's last name alone, which merges videos of the same name.

    Raises:
        ValueError: no `image` list, lists of different lengths, frames of one folder with
            different labels.
    """
    rows: dict[str, list[Any]] = {
        name: [] for name in ("video_id", "detector", "score", "score_kind", "aggregation")
    }
    for dataset, result in document.items():
        images = result.get("image")
        if images is None:
            raise ValueError(
                f"{dataset}: no list 'image': without the frames' paths nobody can tell whose the "
                "predictions are; add the data set's image list to the results"
            )
        pred, label = list(result["pred"]), list(result.get("label") or ())
        if not len(images) == len(pred) == len(label):
            raise ValueError(
                f"{dataset}: expected as many images as predictions and labels, got {len(images)}, "
                f"{len(pred)} and {len(label)}"
            )
        frames: dict[str, list[float]] = {}
        said: dict[str, Any] = {}
        for image, value, its in zip(images, pred, label, strict=True):
            folder = str(PurePosixPath(str(image).replace("\\", "/")).parent)
            if said.setdefault(folder, its) != its:
                raise ValueError(f"{dataset}: {folder}: its frames have the labels 0 and 1")
            frames.setdefault(folder, []).append(float(value))
        for folder, values in frames.items():
            rows["video_id"].append(folder)
            rows["detector"].append(detector)
            rows["score"].append(float(np.mean(values)))
            rows["score_kind"].append("probability")
            rows["aggregation"].append(_AGGREGATION)
    return rows


def match_ids(folders: Sequence[str], ids: Sequence[str]) -> list[str]:
    """Which of a manifest's ids each folder of frames means: the one with the longest common ending.

    `.../FaceForensics++/manipulated_sequences/Deepfakes/c23/frames/000_003` is
    `faceforensics++/Deepfakes/c23/000_003`: the last part must be equal, and of several the one
    is meant whose other parts all occur in the folder's path.

    Raises:
        ValueError: a folder that means no id, or several.

    >>> match_ids(["x/Deepfakes/c23/frames/000_003"], ["b/Deepfakes/c23/000_003", "b/real/c23/000"])
    ['b/Deepfakes/c23/000_003']
    """
    by_name: dict[str, list[str]] = {}
    for name in ids:
        by_name.setdefault(PurePosixPath(name).name, []).append(name)
    out = []
    for folder in folders:
        parts = {part.lower() for part in PurePosixPath(folder).parts}
        candidates = by_name.get(PurePosixPath(folder).name, [])
        scores = {
            name: sum(part.lower() in parts for part in PurePosixPath(name).parts)
            for name in candidates
        }
        best = [name for name, value in scores.items() if value == max(scores.values())]
        if len(best) != 1:
            found = "no video" if not best else f"several videos ({', '.join(best[:3])})"
            raise ValueError(f"the frames of {folder!r} mean {found} of the manifest")
        out.append(best[0])
    twice = [name for name, count in Counter(out).items() if count > 1]
    if twice:
        raise ValueError(f"several folders of frames mean the video {twice[0]!r}")
    return out


def results_of(
    name: str,
    labels: Sequence[int],
    probabilities: Sequence[float],
    ids: Sequence[str],
    eer: float,
    ap: float,
) -> dict[str, dict[str, Any]]:
    """One data set's results in this form, at video level: `auc` and `video_auc` are the same.

    `acc` is at .5, as DeepfakeBench has it. `pred` must be probabilities for that.
    """  # fmt: skip
    pred, label = np.asarray(probabilities), np.asarray(labels)
    value = auc(label, pred)
    return {
        name: {
            "acc": float(np.mean((pred > 0.5) == (label == 1))),
            "auc": value,
            "eer": eer,
            "ap": ap,
            "video_auc": value,
            "pred": [float(p) for p in pred],
            "label": [int(v) for v in label],
            "image": list(ids),
        }
    }
