"""One video becomes wide face crops; the same code whoever runs it, so the same bytes."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np

from ..clock import Clock
from ..crops import CANONICAL_POINTS, cut_wide
from ..faces import FaceDetector
from ..sampling import sample_indices
from ..sequences import open_frames
from ..types import Face, Float32, Float64, TimeLimitExceeded, Uint8, UnreadableVideo, VideoInfo
from ..watching import FrameReader, Sighting, clips_of, look, median_size
from .layout import PrepareSpec

MIN_MASK_COVER = 0.2  # of the mask's pixels that lie in a person's boxes, for it to be that person
MASK_LEVEL = 16  # grey level from which a mask's pixel counts; what is below is compression's
PNG_SETTINGS = [  # level 1, run lengths, each pixel from its left neighbour: quick to read again
    cv2.IMWRITE_PNG_COMPRESSION,
    1,
    cv2.IMWRITE_PNG_STRATEGY,
    cv2.IMWRITE_PNG_STRATEGY_RLE,
]


@dataclass(frozen=True)
class WideCrop:
    """One stored picture. `clip`, `position`: which clip of the track, which frame of the clip.

    `png`: (side, side, 3) RGB, lossless. `origin_xy`: its corner in pixels of the full frame.
    `scale`: its pixels per pixel of the full frame. `box_xyxy`: (4,), `landmarks_xy`: (5, 2), in
    its own pixels. `face_size`: in pixels of the full frame.
    """

    track: int
    clip: int
    position: int
    frame: int
    pts_seconds: float
    png: bytes = field(repr=False)
    side: int
    origin_xy: tuple[int, int]
    scale: float
    box_xyxy: Float64
    landmarks_xy: Float64
    face_size: float
    confidence: float
    sharpness: float


@dataclass(frozen=True)
class PreparedVideo:
    """What became of a video: see `layout.STATUSES`. `reason`: what was amiss, naming the file."""

    status: str
    reason: str | None = None
    info: VideoInfo | None = None
    crops: tuple[WideCrop, ...] = ()


def prepare_video(
    path: str,
    spec: PrepareSpec,
    faces: FaceDetector,
    *,
    mask: str | None = None,
    threads: int = 1,
    time_limit_seconds: float | None = None,
) -> PreparedVideo:
    """Cuts the faces out of one video.

    Args:
        path: a video file, a folder of images, or a folder in an archive.
        spec: which frames, which faces, how wide.
        faces: finds and follows faces.
        mask: video of the manipulated region, where `spec.faces` is `mask`; as many frames as the
            video, bright where it was manipulated.
        threads: of the video decoder.
        time_limit_seconds: the status is `timeout` when it takes longer.

    Returns:
        A bad file is a status with a reason, not an exception. Crops are ordered by track, clip and
        position.
    """
    if spec.faces == "mask" and mask is None:
        reason = f"{path}: no mask says which face was manipulated; prepare it with other --faces"
        return PreparedVideo("no_mask", reason)
    deadline = None if time_limit_seconds is None else time.monotonic() + time_limit_seconds
    info: VideoInfo | None = None
    try:
        with open_frames(path, threads=threads, deadline=deadline) as reader:
            info = reader.info
            if spec.faces == "whole":
                found = _whole(reader, spec)
            else:
                found = _faces(reader, spec, faces, mask, deadline)
        if deadline is not None and time.monotonic() > deadline:
            raise TimeLimitExceeded
    except UnreadableVideo as error:
        return PreparedVideo("unreadable", str(error), info)
    except TimeLimitExceeded:
        reason = f"{path}: took longer than the time limit of {time_limit_seconds:g} s"
        return PreparedVideo("timeout", reason, info)
    return PreparedVideo(found.status, found.reason, info, found.crops)


def _faces(
    reader: FrameReader,
    spec: PrepareSpec,
    faces: FaceDetector,
    mask: str | None,
    deadline: float | None,
) -> PreparedVideo:
    name = reader.info.path

    def crop(image: Uint8, face: Face) -> Uint8:
        return cut_wide(image, face.box_xyxy, spec.margin, spec.max_size)[0]

    seen = look(reader, spec.sampling, faces, crop, Clock())
    if seen.failure:
        return PreparedVideo(seen.failure[0], seen.failure[1])
    people = {t: clips_of(s, seen.clips) for t, s in seen.used.items()}
    people = {t: clips for t, clips in people.items() if clips}
    if not people:
        reason = f"{name}: nobody's face is there for {spec.sampling.clip_length} frames on end"
        return PreparedVideo("no_face", reason)
    if spec.faces == "largest":
        sightings = {t: [s for clip in clips for s in clip] for t, clips in people.items()}
        best = max(people, key=lambda t: (len(sightings[t]) * median_size(sightings[t]), -t))
        people = {best: people[best]}
    elif spec.faces == "mask":
        assert mask is not None
        chosen, reason = _masked(people, mask, reader.info, deadline)
        if chosen is None:
            return PreparedVideo("no_mask", f"{name}: {reason}")
        people = {chosen: people[chosen]}
    elif spec.faces != "all":
        raise ValueError(f"expected faces largest, all or mask here, got {spec.faces!r}")
    crops = tuple(
        _stored(sighting, spec, track, number, position)
        for track, clips in sorted(people.items())
        for number, clip in enumerate(clips)
        for position, sighting in enumerate(clip)
    )
    return PreparedVideo("prepared", "; ".join(seen.notes) or None, crops=crops)


def _stored(s: Sighting, spec: PrepareSpec, track: int, clip: int, position: int) -> WideCrop:
    side = int(s.crop.shape[0])
    pixel = np.zeros((1, 1, 3), dtype=np.uint8)  # only to be told where the crop was cut
    _, origin, scale = cut_wide(pixel, s.face.box_xyxy, spec.margin, spec.max_size)
    corner = np.array(origin, dtype=np.float64)
    box = (s.face.box_xyxy.astype(np.float64) - np.tile(corner, 2)) * scale
    return WideCrop(
        track,
        clip,
        position,
        s.frame_index,
        s.pts_seconds,
        encode_png(s.crop),
        side,
        origin,
        scale,
        box,
        (s.face.landmarks_xy.astype(np.float64) - corner) * scale,
        s.face.size,
        s.face.confidence,
        sharpness(s.crop, box),
    )


def _masked(
    people: dict[int, list[list[Sighting]]], mask: str, info: VideoInfo, deadline: float | None
) -> tuple[int | None, str]:
    """The person whose boxes hold most of the mask, or None and why."""
    by_frame: dict[int, list[tuple[int, Float32]]] = {}
    for track, clips in people.items():
        for s in {s.frame_index: s for clip in clips for s in clip}.values():
            by_frame.setdefault(s.frame_index, []).append((track, s.face.box_xyxy))
    inside, total = dict.fromkeys(people, 0.0), 0.0
    try:
        reader = open_frames(mask, threads=1, deadline=deadline)
    except UnreadableVideo as error:  # the mask's fault: the video itself was read
        return None, f"its mask can't be used: {error}"
    with reader:
        across = (reader.info.width - reader.info.height) * (info.width - info.height)
        if across < 0:
            sizes = f"{reader.info.width} x {reader.info.height} pixels, the video "
            sizes += f"{info.width} x {info.height}"
            return None, f"the mask {mask} has {sizes}: it is turned, or does not belong to it"
        if abs(reader.info.num_frames - info.num_frames) > 0.02 * info.num_frames + 1:
            frames = f"{reader.info.num_frames} frames, the video {info.num_frames}"
            return None, f"the mask {mask} has {frames}: it does not belong to it"
        wanted = [i for i in sorted(by_frame) if i < reader.info.num_frames]
        for frame in reader.read(wanted):
            on = frame.image.max(axis=2) >= MASK_LEVEL
            total += float(on.sum())
            scale = np.array([on.shape[1] / info.width, on.shape[0] / info.height])
            for track, box in by_frame[frame.index]:
                x1, y1, x2, y2 = np.maximum(0, np.round(box * np.tile(scale, 2))).astype(int)
                inside[track] += float(on[y1:y2, x1:x2].sum())
    if not total:
        return None, f"the mask {mask} is empty in the frames sampled"
    best = max(inside, key=lambda t: (inside[t], -t))
    if inside[best] < MIN_MASK_COVER * total:
        return None, f"nobody's face lies where the mask {mask} does"
    return best, ""


def _whole(reader: FrameReader, spec: PrepareSpec) -> PreparedVideo:
    """Each picture as it is, for face crops; the points are where an upright face's would be."""
    clips = sample_indices(reader.pts_seconds, spec.sampling)
    seen: dict[int, Sighting] = {}
    for frame in reader.read(np.unique(clips)):
        height, width = frame.image.shape[:2]
        box = np.array([0, 0, width, height], dtype=np.float32)
        square = max(width, height)
        corner = np.array([(width - square) / 2, (height - square) / 2])
        points = (CANONICAL_POINTS * square + corner).astype(np.float32)
        crop = cut_wide(frame.image, box, spec.margin, spec.max_size)[0]
        seen[frame.index] = Sighting(frame.index, frame.pts_seconds, Face(box, points, 1.0), crop)
    whole = clips_of(list(seen.values()), clips)
    name = reader.info.path
    lost = len(np.unique(clips)) - len(seen)
    reason = f"{name}: {lost} of the frames sampled could not be decoded" if lost else None
    if not whole:
        why = reason or f"{name}: it has fewer than {spec.sampling.clip_length} pictures"
        return PreparedVideo("unreadable", why)
    crops = tuple(
        _stored(s, spec, 0, number, position)
        for number, clip in enumerate(whole)
        for position, s in enumerate(clip)
    )
    return PreparedVideo("prepared", reason, crops=crops)


def encode_png(image: Uint8) -> bytes:
    """A picture (H, W, 3) uint8 RGB as PNG, without loss; the same picture gives the same bytes."""
    ok, data = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), PNG_SETTINGS)
    if not ok:
        raise RuntimeError("OpenCV could not encode a crop as PNG")
    return bytes(data.tobytes())


def sharpness(crop: Uint8, box_xyxy: Float64) -> float:
    """The variance of the Laplacian inside a box, grey levels squared; 0 for an empty box.

    Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", ICPR 2000.
    """
    x1, y1 = np.maximum(0, np.floor(box_xyxy[:2])).astype(int)
    x2, y2 = np.ceil(box_xyxy[2:]).astype(int)
    part = crop[y1:y2, x1:x2]
    if not part.size:
        return 0.0
    grey = cv2.cvtColor(np.ascontiguousarray(part), cv2.COLOR_RGB2GRAY)
    return float(np.var(cv2.Laplacian(grey, cv2.CV_32F)))


def masks_by_video(
    ids: list[str], originals: list[str | None], masks: list[str | None]
) -> Iterator[str | None]:
    """Each video's mask: its own, or for an original that of one of its fakes, the first by name.

    So genuine and manipulated videos follow one rule in choosing the person.
    """
    of_fake: dict[str, tuple[str, str]] = {}
    for name, original, mask in zip(ids, originals, masks, strict=True):
        if original is not None and mask is not None:
            of_fake[original] = min(of_fake.get(original, (name, mask)), (name, mask))
    for name, mask in zip(ids, masks, strict=True):
        yield mask if mask is not None else of_fake.get(name, (None, None))[1]
