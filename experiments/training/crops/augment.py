"""What training crops go through: mirrored, graded, blurred, compressed. A clip's frames alike."""

from dataclasses import dataclass

import cv2
import numpy as np

from ....datasets.types import Uint8


@dataclass(frozen=True)
class Augment:
    """The usual chain; with its defaults nothing happens.

    `flip`: probability of mirroring. `brightness`, `contrast`: largest share of the range, and
    largest change of the gain, to either side, drawn evenly. `blur`, `jpeg`: probabilities;
    `jpeg_quality`: the lowest and the highest. `grey`: probability of losing the colours.
    """

    flip: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    blur: float = 0.0
    jpeg: float = 0.0
    jpeg_quality: tuple[int, int] = (40, 100)
    grey: float = 0.0

    def __post_init__(self) -> None:
        for name in ("flip", "brightness", "contrast", "blur", "jpeg", "grey"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ValueError(f"expected {name} from 0 to 1, got {value}")
        low, high = self.jpeg_quality
        if not 1 <= low <= high <= 100:
            raise ValueError(f"expected a jpeg_quality from 1 to 100, rising, got {low} to {high}")

    def __call__(self, crops: Uint8, rng: np.random.Generator) -> Uint8:
        """(T, size, size, 3) uint8 RGB -> the same; how many numbers are drawn is fixed."""
        chances = rng.random(4)
        gain, offset = 1 + self.contrast * rng.uniform(-1, 1), self.brightness * rng.uniform(-1, 1)
        sigma = rng.uniform(0.5, 1.5)
        quality = int(rng.integers(self.jpeg_quality[0], self.jpeg_quality[1] + 1))
        if chances[0] < self.flip:
            crops = np.ascontiguousarray(crops[:, :, ::-1])
        if self.brightness or self.contrast:
            changed = (crops.astype(np.float32) - 128) * np.float32(gain)
            changed += np.float32(128 + 255 * offset)
            crops = np.clip(np.rint(changed), 0, 255).astype(np.uint8)
        if chances[1] < self.grey:
            crops = np.stack([np.repeat(_grey(c)[..., None], 3, axis=2) for c in crops])
        if chances[2] < self.blur:
            crops = np.stack([_uint8(cv2.GaussianBlur(c, (0, 0), sigma)) for c in crops])
        if chances[3] < self.jpeg:
            crops = np.stack([_through_jpeg(c, quality) for c in crops])
        return crops


def _grey(image: Uint8) -> Uint8:
    return _uint8(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))


def _through_jpeg(image: Uint8, quality: int) -> Uint8:
    ok, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not ok:
        raise RuntimeError("OpenCV could not encode a JPEG")
    return np.ascontiguousarray(_uint8(cv2.imdecode(data, cv2.IMREAD_COLOR))[..., ::-1])


def _uint8(image: object) -> Uint8:
    return np.asarray(image, dtype=np.uint8)
