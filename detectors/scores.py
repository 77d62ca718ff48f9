"""VideoScore: what scoring one video gives, down to tracks and frames."""

import math
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from ..datasets.types import Float32, Uint8, VideoInfo


class Status(StrEnum):
    """How scoring a video ended. Only `scored` carries a score: a failure is never a number."""

    SCORED = "scored"
    NO_FACE = "no_face"
    TOO_SMALL = "too_small"
    UNREADABLE = "unreadable"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    FAILED = "failed"


SCORE_KINDS = ("logit", "probability", "llr", "ordinal")


@dataclass(frozen=True)
class DetectorId:
    """Which detector, down to its weights: `sha256` of the checkpoint file, `version` of its card."""

    name: str
    sha256: str
    version: str


@dataclass(frozen=True)
class FrameScore:
    """One face in one frame. `score` of the clip that starts here; `box_xyxy` in full-frame pixels."""

    frame_index: int
    pts_seconds: float
    score: float
    box_xyxy: tuple[float, float, float, float]


@dataclass(frozen=True)
class TrackScore:
    """One person. `score`: the frames' scores, aggregated as the VideoScore's `aggregation` says."""

    track_id: int
    score: float
    frames: tuple[FrameScore, ...]

    @property
    def num_frames(self) -> int:
        return len(self.frames)


@dataclass(frozen=True)
class TrackEvidence:
    """The pictures behind a track's scores, kept for the report.

    `crops`: (T, size, size, 3) uint8 RGB, what the detector saw, one for each FrameScore.
    `heat_frame_index`: the frames for which there is a heat map. `heat_maps`: one (g, g) float32
    for each of them: by how much the logit falls when that cell of the crop is covered.
    """

    track_id: int
    crops: Uint8
    heat_frame_index: tuple[int, ...] = ()
    heat_maps: tuple[Float32, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """`thumbnails`: frame index -> JPEG bytes of the whole sampled frame, shrunk; `tracks`: crops."""

    thumbnails: dict[int, bytes]
    tracks: tuple[TrackEvidence, ...]


@dataclass(frozen=True)
class VideoScore:
    """What scoring one video gave.

    `score`: higher is more fake; None unless `status` is `scored`. `score_kind`: `logit` for our
    detectors. `aggregation`: frame -> track -> video, by name. `crop_spec`, `sampling_spec`: the
    detector's, as they were used. `seconds`: decode, faces, detector, total. `reason`: why there is
    no score, or what is to be known about it (a shortfall), or None. `sampled_pts_seconds`: when
    the sampled frames are shown, with a face or without: gaps in a track are those that it lacks.
    `cost`: what a service asks for it, in its own currency. `evidence` is held in memory only, for
    reports.
    """

    video_id: str
    path: str
    status: Status
    score: float | None
    detector: DetectorId
    tracks: tuple[TrackScore, ...] = ()
    input: VideoInfo | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    reason: str | None = None
    score_kind: str = "logit"
    aggregation: str = ""
    crop_spec: dict[str, Any] | None = None
    sampling_spec: dict[str, int] | None = None
    sampled_pts_seconds: tuple[float, ...] = ()
    condition: str = "none"
    cost: float | None = None
    evidence: Evidence | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if (self.score is not None) != (self.status is Status.SCORED):
            raise ValueError(
                f"a score goes with status 'scored' alone, got {self.score} with '{self.status}'"
            )
        if self.status is not Status.SCORED and not self.reason:
            raise ValueError(f"status '{self.status}' needs a reason")
        if self.score is not None and not math.isfinite(self.score):
            raise ValueError(f"expected a finite score, got {self.score}")
        if self.score_kind not in SCORE_KINDS:
            raise ValueError(f"expected score_kind in {SCORE_KINDS}, got {self.score_kind!r}")

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "video_id": self.video_id,
            "path": self.path,
            "condition": self.condition,
            "status": str(self.status),
            "score": self.score,
            "score_kind": self.score_kind,
            "aggregation": self.aggregation,
            "crop_spec": self.crop_spec,
            "sampling_spec": self.sampling_spec,
            "detector": dict(self.detector.__dict__),
            "tracks": [
                {
                    "track_id": t.track_id,
                    "score": t.score,
                    "num_frames": t.num_frames,
                    "frames": [{**f.__dict__, "box_xyxy": list(f.box_xyxy)} for f in t.frames],
                }
                for t in self.tracks
            ],
            "sampled_pts_seconds": list(self.sampled_pts_seconds),
            "input": self.input.to_dict() if self.input else None,
            "seconds": self.seconds,
            "cost": self.cost,
            "reason": self.reason,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "VideoScore":
        """The inverse of `to_dict` (evidence is not kept)."""
        return cls(
            video_id=data["video_id"],
            path=data["path"],
            condition=data["condition"],
            status=Status(data["status"]),
            score=data["score"],
            score_kind=data["score_kind"],
            aggregation=data["aggregation"],
            crop_spec=data["crop_spec"],
            sampling_spec=data["sampling_spec"],
            detector=DetectorId(**data["detector"]),
            tracks=tuple(
                TrackScore(
                    t["track_id"],
                    t["score"],
                    tuple(
                        FrameScore(
                            f["frame_index"], f["pts_seconds"], f["score"], tuple(f["box_xyxy"])
                        )
                        for f in t["frames"]
                    ),
                )
                for t in data["tracks"]
            ),
            sampled_pts_seconds=tuple(data["sampled_pts_seconds"]),
            input=VideoInfo(path=data["path"], **data["input"]) if data["input"] else None,
            seconds=data["seconds"],
            cost=data.get("cost"),  # absent in what older versions wrote
            reason=data["reason"],
        )

    def without_evidence(self) -> "VideoScore":
        """The same, light enough to keep for a whole batch."""
        return replace(self, evidence=None)
