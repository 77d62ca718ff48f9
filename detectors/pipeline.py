"""A CropDetector behind the cropping pipeline is a VideoScorer: a path in, a VideoScore out."""

import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from ..datasets.clock import Clock
from ..datasets.crops import crop_face
from ..datasets.faces import FaceDetector, create_face_detector
from ..datasets.sequences import open_frames
from ..datasets.types import Int64, TimeLimitExceeded, UnreadableVideo, VideoInfo
from ..datasets.watching import FrameReader, Look, Sighting, Watched, clips_of, look
from .aggregation import parse
from .checkpoints import Checkpoint
from .ids import loose_id
from .occlusion import occlusion_map, score_clips
from .scores import Evidence, FrameScore, Status, TrackEvidence, TrackScore, VideoScore

EXPLAINED_TRACKS = 3


class FacePipeline:
    """Samples, decodes, finds and follows faces, crops, scores and aggregates.

    Frames stream through: what is held at any time is one frame and the crops.

    Args:
        checkpoint: the detector; its own crop and sampling specs are used.
        num_frames: clips to sample, in place of the checkpoint's number.
        batch_size: clips that go through the network at once.
        device: a torch device.
        threads: of the video decoder; 0 lets FFmpeg choose.
        face_detector: a registered name, or a detector.
        person: the track whose score is the video's; all of them by default.
        keep_evidence: keep thumbnails, crops and occlusion maps for a report.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        *,
        num_frames: int | None = None,
        batch_size: int = 32,
        device: str = "cpu",
        threads: int = 0,
        face_detector: str | FaceDetector = "mtcnn",
        person: int | None = None,
        keep_evidence: bool = False,
    ) -> None:
        self.detector = checkpoint.id
        self.card = checkpoint.card
        self.network = checkpoint.detector
        self.aggregation = checkpoint.aggregation
        self._frame_rule, self._track_rule = parse(checkpoint.aggregation)
        self.person = person
        if person is not None:
            self.aggregation = f"{checkpoint.aggregation.partition('/')[0]}/track-{person}"
        self.sampling_spec = self.network.sampling_spec
        if num_frames is not None:
            self.sampling_spec = replace(self.sampling_spec, num_clips=num_frames)
        self.batch_size = batch_size
        self.device = device
        self.threads = threads
        self.faces = (
            create_face_detector(face_detector, device)
            if isinstance(face_detector, str)
            else face_detector
        )
        self.keep_evidence = keep_evidence

    def score(
        self,
        path: str | Path,
        *,
        video_id: str | None = None,
        condition: str = "none",
        time_limit_seconds: float | None = None,
    ) -> VideoScore:
        """Scores one video.

        Args:
            path: a video file; or a folder of images, also inside a tar (see `open_frames`).
            video_id: how the video is called; `file/<sha256>` by default.
            condition: the perturbation that it has been through, or which scoring of it this is.
            time_limit_seconds: the status is `timeout` when it takes longer.

        Returns:
            A VideoScore. A bad file is a status with a reason, not an exception.
        """
        clock = Clock()
        deadline = None if time_limit_seconds is None else time.monotonic() + time_limit_seconds
        info: VideoInfo | None = None
        try:
            with clock.stage("decode"):
                reader = open_frames(path, threads=self.threads, deadline=deadline)
            with reader:
                info = reader.info
                score = self._score(reader, clock)
            if deadline is not None and time.monotonic() > deadline:
                raise TimeLimitExceeded
        except UnreadableVideo as error:
            score = self._without_score(Status.UNREADABLE, str(error))
        except TimeLimitExceeded:
            reason = f"{path}: took longer than the time limit of {time_limit_seconds:g} s"
            score = self._without_score(Status.TIMEOUT, reason)
        return replace(
            score,
            video_id=video_id or (f"file/{info.sha256}" if info else loose_id(path)),
            path=str(path),
            condition=condition,
            input=info,
            seconds=clock.seconds(),
        )

    def _without_score(
        self, status: Status, reason: str, watched: Watched | None = None
    ) -> VideoScore:
        return VideoScore(
            video_id="",
            path="",
            status=status,
            score=None,
            detector=self.detector,
            reason=reason,
            aggregation=self.aggregation,
            crop_spec=asdict(self.network.crop_spec),
            sampling_spec=asdict(self.sampling_spec),
            sampled_pts_seconds=tuple(watched.seen_pts) if watched else (),
            evidence=Evidence(watched.thumbnails, ()) if watched and self.keep_evidence else None,
        )

    def _score(self, reader: FrameReader, clock: Clock) -> VideoScore:
        spec = self.network.crop_spec
        seen = look(
            reader,
            self.sampling_spec,
            self.faces,
            lambda image, face: crop_face(image, face, spec),
            clock,
            keep_thumbnails=self.keep_evidence,
        )
        name, watched = reader.info.path, seen.watched
        if seen.failure:
            return self._without_score(Status(seen.failure[0]), seen.failure[1], watched)
        with clock.stage("detector"):
            tracks, evidence = self._tracks(seen)
        if not tracks:
            reason = (
                f"{name}: no face is there for {self.sampling_spec.clip_length} sampled frames on end, "
                "which this detector needs"
            )
            return self._without_score(Status.NO_FACE, reason, watched)
        counted = [t for t in tracks if self.person in (None, t.track_id)]
        if not counted:
            known = ", ".join(str(t.track_id) for t in tracks)
            reason = f"{name}: no person {self.person} in this video; there are {known}"
            return self._without_score(Status.NO_FACE, reason, watched)
        return VideoScore(
            video_id="",
            path="",
            status=Status.SCORED,
            score=self._track_rule([t.score for t in counted]),
            detector=self.detector,
            tracks=tuple(tracks),
            reason="; ".join(seen.notes) or None,
            aggregation=self.aggregation,
            crop_spec=asdict(self.network.crop_spec),
            sampling_spec=asdict(self.sampling_spec),
            sampled_pts_seconds=_clip_starts(watched, seen.clips),
            evidence=(
                Evidence(watched.thumbnails, tuple(evidence)) if self.keep_evidence else None
            ),
        )

    def _tracks(self, seen: Look) -> tuple[list[TrackScore], list[TrackEvidence]]:
        """Scores every person's clips."""
        clips = [
            (track_id, clip)
            for track_id, sightings in seen.used.items()
            for clip in clips_of(sightings, seen.clips)
        ]
        pictures = [np.stack([s.crop for s in clip]) for _, clip in clips]
        logits: list[float] = []
        for i in range(0, len(pictures), self.batch_size):
            batch = np.stack(pictures[i : i + self.batch_size])
            logits += score_clips(self.network, batch, self.device).tolist()
        tracks, evidence = [], []
        for track_id in seen.used:
            mine = [i for i, (owner, _) in enumerate(clips) if owner == track_id]
            if not mine:
                continue
            frames = tuple(_frame_score(clips[i][1][0], logits[i]) for i in mine)
            tracks.append(TrackScore(track_id, self._frame_rule([f.score for f in frames]), frames))
            crops = np.stack([pictures[i][0] for i in mine])
            evidence.append(TrackEvidence(track_id, crops))
        if self.keep_evidence:
            self._explain(tracks, evidence)
        return tracks, evidence

    def _explain(self, tracks: list[TrackScore], evidence: list[TrackEvidence]) -> None:
        """Occlusion maps for the highest-scoring frame of the highest tracks, and the lowest frame
        of the very highest (single-frame detectors; `evidence` is changed in place)."""
        if self.sampling_spec.clip_length != 1:
            return
        order = sorted(range(len(tracks)), key=lambda i: -tracks[i].score)
        for rank, i in enumerate(order[:EXPLAINED_TRACKS]):
            scores = [f.score for f in tracks[i].frames]
            picked = [int(np.argmax(scores))]
            if rank == 0 and int(np.argmin(scores)) != picked[0]:
                picked.append(int(np.argmin(scores)))
            evidence[i] = replace(
                evidence[i],
                heat_frame_index=tuple(tracks[i].frames[p].frame_index for p in picked),
                heat_maps=tuple(
                    occlusion_map(self.network, evidence[i].crops[p : p + 1], device=self.device)
                    for p in picked
                ),
            )


def _clip_starts(watched: Watched, clips: Int64) -> tuple[float, ...]:
    """When the clips begin whose first frame was seen."""
    starts = set(clips[:, 0].tolist())
    seen = zip(watched.seen_index, watched.seen_pts, strict=True)
    return tuple(pts for index, pts in seen if index in starts)


def _frame_score(sighting: Sighting, logit: float) -> FrameScore:
    x1, y1, x2, y2 = (round(float(v), 1) for v in sighting.face.box_xyxy)
    return FrameScore(sighting.frame_index, sighting.pts_seconds, logit, (x1, y1, x2, y2))
