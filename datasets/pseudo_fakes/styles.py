"""Other colours, other sharpness: what makes two parts of a picture differ in a blend."""

import cv2
import numpy as np

from ..types import Float32, Uint8

_LEVELS = np.arange(256, dtype=np.uint8)


def restyle(image: Uint8, face_size: float, rng: np.random.Generator) -> Uint8:
    """The whole picture in slightly other colours and sharpness, (H, W, 3) uint8.

    What makes source and target differ in a blend; applied to a whole genuine picture it leaves it
    genuine, so training shows that too.
    """
    out = recolour(image, rng) if rng.random() < 0.85 else image
    return resharpen(out, face_size, rng) if rng.random() < 0.7 else out


def recolour(image: Uint8, rng: np.random.Generator) -> Uint8:
    """Shifts of RGB, hue, saturation, brightness, contrast and gamma, small and random.

    All of it is done to the 256 levels and looked up, which gives the same and is much faster.
    """
    levels = np.repeat(_LEVELS[:, None].astype(np.float32), 3, axis=1)
    if rng.random() < 0.5:
        levels += rng.uniform(-16, 16, 3).astype(np.float32)
    if rng.random() < 0.6:
        gain, offset = 1 + rng.uniform(-0.15, 0.15), rng.uniform(-14, 14)
        levels = (levels - 128) * np.float32(gain) + np.float32(128 + offset)
    if rng.random() < 0.3:
        power = np.float32(np.exp(rng.uniform(-0.25, 0.25)))
        levels = 255 * np.power(np.clip(levels, 0, 255) / 255, power)
    shifted = _look_up(image, np.clip(np.rint(levels), 0, 255))
    if rng.random() < 0.5:
        hsv = np.asarray(cv2.cvtColor(shifted, cv2.COLOR_RGB2HSV), dtype=np.uint8)
        hue = (_LEVELS.astype(np.int16) + rng.integers(-6, 7)) % 180
        saturation = np.trunc(np.clip(_LEVELS * (1 + rng.uniform(-0.3, 0.3)), 0, 255))
        changed = _look_up(hsv, np.stack([hue, saturation, _LEVELS], axis=1))
        return np.asarray(cv2.cvtColor(changed, cv2.COLOR_HSV2RGB), dtype=np.uint8)
    return shifted


def resharpen(image: Uint8, face_size: float, rng: np.random.Generator) -> Uint8:
    """One of: shrunk and enlarged again, blurred, sharpened, noised, JPEG, smoothed."""
    how = rng.choice(["resample", "blur", "sharpen", "noise", "jpeg", "smooth"],
                     p=[0.35, 0.15, 0.2, 0.1, 0.1, 0.1])  # fmt: skip
    height, width = image.shape[:2]
    if how == "resample":
        factor = rng.uniform(0.3, 0.85) if face_size > 120 else rng.uniform(0.5, 0.9)
        down = rng.choice([cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC])
        up = rng.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4])
        small = cv2.resize(
            image, (round(width * factor), round(height * factor)), interpolation=int(down)
        )
        out = cv2.resize(small, (width, height), interpolation=int(up))
    elif how == "blur":
        out = cv2.GaussianBlur(image, (0, 0), face_size * rng.uniform(0.003, 0.012))
    elif how == "sharpen":
        soft = cv2.GaussianBlur(image, (0, 0), face_size * rng.uniform(0.004, 0.012))
        amount = rng.uniform(0.3, 1.2)
        out = cv2.addWeighted(image, 1 + amount, soft, -amount, 0)
    elif how == "noise":
        out = noised(image, rng)
    elif how == "jpeg":
        ok, data = cv2.imencode(
            ".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 90))]
        )
        assert ok
        out = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))
    elif how == "smooth":
        out = cv2.bilateralFilter(image, 5, rng.uniform(15, 45), rng.uniform(2, 5))
    else:
        raise ValueError(f"unknown way to change sharpness: {how}")
    return np.asarray(out, dtype=np.uint8)


def noised(image: Uint8, rng: np.random.Generator) -> Uint8:
    """Normal noise of a random sigma from 2 to 8 grey levels, (H, W, 3) uint8."""
    noise = rng.standard_normal(image.shape, dtype=np.float32)
    noise *= np.float32(rng.uniform(2, 8))
    noise += image
    return np.asarray(np.clip(np.rint(noise, out=noise), 0, 255, out=noise), dtype=np.uint8)


def match_colours(source: Uint8, target: Uint8, mask: Float32, amount: float = 1.0) -> Uint8:
    """`source` with the target's mean and spread of L*a*b* within a mask.

    Reinhard et al., "Color Transfer between Images", IEEE CG&A 2001, in OpenCV's 8-bit L*a*b*.

    Args:
        source, target: (H, W, 3) uint8 RGB.
        mask: (H, W) float32; the statistics are of pixels where it is a half or more.
        amount: 0 leaves the source as it is, 1 changes it fully.

    Returns:
        (H, W, 3) uint8; the source itself where the mask has no such pixel, or `amount` is 0.
    """
    if not 0 <= amount <= 1:
        raise ValueError(f"expected an amount from 0 to 1, got {amount}")
    inside = (mask >= 0.5).astype(np.uint8)
    if amount == 0 or not inside.any():
        return source
    lab = np.asarray(cv2.cvtColor(source, cv2.COLOR_RGB2Lab), dtype=np.uint8)
    mean, spread = cv2.meanStdDev(lab, mask=inside)
    wanted, wanted_spread = cv2.meanStdDev(cv2.cvtColor(target, cv2.COLOR_RGB2Lab), mask=inside)
    levels = np.repeat(_LEVELS[:, None].astype(np.float64), 3, axis=1)
    # a part without any contrast has nothing to stretch: it is shifted only
    gain = np.where(spread > 0.5, wanted_spread / np.maximum(spread, 0.5), 1)[:, 0]
    moved = (levels - mean[:, 0]) * gain + wanted[:, 0]
    levels += amount * (moved - levels)
    changed = _look_up(lab, np.clip(np.rint(levels), 0, 255))
    return np.asarray(cv2.cvtColor(changed, cv2.COLOR_Lab2RGB), dtype=np.uint8)


def _look_up(image: Uint8, levels: np.ndarray) -> Uint8:
    """Each channel's levels replaced: `levels` (256, 3), whole numbers from 0 to 255."""
    return np.asarray(cv2.LUT(image, levels.astype(np.uint8)[None]), dtype=np.uint8)
