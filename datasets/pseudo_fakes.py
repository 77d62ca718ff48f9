"""Pseudo-fakes: a genuine face blended with a differently processed copy of itself.

Self-blended images (SBI): Shiohara & Yamasaki, "Detecting Deepfakes with Self-Blended Images",
CVPR 2022. Written here for the five points that the face detector gives, in place of the paper's
81: the mask is a canonical face outline, laid over the face by the points.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from .crops import CANONICAL_POINTS
from .registry import unknown_name
from .types import Float32, Float64, Uint8

BLEND_RATIOS = (0.25, 0.5, 0.75, 1.0, 1.0, 1.0)

# Outlines in the frame of CANONICAL_POINTS: a square of side 1, the face box of margin 1.
_HULL = np.array(
    [[0.14, 0.40], [0.17, 0.26], [0.30, 0.17], [0.50, 0.14], [0.70, 0.17], [0.83, 0.26],
     [0.86, 0.40], [0.85, 0.58], [0.79, 0.76], [0.68, 0.90], [0.50, 0.97], [0.32, 0.90],
     [0.21, 0.76], [0.15, 0.58]]
)  # fmt: skip
_OUTLINES: dict[str, Float64] = {
    "hull": _HULL,
    "inner": np.array(
        [[0.20, 0.32], [0.35, 0.27], [0.50, 0.29], [0.65, 0.27], [0.80, 0.32], [0.80, 0.48],
         [0.73, 0.70], [0.64, 0.84], [0.50, 0.87], [0.36, 0.84], [0.27, 0.70], [0.20, 0.48]]
    ),
    "lower": np.array(
        [[0.18, 0.52], [0.50, 0.48], [0.82, 0.52], [0.79, 0.76], [0.68, 0.90], [0.50, 0.97],
         [0.32, 0.90], [0.21, 0.76]]
    ),
    "eyes": np.array(
        [[0.17, 0.30], [0.50, 0.33], [0.83, 0.30], [0.84, 0.48], [0.60, 0.52], [0.50, 0.50],
         [0.40, 0.52], [0.16, 0.48]]
    ),
    "mouth": np.array(
        [[0.28, 0.68], [0.50, 0.63], [0.72, 0.68], [0.74, 0.80], [0.62, 0.88], [0.50, 0.90],
         [0.38, 0.88], [0.26, 0.80]]
    ),
}  # fmt: skip
_OUTLINE_ODDS = {"hull": 0.5, "inner": 0.25, "lower": 0.1, "eyes": 0.08, "mouth": 0.07}


@dataclass(frozen=True)
class SelfBlendSettings:
    """How far source and target may differ.

    `max_shift`: of the source against the target, in face sizes. `max_scale`: of its size.
    `max_degrees`: of its rotation. `max_edge`: the mask's softness, Gaussian sigma in face sizes.
    """

    max_shift: float = 0.03
    max_scale: float = 0.04
    max_degrees: float = 2.5
    max_edge: float = 0.06


def self_blend(
    image: Uint8,
    landmarks_xy: Float32,
    box_xyxy: Float32,
    rng: np.random.Generator,
    settings: SelfBlendSettings = SelfBlendSettings(),
) -> tuple[Uint8, Float32]:
    """A face blended with a differently processed copy of itself.

    Args:
        image: (H, W, 3) uint8 RGB, one genuine face.
        landmarks_xy: (5, 2) its points, pixels.
        box_xyxy: (4,) its box, pixels; the longer side is the face size of the settings.
        rng: all that is random comes from it.
        settings: how far source and target may differ.

    Returns:
        The blend, (H, W, 3) uint8, and its mask, (H, W) float32 from 0 to the blend ratio: where
        the mask is 0 the blend is the target.
    """
    size = float(max(box_xyxy[2] - box_xyxy[0], box_xyxy[3] - box_xyxy[1]))
    source, target = image, image
    if rng.random() < 0.5:
        source = restyle(image, size, rng)
    else:
        target = restyle(image, size, rng)
    mask = outline_mask(image.shape[:2], landmarks_xy, size, rng, settings.max_edge)
    centre = landmarks_xy.mean(axis=0)
    turn = cv2.getRotationMatrix2D(
        (float(centre[0]), float(centre[1])),
        rng.uniform(-settings.max_degrees, settings.max_degrees),
        1 + rng.uniform(-settings.max_scale, settings.max_scale),
    )
    move = np.asarray(turn, dtype=np.float64)
    move[:, 2] += rng.uniform(-settings.max_shift, settings.max_shift, 2) * size
    around = (image.shape[1], image.shape[0])
    moved = cv2.warpAffine(
        source, move, around, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    along = cv2.warpAffine(mask, move, around, flags=cv2.INTER_LINEAR)
    mask = np.asarray(along * np.float32(rng.choice(BLEND_RATIOS)), dtype=np.float32)
    return blend(np.asarray(moved, dtype=np.uint8), target, mask), mask


def blend(source: Uint8, target: Uint8, mask: Float32) -> Uint8:
    """`source` over `target`, (H, W, 3) uint8 each, by a mask (H, W) float32 from 0 to 1."""
    share = mask[..., None]
    mixed = source * share + target * (1 - share)
    return np.asarray(np.rint(mixed), dtype=np.uint8)


def outline_mask(
    shape: tuple[int, int],
    landmarks_xy: Float32,
    face_size: float,
    rng: np.random.Generator,
    max_edge: float = 0.06,
) -> Float32:
    """A random face mask, (H, W) float32 from 0 to 1.

    One of five outlines (the whole face, the inner face, its lower half, the eyes, the mouth) is
    laid over the points, its corners jittered, its plane deformed elastically, its edge made soft
    or hard.
    """
    names = list(_OUTLINE_ODDS)
    outline = _OUTLINES[names[rng.choice(len(names), p=list(_OUTLINE_ODDS.values()))]]
    middle = outline.mean(axis=0)
    outline = (outline - middle) * rng.uniform(0.85, 1.15, 2) + middle
    outline = outline + rng.normal(0, 0.012, outline.shape)
    corners = laid_outline(outline, landmarks_xy)
    mask = np.zeros(shape, dtype=np.float32)
    cv2.fillPoly(mask, [np.rint(corners * 8).astype(np.int32)], 1.0, cv2.LINE_AA, shift=3)
    mask = _deform(mask, rng.uniform(0, 0.06) * face_size, rng)
    sigma = face_size * max_edge * rng.random() ** 2 + 0.5
    mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), sigma), dtype=np.float32)
    if rng.random() < 0.3:  # pulled in, so that the soft edge lies inside the face
        mask = np.clip(2 * mask - 1, 0, 1)
    return np.asarray(np.clip(mask, 0, 1), dtype=np.float32)


def face_outline(name: str, landmarks_xy: Float32) -> Float64:
    """(n, 2) corners, pixels, of an outline laid over a face by its five points.

    Args:
        name: "hull" (the whole face), "inner" (brows to chin), "lower", "eyes" or "mouth".
        landmarks_xy: (5, 2) its points, pixels.

    Raises:
        KeyError: no such outline; lists the known ones.
    """
    if name not in _OUTLINES:
        raise KeyError(unknown_name("outline", name, list(_OUTLINES)))
    return laid_outline(_OUTLINES[name], landmarks_xy)


def laid_outline(outline: Float64, landmarks_xy: Float32) -> Float64:
    """(n, 2) an outline in the frame of CANONICAL_POINTS, laid over the five points, pixels."""
    known = np.concatenate([CANONICAL_POINTS, np.ones((5, 1))], axis=1)
    affine, *_ = np.linalg.lstsq(known, landmarks_xy.astype(np.float64), rcond=None)
    return np.asarray(np.concatenate([outline, np.ones((len(outline), 1))], axis=1) @ affine)


def _deform(mask: Float32, amplitude: float, rng: np.random.Generator) -> Float32:
    """Elastic deformation by a smooth random field of at most about `amplitude` pixels."""
    height, width = mask.shape
    cells = int(rng.integers(4, 9))
    field = rng.uniform(-amplitude, amplitude, (2, cells, cells)).astype(np.float32)
    dx, dy = (cv2.resize(f, (width, height), interpolation=cv2.INTER_CUBIC) for f in field)
    columns, rows = np.meshgrid(
        np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
    )
    return np.asarray(cv2.remap(mask, columns + dx, rows + dy, cv2.INTER_LINEAR), dtype=np.float32)


def restyle(image: Uint8, face_size: float, rng: np.random.Generator) -> Uint8:
    """The whole picture in slightly other colours and sharpness, (H, W, 3) uint8.

    What makes source and target differ in a blend; applied to a whole genuine picture it leaves it
    genuine, so training shows that too.
    """
    out = recolour(image, rng) if rng.random() < 0.85 else image
    return resharpen(out, face_size, rng) if rng.random() < 0.7 else out


def recolour(image: Uint8, rng: np.random.Generator) -> Uint8:
    """Shifts of RGB, hue, saturation, brightness, contrast and gamma, small and random."""
    out = image.astype(np.float32)
    if rng.random() < 0.5:
        out += rng.uniform(-16, 16, 3).astype(np.float32)
    if rng.random() < 0.6:
        gain, offset = 1 + rng.uniform(-0.15, 0.15), rng.uniform(-14, 14)
        out = (out - 128) * np.float32(gain) + np.float32(128 + offset)
    if rng.random() < 0.3:
        power = np.float32(np.exp(rng.uniform(-0.25, 0.25)))
        out = 255 * np.power(np.clip(out, 0, 255) / 255, power)
    shifted = np.asarray(np.clip(np.rint(out), 0, 255), dtype=np.uint8)
    if rng.random() < 0.5:
        hsv = cv2.cvtColor(shifted, cv2.COLOR_RGB2HSV).astype(np.int16)
        hsv[..., 0] = (hsv[..., 0] + rng.integers(-6, 7)) % 180
        saturation = hsv[..., 1] * (1 + rng.uniform(-0.3, 0.3))
        hsv[..., 1] = np.clip(saturation, 0, 255).astype(np.int16)
        return np.asarray(cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB), dtype=np.uint8)
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
        noise = rng.standard_normal(image.shape, dtype=np.float32) * np.float32(rng.uniform(2, 8))
        out = np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)
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
