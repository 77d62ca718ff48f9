"""The pictures of a comparison's report: aligned pairs and their changed pixels, within a budget."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from PIL import Image

from ....datasets.types import Uint8
from ...report.pictures import data_uri
from ..showing import ShownPair, shown_pairs
from ..tint import TINT_OPACITY, TINT_RGB, Mask, outline, scaled
from ..types import Comparison, PairRow, Status, Stretch

MOST_PAIRS = 120
MOST_ENDS = 40  # of these, at most, that are there because a stretch begins or ends with them
LONG_SIDE = 640
JPEG_QUALITY = 80
PICTURE_BYTES = 14_000_000  # of a page, as they stand in it
FIGURES = 3  # pairs that are shown without the player too
_RECORD_BYTES = 60  # of the markup around a picture


@dataclass(frozen=True)
class Shot:
    """One pair that is shown. `place`: in the comparison's pairs. Data URIs of the pictures."""

    place: int
    row: PairRow
    reference: str
    suspect: str
    changes: str

    @property
    def bytes(self) -> int:
        """What it adds to the page."""
        texts = (self.reference, self.suspect, self.changes)
        return sum(len(text) + _RECORD_BYTES for text in texts)


@dataclass(frozen=True)
class Album:
    """The pairs that are shown, rising by suspect frame.

    `width`, `height`: of the pictures, pixels. `num_pairs`: that there are. `num_unread`: that were
    to be shown and can't be decoded.
    """

    shots: tuple[Shot, ...]
    width: int
    height: int
    num_pairs: int
    num_unread: int = 0

    @property
    def bytes(self) -> int:
        """What its pictures add to the page."""
        return sum(shot.bytes for shot in self.shots)

    def within(self, budget: int) -> Album:
        """As many of its pairs, spread evenly, as take no more than `budget` bytes."""
        shots = self.shots
        while shots and sum(shot.bytes for shot in shots) > budget:
            share = budget / sum(shot.bytes for shot in shots)
            keep = min(len(shots) - 1, int(len(shots) * share))
            shots = tuple(shots[i] for i in spread(len(shots), keep))
        return Album(shots, self.width, self.height, self.num_pairs, self.num_unread)

    def figures(self) -> tuple[Shot, ...]:
        """A few pairs, from the first to the last."""
        return tuple(self.shots[i] for i in spread(len(self.shots), FIGURES))


def build_album(comparison: Comparison, *, budget: int = PICTURE_BYTES) -> Album:
    """The pairs to show; none where nothing was compared.

    Args:
        comparison: Whose files are read again.
        budget: Bytes that the pictures may take in the page.

    Raises:
        UnreadableVideo: one of the files is gone or has changed since.
    """
    size = picture_size(comparison.suspect.width, comparison.suspect.height)
    if comparison.status is not Status.COMPARED or not comparison.pairs:
        return Album((), *size, len(comparison.pairs))
    places = choose(comparison.pairs, comparison.stretches, MOST_PAIRS)
    shots = tuple(_shot(pair, size) for pair in shown_pairs(comparison, places))
    whole = Album(shots, *size, len(comparison.pairs), len(places) - len(shots))
    return whole.within(budget)


def choose(pairs: Sequence[PairRow], stretches: Sequence[Stretch], most: int) -> list[int]:
    """Places of at most `most` pairs: the ends of each stretch where there are few, the rest evenly.

    All of them, if there are no more than `most`.
    """
    if len(pairs) <= most:
        return list(range(len(pairs)))
    ends: set[int] = set()
    if 2 * len(stretches) <= min(MOST_ENDS, most // 2):
        first: dict[int, int] = {}
        last: dict[int, int] = {}
        for place, row in enumerate(pairs):
            first.setdefault(row.stretch, place)
            last[row.stretch] = place
        ends = set(first.values()) | set(last.values())
    return sorted(ends | set(spread(len(pairs), most - len(ends))))


def spread(count: int, wanted: int) -> list[int]:
    """`wanted` of `count` places, evenly from the first to the last; all if there are no more.

    >>> spread(10, 4), spread(2, 3), spread(5, 1), spread(0, 3)
    ([0, 3, 6, 9], [0, 1], [2], [])
    """
    if wanted >= count:
        return list(range(count))
    if wanted <= 1:
        return [count // 2] if wanted == 1 else []
    return [round(i * (count - 1) / (wanted - 1)) for i in range(wanted)]


def picture_size(width: int, height: int) -> tuple[int, int]:
    """(width, height) of a picture in the report, whose longer side is at most 640 pixels.

    >>> picture_size(1920, 1080), picture_size(320, 240)
    ((640, 360), (320, 240))
    """
    scale = min(1.0, LONG_SIDE / max(width, height))
    return max(1, round(scale * width)), max(1, round(scale * height))


def encode_jpeg(image: Uint8, size: tuple[int, int]) -> bytes:
    """(H, W, 3) RGB as a JPEG of (width, height), to be looked at, not measured."""
    if (image.shape[1], image.shape[0]) != size:
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    done, buffer = cv2.imencode(".jpg", np.ascontiguousarray(image[..., ::-1]), options)
    if not done:
        raise ValueError(f"could not encode a picture of shape {image.shape} as JPEG")
    return bytes(buffer)


def encode_changes(changed: Mask, size: tuple[int, int]) -> bytes:
    """(H, W) bool as a PNG of (width, height): clear, tinted, and the line around what is tinted."""
    mask = scaled(changed, size)
    levels: np.ndarray[Any, np.dtype[np.uint8]] = mask.astype(np.uint8)
    levels[outline(mask, max(1, round(max(size) / 400)))] = 2
    picture = Image.frombytes("P", size, levels.tobytes())
    picture.putpalette([0, 0, 0, *TINT_RGB, *TINT_RGB])
    file = io.BytesIO()
    clear = bytes([0, round(255 * TINT_OPACITY), 255])
    picture.save(file, "PNG", optimize=True, bits=2, transparency=clear)
    return file.getvalue()


def _shot(pair: ShownPair, size: tuple[int, int]) -> Shot:
    return Shot(
        place=pair.place,
        row=pair.row,
        reference=data_uri("jpeg", encode_jpeg(pair.reference, size)),
        suspect=data_uri("jpeg", encode_jpeg(pair.suspect, size)),
        changes=data_uri("png", encode_changes(pair.changed, size)),
    )
