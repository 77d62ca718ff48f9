"""Subtitles, a sticker and a logo over a suspect's pictures, and where they lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import cv2
import numpy as np

from ....datasets.types import Float32, Uint8

KINDS = ("subtitles", "sticker", "logo")
_LINES = ("and then he said no", "so what happened", "nobody saw it", "(music)", "wait for it",
          "that was on a Monday", "who told you that?", "it is all true")  # fmt: skip
_FONT = cv2.FONT_HERSHEY_DUPLEX
_LINE_SECONDS = (1.2, 2.6)


@dataclass(frozen=True)
class Overlay:
    """One thing that lies over the frames `first` to `last`, both in it.

    `box_xyxy`: pixels of the suspect, whole. `colours`: (h, w, 3) uint8 RGB and `cover`: (h, w)
    float32 from 0 to 1, both of the box.
    """

    kind: str
    first: int
    last: int
    box_xyxy: tuple[int, int, int, int]
    colours: Uint8 = field(repr=False)
    cover: Float32 = field(repr=False)

    def onto(self, image: Uint8) -> None:
        """Draws it into a picture (H, W, 3) uint8, in place."""
        x1, y1, x2, y2 = self.box_xyxy
        under = image[y1:y2, x1:x2].astype(np.float32)
        mixed = under + self.cover[..., None] * (self.colours - under)
        image[y1:y2, x1:x2] = np.rint(mixed).astype(np.uint8)


def overlays(
    kinds: Sequence[str], seed: int, size: tuple[int, int], seconds: Sequence[float]
) -> list[Overlay]:
    """What lies over a suspect.

    Args:
        kinds: of `KINDS`.
        seed: what they look like, and where they are.
        size: (width, height), pixels.
        seconds: when each frame is shown; subtitles change.
    """
    rng = np.random.default_rng(seed)
    last = len(seconds) - 1
    out = []
    if "sticker" in kinds:
        out.append(_sticker(rng, size, last))
    if "logo" in kinds:
        at = (float(rng.choice([0.02, 0.98])), 0.07)
        out.append(_text("@channel", at, 0.05, 0.65, size, (0, last)))
    if "subtitles" in kinds:
        begin = 0
        while begin <= last:
            until = seconds[begin] + rng.uniform(*_LINE_SECONDS)
            end = max(int(np.searchsorted(seconds, until)) - 1, begin)
            line = str(rng.choice(_LINES))
            out.append(_text(line, (0.5, 0.92), 0.06, 1.0, size, (begin, min(end, last))))
            begin = end + 1
    return out


def _sticker(rng: np.random.Generator, size: tuple[int, int], last: int) -> Overlay:
    """A smiling disc in one of the upper or lower corners."""
    side = round(min(size) * rng.uniform(0.12, 0.2))
    x = round(rng.choice([0.03, 0.97]) * (size[0] - side))
    y = round(rng.choice([0.15, 0.8]) * (size[1] - side))
    colours = np.zeros((side, side, 3), dtype=np.uint8)
    cover = np.zeros((side, side), dtype=np.uint8)
    centre, radius = (side // 2, side // 2), side // 2 - 1
    bright = [int(v) for v in rng.permutation([255, 200, 40])]
    colours[:] = bright
    cv2.circle(cover, centre, radius, 255, -1, cv2.LINE_AA)
    for sign in (-1, 1):
        eye = (side // 2 + sign * side // 5, side * 2 // 5)
        cv2.circle(colours, eye, max(1, side // 14), (20, 20, 20), -1, cv2.LINE_AA)
    mouth = (side // 4, max(1, side // 6))
    at = (side // 2, side * 11 // 20)
    cv2.ellipse(colours, at, mouth, 0, 10, 170, (20, 20, 20), max(1, side // 18), cv2.LINE_AA)
    share = cover.astype(np.float32) / np.float32(255)
    return Overlay("sticker", 0, last, (x, y, x + side, y + side), colours, share)


def _text(
    text: str,
    at: tuple[float, float],
    high: float,
    strength: float,
    size: tuple[int, int],
    frames: tuple[int, int],
) -> Overlay:
    """White letters with a black edge; `at` is their place in the free room, `high` over the height."""
    width, height = size
    colours, cover = _letters(text, round(max(8, high * height)), int(width * 0.94))
    rows, columns = cover.shape
    x = round(at[0] * (width - columns))
    y = min(height - rows, max(0, round(at[1] * height - rows / 2)))
    share = np.asarray(cover * np.float32(strength), dtype=np.float32)
    return Overlay("text", *frames, (x, y, x + columns, y + rows), colours, share)


@lru_cache(maxsize=64)
def _letters(text: str, high: int, widest: int) -> tuple[Uint8, Float32]:
    """Colours and cover of a line of text whose letters are `high` pixels high, if it fits."""
    (wide, tall), _ = cv2.getTextSize(text, _FONT, 1.0, 1)
    scale = min(high / tall, widest / (wide + 12))
    edge = max(1, round(high / 9))
    shape = (round(tall * scale * 1.5) + 2 * edge, round(wide * scale) + 4 * edge)
    inside = np.zeros(shape, dtype=np.uint8)
    at = (2 * edge, round(tall * scale) + edge)
    cv2.putText(inside, text, at, _FONT, scale, 255, max(1, round(scale * 1.4)), cv2.LINE_AA)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * edge + 1, 2 * edge + 1))
    cover = cv2.dilate(inside, disc)
    colours = np.repeat(inside[..., None], 3, axis=2)
    return colours, np.asarray(cover.astype(np.float32) / np.float32(255), dtype=np.float32)
