"""Frame and track scores beside a table of scores: their own AUCs, and the faces' size."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...datasets.manifests import BadManifest, read_table
from ...datasets.types import Float64, Int64
from ..metrics.delong import delong_interval
from ..metrics.ranking import auc
from ..scoring.tables import frames_path
from .joining import Run, Videos
from .results import Figure
from .score_tables import BadScores, Strings

_NEEDED = ("video_id", "condition", "detector", "track_id", "score")
LEVELS = ("frame", "track")


@dataclass(frozen=True)
class FrameTable:
    """Rows of the frames table, n of them. `face_size`: longer side of the box, NaN where unknown.

    `track_score`: (n,) of the frame's track; NaN where unknown. `key`: (n,) detector and condition.
    """

    source: str
    video_id: Strings
    key: Strings
    track_id: Int64
    score: Float64
    track_score: Float64
    face_size: Float64

    @classmethod
    def beside(cls, scores: Path) -> "FrameTable | None":
        """The frames of a table of scores, where there are any: `s.parquet` -> `s.frames.parquet`.

        Raises:
            BadScores: it is there, and can't be read.
        """
        path = frames_path(scores)
        if scores.suffix.lower() == ".json" or not path.exists():
            return None
        try:
            table = read_table(path)
        except BadManifest as error:
            if "no rows" in str(error):
                return None
            raise BadScores(str(error)) from None
        missing = [name for name in _NEEDED if name not in table.column_names]
        if missing:
            raise BadScores(f"{path}: not a table of frames: no column {', '.join(missing)}")
        columns = {name: table.column(name).to_pylist() for name in table.column_names}
        keys = zip(columns["detector"], columns["condition"], strict=True)
        return cls(
            source=str(path),
            video_id=np.array(columns["video_id"], dtype=np.object_),
            key=np.array([_key(d, c) for d, c in keys], dtype=np.object_),
            track_id=np.array(columns["track_id"]).astype(np.int64),
            score=_floats(columns["score"], "score", path),
            track_score=_floats(columns.get("track_score", [None] * table.num_rows), "", path),
            face_size=np.array([_size(box) for box in columns.get("box_xyxy", [])] or
                               [np.nan] * table.num_rows),
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.video_id)


def _key(detector: str, condition: str) -> str:
    """What a detector's frames and scores have in common: its hash, whatever it is called."""
    name, at, sha256 = str(detector).partition("@")
    return f"{sha256 if at else name}\0{condition}"


def _floats(values: Sequence[Any], name: str, path: Path) -> Float64:
    try:
        out = np.array([np.nan if v in (None, "") else float(v) for v in values])
    except ValueError as error:
        raise BadScores(f"{path}: {error}") from None
    if name and not np.isfinite(out).all():
        row = int(np.flatnonzero(~np.isfinite(out))[0]) + 1
        raise BadScores(f"{path}: row {row}: expected a finite {name}")
    return out


def _size(box: Any) -> float:
    """The longer side of a box: a list, or a list written as text; NaN without one."""
    values = [float(v) for v in box.strip("[]").split(",")] if isinstance(box, str) else box
    if not values or len(values) != 4:
        return float("nan")
    return max(values[2] - values[0], values[3] - values[1])


def face_sizes(frames: FrameTable, videos: Videos) -> list[float | None]:
    """Each video's median face size in pixels, over the frames that have a box; None without one."""
    known = np.isfinite(frames.face_size)
    by_video: dict[str, list[float]] = {}
    for name, size in zip(frames.video_id[known], frames.face_size[known], strict=True):
        by_video.setdefault(name, []).append(float(size))
    return [
        float(np.median(by_video[name])) if name in by_video else None
        for name in videos.ids.tolist()
    ]


def level_figures(
    frames: FrameTable, run: Run, videos: Videos, level: float
) -> Mapping[str, Figure]:
    """AUC over frames and over tracks, each with its video's label; intervals by groups, no resampling.

    In a manipulated video every frame and every person counts as manipulated, which need not be so:
    these stand beside papers' numbers, and no conclusion is drawn from them.
    """
    place = {name: i for i, name in enumerate(videos.ids.tolist())}
    rows = np.flatnonzero(frames.key == _key(run.detector, run.condition))
    rows = rows[[name in place for name in frames.video_id[rows]]]
    if not len(rows):
        return {}
    at = np.array([place[name] for name in frames.video_id[rows]])
    out = {"frame": _figure(videos, at, frames.score[rows], level)}
    tracks, first = np.unique(np.stack([at, frames.track_id[rows]]), axis=1, return_index=True)
    values = frames.track_score[rows][first]
    if np.isfinite(values).all():
        out["track"] = _figure(videos, tracks[0], values, level)
    return out


def _figure(videos: Videos, at: Int64, scores: Float64, level: float) -> Figure:
    labels = videos.labels[at]
    if len(np.unique(labels)) < 2:
        return Figure("auc", None, reason="scores of one class only")
    groups = videos.groups[at].astype(str)
    interval = delong_interval(labels, scores, groups, level=level)
    return Figure("auc", auc(labels, scores), interval)
