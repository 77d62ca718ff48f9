"""How a still moves in a clip: a hand-held camera's course, and a face that is not quite rigid."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np

from ..types import Float32, Float64, Uint8

_CELLS = 4  # of an elastic field, to a side
_BENDS = 2  # elastic fields
_SLACK = 64  # pixels by which the sheet of grain is larger than the picture
_SLOWEST, _FASTEST = 0.1, 1.2  # Hz, of the sines that a course is made of


@dataclass(frozen=True)
class Motion:
    """Where each frame's pixels come from: the same for every picture that is moved by it.

    `affine`: (T, 2, 3) float64, output pixel -> input pixel. `bends`: (n, 2, c, c) float32, fields
    that are added to it, pixels, over the output in c x c cells; `bending`: (T, n), how much of
    each. `light`: (T,) gain. `sigma`: of the sensor's noise, grey levels; `seed` of it.
    """

    affine: Float64 = field(repr=False)
    bends: Float32 = field(repr=False)
    bending: Float64 = field(repr=False)
    light: Float64 = field(repr=False)
    sigma: float
    seed: int

    def __len__(self) -> int:
        return len(self.affine)

    def frames(self, pictures: Uint8 | list[Uint8]) -> Iterator[Uint8]:
        """A still, or one picture a frame of one size, set in motion: (H, W, 3) uint8 RGB each."""
        rng = np.random.default_rng(self.seed)
        height, width = (pictures[0] if isinstance(pictures, list) else pictures).shape[:2]
        # one sheet of grain, seen at another place in every frame: drawing it anew costs the most
        sheet = rng.standard_normal((height + _SLACK, width + _SLACK, 1), dtype=np.float32)
        sheet *= np.float32(self.sigma)
        fields = [
            [cv2.resize(part, (width, height), interpolation=cv2.INTER_CUBIC) for part in bend]
            for bend in self.bends
        ]
        columns = np.arange(width, dtype=np.float32)
        rows = np.arange(height, dtype=np.float32)[:, None]
        for t in range(len(self)):
            picture = pictures[t] if isinstance(pictures, list) else pictures
            place = []
            for axis, (a, b, c) in enumerate(self.affine[t].astype(np.float32)):
                at = (a * columns + c) + b * rows
                for amount, bend in zip(self.bending[t], fields, strict=True):
                    at = cv2.scaleAdd(bend[axis], float(amount), at)
                place.append(np.asarray(at, dtype=np.float32))
            x, y = place
            moved = cv2.remap(picture, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
            top, left = rng.integers(0, _SLACK, 2)
            lit = moved * np.float32(self.light[t])
            lit += sheet[top : top + height, left : left + width]
            yield cv2.convertScaleAbs(cv2.max(lit, 0.0))


def draw_motion(
    num_frames: int, fps: float, shape: tuple[int, int], face_size: float, rng: np.random.Generator
) -> Motion:
    """A smooth sub-pixel course: pan, zoom, turn, a soft bending of the face, light, noise.

    Args:
        num_frames, fps: of the clip.
        shape: (H, W) of the picture.
        face_size: pixels; the bending and the pan are a share of it.
        rng: all that is random comes from it.
    """
    seconds = np.arange(num_frames) / fps
    height, width = shape
    reach = face_size * float(rng.uniform(0.0, 0.12))
    x, y = (reach * course(seconds, rng) for _ in range(2))
    zoom = 1 + rng.uniform(0, 0.05) * course(seconds, rng)
    radians = np.deg2rad(rng.uniform(0, 3.0)) * course(seconds, rng)
    affine = np.zeros((num_frames, 2, 3))
    affine[:, 0, 0] = affine[:, 1, 1] = zoom * np.cos(radians)
    affine[:, 0, 1], affine[:, 1, 0] = -zoom * np.sin(radians), zoom * np.sin(radians)
    middle = np.array([width, height]) / 2
    affine[:, :, 2] = middle - affine[:, :, :2] @ middle + np.stack([x, y], axis=1)
    bend = face_size * rng.uniform(0, 0.02)
    bends = rng.uniform(-bend, bend, (_BENDS, 2, _CELLS, _CELLS)).astype(np.float32)
    return Motion(
        affine,
        bends,
        np.stack([course(seconds, rng) for _ in range(_BENDS)], axis=1),
        1 + rng.uniform(0, 0.05) * course(seconds, rng),
        float(rng.uniform(0.0, 3.0)),
        int(rng.integers(2**31)),
    )


def course(seconds: Float64, rng: np.random.Generator, fastest: float = _FASTEST) -> Float64:
    """A smooth random course within -1 and 1: three sines of at most `fastest` Hz, (T,) float64."""
    frequencies = rng.uniform(_SLOWEST, fastest, 3)
    phases = rng.uniform(0, 2 * np.pi, 3)
    waves = np.sin(2 * np.pi * frequencies * seconds[:, None] + phases)
    return np.asarray(waves.mean(axis=1))
