"""Watching a video: its sampled frames go by, the people in them are followed and cut out."""

from dataclasses import dataclass, field

import cv2
import numpy as np

from ..datasets.crops import crop_face
from ..datasets.decoding import VideoReader
from ..datasets.faces import FaceDetector
from ..datasets.faces.tracking import FaceTracker
from ..datasets.types import CropSpec, Face, Frame, Int64, Uint8
from .clock import Clock

MIN_FACE_SIZE = 32  # pixels of the full frame: the smallest face that is looked for
TINY_FACE_FRAMES = 8  # frames searched for faces too small to score, to tell that from no face
TINY_FACE_CONFIDENCE = 0.97
ENLARGED_UP_TO = 1280  # pixels: smaller frames are enlarged twofold to look for tiny faces
THUMBNAIL_SIDE = 480


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


def watch(
    reader: VideoReader,
    indices: Int64,
    faces: FaceDetector,
    spec: CropSpec,
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
        spec: how they are cropped.
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
                crop = crop_face(frame.image, face, spec)
                sighting = Sighting(frame.index, frame.pts_seconds, face, crop)
                watched.people.setdefault(track_id, []).append(sighting)
        if keep_thumbnails:
            watched.thumbnails[frame.index] = _thumbnail(frame)


def largest_tiny_face(
    reader: VideoReader, seen_index: list[int], faces: FaceDetector, clock: Clock
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


def _thumbnail(frame: Frame) -> bytes:
    """The frame as a JPEG of at most THUMBNAIL_SIDE pixels."""
    scale = min(1.0, THUMBNAIL_SIDE / max(frame.image.shape[:2]))
    small = cv2.resize(frame.image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    bgr = cv2.cvtColor(small, cv2.COLOR_RGB2BGR)
    ok, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 80])
    if not ok:
        raise RuntimeError("OpenCV could not encode a thumbnail as JPEG")
    return bytes(data.tobytes())
