"""A CropDetector behind the cropping pipeline is a VideoScorer: a path in, a VideoScore out."""

import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from ..datasets.decoding import VideoReader
from ..datasets.faces import FaceDetector, create_face_detector
from ..datasets.sampling import denser_indices, sample_indices
from ..datasets.types import (
    Int64,
    TimeLimitExceeded,
    Uint8,
    UnreadableVideo,
    VideoInfo,
)
from .aggregation import parse
from .checkpoints import Checkpoint
from .clock import Clock
from .ids import loose_id
from .occlusion import occlusion_map, score_clips
from .scores import Evidence, FrameScore, Status, TrackEvidence, TrackScore, VideoScore
from .watching import Sighting, Watched, largest_tiny_face, median_size, watch

MIN_SCORED_SIZE = 24  # a track's median face below this is too small to say anything about
MIN_SEEN_SHARE = 0.5  # of the frames that there should be: with fewer the video is unreadable
DENSE_FRAMES = 300  # frames looked at before "no face" is said
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
        time_limit_seconds: float | None = None,
    ) -> VideoScore:
        """Scores one video.

        Args:
            path: the file.
            video_id: how the video is called; `file/<sha256>` by default.
            time_limit_seconds: the status is `timeout` when it takes longer.

        Returns:
            A VideoScore. A bad file is a status with a reason, not an exception.
        """
        clock = Clock()
        deadline = None if time_limit_seconds is None else time.monotonic() + time_limit_seconds
        info: VideoInfo | None = None
        try:
            with clock.stage("decode"):
                reader = VideoReader(path, threads=self.threads, deadline=deadline)
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

    def _score(self, reader: VideoReader, clock: Clock) -> VideoScore:
        name = reader.info.path
        clips = sample_indices(reader.pts_seconds, self.sampling_spec)
        wanted = np.unique(clips)
        watched = self._watch(reader, wanted, clock)
        notes = []
        seen = 1.0
        if reader.cut:
            gone, whole = reader.cut
            seen = 1 - gone / whole
            notes.append(f"{name}: the file ends early: {gone} of its {whole} frames are gone")
        if len(watched.seen_index) < len(wanted):
            lost = len(wanted) - len(watched.seen_index)
            seen *= len(watched.seen_index) / len(wanted)
            notes.append(f"{name}: {lost} of the {len(wanted)} frames sampled could not be decoded")
        if seen < MIN_SEEN_SHARE:
            why = f"; at least {MIN_SEEN_SHARE:.0%} of the frames are needed. Get an undamaged copy"
            return self._without_score(Status.UNREADABLE, "; ".join(notes) + why, watched)
        if not watched.people and self.sampling_spec.clip_length == 1:
            dense = denser_indices(reader.pts_seconds, DENSE_FRAMES)
            if len(dense) > len(wanted):
                watched = self._watch(reader, dense, clock)
                clips = np.array(watched.seen_index, dtype=np.int64)[:, None]
                if watched.people:
                    notes.append(
                        f"{name}: no face in the {len(wanted)} frames sampled at first; a face was "
                        f"found among {len(watched.seen_index)} frames"
                    )
        if not watched.people:
            return self._no_face(reader, watched, clock)
        with clock.stage("detector"):
            tracks, evidence = self._tracks(watched, clips)
        large = {t for t, s in watched.people.items() if median_size(s) >= MIN_SCORED_SIZE}
        tracks = [t for t in tracks if t.track_id in large]
        if not large:
            largest = max(median_size(s) for s in watched.people.values())
            return self._without_score(Status.TOO_SMALL, _too_small(name, largest), watched)
        if not tracks:
            reason = (
                f"{name}: no face is there for {self.sampling_spec.clip_length} sampled frames on end, "
                "which this detector needs"
            )
            return self._without_score(Status.NO_FACE, reason, watched)
        kept = tuple(e for e in evidence if e.track_id in large)
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
            reason="; ".join(notes) or None,
            aggregation=self.aggregation,
            crop_spec=asdict(self.network.crop_spec),
            sampling_spec=asdict(self.sampling_spec),
            sampled_pts_seconds=_clip_starts(watched, clips),
            evidence=Evidence(watched.thumbnails, kept) if self.keep_evidence else None,
        )

    def _watch(self, reader: VideoReader, indices: Int64, clock: Clock) -> Watched:
        return watch(
            reader,
            indices,
            self.faces,
            self.network.crop_spec,
            clock,
            keep_thumbnails=self.keep_evidence,
        )

    def _no_face(self, reader: VideoReader, watched: Watched, clock: Clock) -> VideoScore:
        """Tells a video whose faces are too small from one without a face."""
        name = reader.info.path
        largest = largest_tiny_face(reader, watched.seen_index, self.faces, clock)
        if largest:
            return self._without_score(Status.TOO_SMALL, _too_small(name, largest), watched)
        reason = f"{name}: no face in {len(watched.seen_index)} frames from beginning to end"
        return self._without_score(Status.NO_FACE, reason, watched)

    def _tracks(
        self, watched: Watched, clips: Int64
    ) -> tuple[list[TrackScore], list[TrackEvidence]]:
        """Scores every person's clips: those for whose frames all have the face."""
        starts: list[tuple[int, Sighting]] = []
        pictures: list[Uint8] = []
        for track_id, sightings in watched.people.items():
            by_index = {s.frame_index: s for s in sightings}
            for clip in clips:
                if all(int(i) in by_index for i in clip):
                    starts.append((track_id, by_index[int(clip[0])]))
                    pictures.append(np.stack([by_index[int(i)].crop for i in clip]))
        logits: list[float] = []
        for i in range(0, len(pictures), self.batch_size):
            batch = np.stack(pictures[i : i + self.batch_size])
            logits += score_clips(self.network, batch, self.device).tolist()
        tracks, evidence = [], []
        for track_id in watched.people:
            mine = [i for i, (owner, _) in enumerate(starts) if owner == track_id]
            if not mine:
                continue
            frames = tuple(_frame_score(starts[i][1], logits[i]) for i in mine)
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


def _too_small(name: str, largest: float) -> str:
    return (
        f"{name}: the largest face is {largest:.0f} px; at least {MIN_SCORED_SIZE} px are needed. "
        "Get the video at its original resolution"
    )
