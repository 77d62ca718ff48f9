"""Clips for the tests of the template index: cuts of pictures that ship with scikit-image."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from clips import write_video
from skimage import data

FPS = 10
SECONDS = 10
WIDTH, HEIGHT = 320, 240
PICTURES = ("astronaut", "coffee", "chelsea", "rocket")

Change = Callable[[np.ndarray], np.ndarray]


@cache
def shots(name: str) -> tuple[np.ndarray, ...]:
    """Five parts of a picture, larger than a frame, (H, W, 3) uint8."""
    picture = getattr(data, name)()
    rng = np.random.default_rng(len(name))
    height, width = picture.shape[:2]
    found = []
    for _ in range(5):
        share = rng.uniform(0.55, 0.8)
        cut_width = int(min(width, height * 4 / 3) * share)
        cut_height = cut_width * 3 // 4
        y = int(rng.integers(0, height - cut_height + 1))
        x = int(rng.integers(0, width - cut_width + 1))
        part = picture[y : y + cut_height, x : x + cut_width]
        found.append(cv2.resize(part, (WIDTH + 60, HEIGHT + 45), interpolation=cv2.INTER_CUBIC))
    return tuple(found)


def frames(name: str, first: float = 0, last: float = SECONDS) -> Iterator[np.ndarray]:
    """(HEIGHT, WIDTH, 3) uint8 pictures from `first` to `last` seconds: a cut every two seconds."""
    for k in range(round(first * FPS), round(last * FPS)):
        shot = shots(name)[k // (2 * FPS)]
        x, y = 2 * (k % (2 * FPS)), k % (2 * FPS)
        yield np.ascontiguousarray(shot[y : y + HEIGHT, x : x + WIDTH])


def write_original(folder: Path, name: str) -> Path:
    """SECONDS of a picture, as `NAME.mp4`."""
    options = {"preset": "veryfast"}
    return write_video(folder / f"{name}.mp4", frames(name), fps=FPS, crf=20, options=options)


def write_copy(
    path: Path,
    name: str,
    first: float,
    last: float,
    change: Change = lambda image: image,
    *,
    crf: int = 26,
    speed: float = 1.0,
) -> Path:
    """A stretch of an original, each picture changed."""
    changed = (np.ascontiguousarray(change(image)) for image in frames(name, first, last))
    options = {"preset": "veryfast"}
    return write_video(path, changed, fps=FPS * speed, crf=crf, options=options)


def cropped(image: np.ndarray) -> np.ndarray:
    return image[20:220, 40:300]


def mirrored(image: np.ndarray) -> np.ndarray:
    return image[:, ::-1]


def letterboxed(image: np.ndarray) -> np.ndarray:
    return cv2.copyMakeBorder(image, 60, 60, 0, 0, cv2.BORDER_CONSTANT)


def halved(image: np.ndarray) -> np.ndarray:
    return cv2.resize(image, (WIDTH // 2, HEIGHT // 2), interpolation=cv2.INTER_AREA)


def subtitled(image: np.ndarray) -> np.ndarray:
    image = image.copy()
    cv2.rectangle(image, (0, 190), (WIDTH, 222), (0, 0, 0), -1)
    cv2.putText(image, "the same in words", (8, 214), 0, 0.9, (255, 255, 0), 2)
    return image


def face_altered(image: np.ndarray) -> np.ndarray:
    """Another texture in an ellipse, where a face would be."""
    noise = np.random.default_rng(0).integers(0, 256, (15, 12, 3)).astype(np.uint8)
    other = cv2.resize(noise, (90, 120), interpolation=cv2.INTER_CUBIC)
    mask = np.zeros((120, 90), np.uint8)
    cv2.ellipse(mask, (45, 60), (44, 59), 0, 0, 360, 1, -1)
    image = image.copy()
    part = image[50:170, 110:200]
    part[mask > 0] = other[mask > 0]
    return image
