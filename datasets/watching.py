"""Watching a video: its sampled frames go by, the people in them are followed and cut out."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import cv2
import numpy as np

from .clock import Clock
from .faces import FaceDetector
from .faces.tracking import FaceTracker
from .sampling import denser_indices, sample_indices
from .types import Face, Float64, Frame, Int64, SamplingSpec, Uint8, VideoInfo

MIN_FACE_SIZE = 32  # pixels of the full frame: the smallest face that is looked for
MIN_USED_SIZE = 24  # a track's median face below this is too small to say anything about
MIN_SEEN_SHARE = 0.5  # of the frames that there should be: with fewer the video is unreadable
DENSE_FRAMES = 300  # frames looked at before "no face" is said
TINY_FACE_FRAMES = 8  # frames searched for faces too small to score, to tell that from no face
TINY_FACE_CONFIDENCE = 0.97
ENLARGED_UP_TO = 1280  # pixels: smaller frames are enlarged twofold to look for tiny faces
THUMBNAIL_SIDE = 480


class FrameReader(Protocol):
    """Gives a video's frames by number: a VideoReader, or an image sequence."""

    info: VideoInfo
    pts_seconds: Float64
    cut: tuple[int, int] | None

    def read(self, indices: Sequence[int] | Int64) -> Iterator[Frame]:
        """The frames with these rising numbers that can be decoded, one by one."""
        ...


@dataclass(frozen=True)
class Sighting:
    """One person in one frame, and what the detector will see of it."""

    frame_index: int
    pts_seconds: float
    face: Face
    crop: Uint8


@dataclass
class Watched:
    """What went by: sightings by track, the frames that were seen, small pictures of them."""

    people: dict[int, list[Sighting]] = field(default_factory=dict)
    seen_index: list[int] = field(default_factory=list)
    seen_pts: list[float] = field(default_factory=list)
    thumbnails: dict[int, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Look:
    """What looking for people in a video gave.

    `clips`: (n, clip_length) int64, the frames that were looked at. `used`: by track, the people
    large enough. `notes`: what was amiss, a sentence each, naming the file. `failure`: why there is
    nobody to use, and a sentence that says so; None where there is somebody.
    """

    watched: Watched
    clips: Int64
    used: dict[int, list[Sighting]]
    notes: list[str]
    failure: tuple[Literal["unreadable", "no_face", "too_small"], str] | None = None


def look(
    reader: FrameReader,
    sampling: SamplingSpec,
    faces: FaceDetector,
    crop: Callable[[Uint8, Face], Uint8],
    clock: Clock,
    *,
    keep_thumbnails: bool = False,
) -> Look:
    """Looks for people in the frames that `sampling` asks for; the one way, for scoring and training.

    Where single frames show nobody, up to DENSE_FRAMES frames are looked at before that is said.

    Args:
        reader: the video.
        sampling: which frames.
        faces: finds and follows faces.
        crop: (frame (H, W, 3) uint8 RGB, face) -> its crop.
        clock: takes the time, as `decode` and `faces`.
        keep_thumbnails: keep a small JPEG of each frame.

    Raises:
        UnreadableVideo, TimeLimitExceeded: see the reader.
    """

    def watch_at(indices: Int64) -> Watched:
        return watch(reader, indices, faces, crop, clock, keep_thumbnails=keep_thumbnails)

    name = reader.info.path
    clips = sample_indices(reader.pts_seconds, sampling)
    wanted = np.unique(clips)
    watched = watch_at(wanted)
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
        return Look(watched, clips, {}, notes, ("unreadable", "; ".join(notes) + why))
    if not watched.people and sampling.clip_length == 1:
        dense = denser_indices(reader.pts_seconds, DENSE_FRAMES)
        if len(dense) > len(wanted):
            watched = watch_at(dense)
            clips = np.array(watched.seen_index, dtype=np.int64)[:, None]
            if watched.people:
                notes.append(
                    f"{name}: no face in the {len(wanted)} frames sampled at first; a face was "
                    f"found among {len(watched.seen_index)} frames"
                )
    if not watched.people:
        largest = largest_tiny_face(reader, watched.seen_index, faces, clock)
        if largest:
            return Look(watched, clips, {}, notes, ("too_small", _too_small(name, largest)))
        reason = f"{name}: no face in {len(watched.seen_index)} frames from beginning to end"
        return Look(watched, clips, {}, notes, ("no_face", reason))
    used = {t: s for t, s in watched.people.items() if median_size(s) >= MIN_USED_SIZE}
    if not used:
        largest = max(median_size(s) for s in watched.people.values())
        return Look(watched, clips, {}, notes, ("too_small", _too_small(name, largest)))
    return Look(watched, clips, used, notes)


def clips_of(sightings: Sequence[Sighting], clips: Int64) -> list[list[Sighting]]:
    """One person's clips: those for whose frames all have the face."""
    by_index = {s.frame_index: s for s in sightings}
    return [
        [by_index[int(i)] for i in clip] for clip in clips if all(int(i) in by_index for i in clip)
    ]


def watch(
    reader: FrameReader,
    indices: Int64,
    faces: FaceDetector,
    crop: Callable[[Uint8, Face], Uint8],
    clock: Clock,
    *,
    keep_thumbnails: bool = False,
) -> Watched:
    """Decodes frames, and follows and crops the people in them.

    Only one frame is held at a time.

    Args:
        reader: the video.
        indices: (n,) rising frame indices.
        faces: finds and follows faces.
        crop: (frame (H, W, 3) uint8 RGB, face) -> its crop.
        clock: takes the time, as `decode` and `faces`.
        keep_thumbnails: keep a small JPEG of each frame.

    Returns:
        What was seen; frames that could not be decoded are absent.
    """
    tracker = FaceTracker(faces, min_face_size=MIN_FACE_SIZE)
    watched = Watched()
    frames = reader.read(indices)
    while True:
        with clock.stage("decode"):
            frame = next(frames, None)
        if frame is None:
            return watched
        watched.seen_index.append(frame.index)
        watched.seen_pts.append(frame.pts_seconds)
        with clock.stage("faces"):
            for track_id, face in tracker.update(frame):
                sighting = Sighting(frame.index, frame.pts_seconds, face, crop(frame.image, face))
                watched.people.setdefault(track_id, []).append(sighting)
        if keep_thumbnails:
            watched.thumbnails[frame.index] = _thumbnail(frame)


def largest_tiny_face(
    reader: FrameReader, seen_index: list[int], faces: FaceDetector, clock: Clock
) -> float:
    """The size in pixels of the largest face too small to be followed, 0 where there is none.

    A few of the frames seen are looked at again, small ones enlarged.
    """
    few = np.array(seen_index, dtype=np.int64)
    few = few[np.linspace(0, len(few) - 1, min(len(few), TINY_FACE_FRAMES)).astype(int)]
    largest = 0.0
    for frame in reader.read(few):
        with clock.stage("faces"):
            image, scale = frame.image, 1
            if max(image.shape[:2]) <= ENLARGED_UP_TO:
                scale = 2
                enlarged = cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
                image = np.asarray(enlarged, dtype=np.uint8)
            found = faces.detect(image, 20)
            sure = (f.size / scale for f in found if f.confidence > TINY_FACE_CONFIDENCE)
            largest = max([largest, *sure])
    return largest


def median_size(sightings: list[Sighting]) -> float:
    """The median of a person's face sizes, pixels."""
    return float(np.median([s.face.size for s in sightings]))


def _too_small(name: str, largest: float) -> str:
    return (
        f"{name}: the largest face is {largest:.0f} px; at least {MIN_USED_SIZE} px are needed. "
        "Get the video at its original resolution"
    )


def _thumbnail(frame: Frame) -> bytes:
    """The frame as a JPEG of at most THUMBNAIL_SIDE pixels."""
    scale = min(1.0, THUMBNAIL_SIDE / max(frame.image.shape[:2]))
    small = cv2.resize(frame.image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    bgr = cv2.cvtColor(small, cv2.COLOR_RGB2BGR)
    ok, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 80])
    if not ok:
        raise RuntimeError("OpenCV could not encode a thumbnail as JPEG")
    return bytes(data.tobytes())
