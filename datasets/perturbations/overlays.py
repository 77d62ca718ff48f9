"""Text and stickers over a video, in one place from its first to its last frame."""

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np

from ..types import Float32, Uint8
from .catalogue import picture, video_rng
from .published import rounded

_WORDS = ("WATCH THIS", "so true", "part 2 of 5", "@moments", "BREAKING", "wait for it", "#daily")
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_MARGIN = 0.04  # of a side that text and stickers keep from the edge


@picture(
    "TXT",
    "text and stickers, the same over the whole video",
    setting="lines of text, stickers, and their size over the shorter side",
    levels=((1, 0, 0.06), (1, 1, 0.08), (2, 2, 0.10), (2, 3, 0.13), (3, 5, 0.16)),
)
def caption(image: Uint8, how: tuple[int, int, float], seed: int, index: int) -> Uint8:
    """Captions and stickers; what they are and where is drawn by `seed`. Levels are our own choice.

    Args:
        image: (H, W, 3) uint8 RGB.

    Returns:
        (H, W, 3) uint8.
    """
    colours, cover = _overlay(image.shape[0], image.shape[1], how, seed)
    return rounded(image + cover[:, :, None] * (colours - image.astype(np.float32)))


@lru_cache(maxsize=2)
def _overlay(
    height: int, width: int, how: tuple[int, int, float], seed: int
) -> tuple[Uint8, Float32]:
    """Colours (H, W, 3) uint8 and how much they cover (H, W) float32, 0 to 1."""
    texts, stickers, share = how
    rng = video_rng(seed, "TXT")
    layer = np.zeros((height, width, 3), dtype=np.uint8)
    cover = np.zeros((height, width), dtype=np.uint8)
    size = max(4, round(share * min(height, width)))
    for _ in range(stickers):
        _draw_sticker(layer, cover, size, rng)
    rows = rng.permutation(np.linspace(0.12, 0.92, 6))[:texts]
    for word, row in zip(rng.permutation(_WORDS)[:texts], rows, strict=True):
        _write(layer, cover, str(word), float(row), size, rng)
    return layer, np.asarray(cover, dtype=np.float32) / np.float32(255)


def _draw_sticker(layer: Uint8, cover: Uint8, size: int, rng: np.random.Generator) -> None:
    """A smiley, a heart-like diamond or a star of about `size` pixels from its middle."""
    height, width = cover.shape
    free = np.array([width, height]) * (1 - 2 * _MARGIN)
    x, y = (_MARGIN * np.array([width, height]) + rng.random(2) * free).astype(int).tolist()
    colour = _bright(rng)
    points = int(rng.choice([0, 4, 5]))
    if points:
        shape = _star((x, y), size, points, rng.uniform(0, np.pi))
        for canvas, value in ((layer, colour), (cover, 255)):
            cv2.fillPoly(canvas, [shape], value, cv2.LINE_AA)
        return
    dark = (30, 20, 20)
    for canvas, value in ((layer, colour), (cover, 255)):
        cv2.circle(canvas, (x, y), size, value, -1, cv2.LINE_AA)
    for side in (-1, 1):
        eye = (x + side * size // 3, y - size // 4)
        cv2.circle(layer, eye, max(1, size // 8), dark, -1, cv2.LINE_AA)
    mouth = (size // 2, max(1, size // 3))
    cv2.ellipse(layer, (x, y + size // 8), mouth, 0, 10, 170, dark, max(1, size // 10), cv2.LINE_AA)


def _star(centre: tuple[int, int], size: int, points: int, turn: float) -> np.ndarray:
    """The corners of a star, (2 * points, 2) int32 pixels."""
    angles = turn + np.arange(2 * points) * np.pi / points
    radius = np.where(np.arange(2 * points) % 2, 0.45 * size, size)
    corners = (
        np.array(centre) + np.stack([np.cos(angles), np.sin(angles)], axis=1) * radius[:, None]
    )
    return np.asarray(np.rint(corners), dtype=np.int32)


def _write(
    layer: Uint8, cover: Uint8, text: str, row: float, size: int, rng: np.random.Generator
) -> None:
    """A line of outlined text whose letters are about `size` pixels high, as far as it fits."""
    height, width = cover.shape
    (wide, high), _ = cv2.getTextSize(text, _FONT, 1.0, 2)
    scale = min(size / high, (1 - 2 * _MARGIN) * width / wide)
    x = int(_MARGIN * width + rng.random() * max(0.0, (1 - 2 * _MARGIN) * width - wide * scale))
    line = np.zeros_like(cover)
    at = (x, round(row * height))
    cv2.putText(line, text, at, _FONT, scale, 255, max(1, round(2 * scale)), cv2.LINE_AA)
    around = 2 * max(1, size // 12) + 1
    ellipse = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (around, around))
    outline = np.asarray(cv2.dilate(line, ellipse), dtype=np.uint8)
    np.maximum(cover, outline, out=cover)
    inked = outline > 0
    strength = line[inked].astype(np.float32)[:, None] / 255
    layer[inked] = rounded(strength * np.array(_bright(rng), dtype=np.float32))


def _bright(rng: np.random.Generator) -> Sequence[int]:
    """A light or strong colour, RGB."""
    values = rng.permutation([255, int(rng.integers(120, 256)), int(rng.integers(0, 256))])
    return [int(v) for v in values]
