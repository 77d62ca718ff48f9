"""What both pictures of a pair go through: drawn once, the very same for both."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from scipy.special import ndtri

from ..degradations import Degradation, draw
from ..registry import Registry
from ..types import Uint8
from .styles import recolour

_NORMAL = ndtri((np.arange(256) + 0.5) / 256)  # the normal distribution in 256 equal shares


class Degrading(Protocol):
    """A chain that was drawn; `apply` takes and gives (H, W, 3) uint8, maybe of another size."""

    def apply(self, image: Uint8) -> Uint8: ...


degraders: Registry[Callable[[np.random.Generator, float], Degrading]] = Registry("degradation")
"""(generator, face size in pixels) -> what is done to both pictures."""

degraders.register("video")(draw)


@dataclass(frozen=True)
class PictureDegradation:
    """Colours, down-scaling, noise and JPEG, as the published recipes have them: no video codec.

    `colour_seed`, `noise_seed`: of what is random; None leaves the step out. `scale`: 1 for none.
    `noise`: sigma in grey levels. `quality`: JPEG's; None for none.
    """

    colour_seed: int | None = None
    scale: float = 1.0
    noise_seed: int | None = None
    noise: float = 0.0
    quality: int | None = None

    def apply(self, image: Uint8) -> Uint8:
        """The degraded picture, of H * scale by W * scale."""
        if self.colour_seed is not None:
            image = recolour(image, np.random.default_rng(self.colour_seed))
        if self.scale != 1:
            size = tuple(max(8, round(n * self.scale)) for n in image.shape[1::-1])
            image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        if self.noise_seed is not None:
            image = _noised(image, self.noise, np.random.default_rng(self.noise_seed))
        if self.quality is not None:
            # as if it were BGR: a JPEG of the channels in another order is as good a degradation
            done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, self.quality])
            if not done:
                raise RuntimeError("OpenCV could not encode a JPEG")
            image = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)
        return image


def _noised(image: Uint8, sigma: float, rng: np.random.Generator) -> Uint8:
    """Normal noise in whole grey levels: random bytes taken for ranks, four times as fast."""
    levels = np.rint(sigma * _NORMAL).astype(np.int16)
    ranks = np.frombuffer(rng.bytes(image.size), dtype=np.uint8).reshape(len(image), -1)
    noise = np.asarray(cv2.LUT(ranks, levels[None])).reshape(image.shape)
    return np.asarray(cv2.add(image, noise, dtype=cv2.CV_8U), dtype=np.uint8)


@degraders.register("picture")
def draw_picture(rng: np.random.Generator, face_size: float) -> PictureDegradation:
    """Each step at random; the face comes out at 64 pixels at least, unless it is smaller already."""
    seeds = rng.integers(2**31, size=2)
    chances = rng.random(4)
    scale = float(np.exp(rng.uniform(np.log(min(1.0, 64 / face_size)), 0)))
    noise, quality = rng.uniform(1, 6), int(rng.integers(40, 100))
    return PictureDegradation(
        int(seeds[0]) if chances[0] < 0.5 else None,
        scale if chances[1] < 0.4 else 1.0,
        int(seeds[1]) if chances[2] < 0.2 else None,
        noise,
        quality if chances[3] < 0.7 else None,
    )


@degraders.register("none")
def draw_none(rng: np.random.Generator, face_size: float) -> Degradation:
    """Nothing is done."""
    return Degradation(())
