"""What is known of a pair, kept beside its files."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ....datasets.types import Float64, Int64, Uint8

_FACTS, _ARRAYS = "truth.json", "truth.npz"
Bool = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True)
class Truth:
    """The answers.

    `case`: as in the journal. `frames`: (n,) int64, for every frame of the suspect the reference's
    frame that it shows, or -1. `parts`: (n,) int64, which joined part it belongs to. `alike`:
    (reference's frames,) int64; frames of the same number, in a row, can't be told apart.
    `resampled`: frames were picked by time, so that two can be equally near. `matrix`: (2, 3)
    float64, pixels of the reference to the suspect's; None unless derived. `corners_xy`: (4, 2)
    float64, of what is seen of the reference, in its own pixels. `size`: (width, height) of the
    suspect. `picture_xyxy`: the part of the suspect that is no border. `overlays`: (kind, first
    frame, last frame, x1, y1, x2, y2). `blended`, `touched`: (n, bytes) uint8, packed masks of the
    altered face: an alpha of at least one half, and a visible difference; None where the face is
    unaltered.
    """

    case: dict[str, Any]
    frames: Int64
    parts: Int64
    alike: Int64
    resampled: bool
    matrix: Float64 | None
    mirrored: bool
    corners_xy: Float64 | None
    size: tuple[int, int]
    picture_xyxy: tuple[int, int, int, int]
    overlays: tuple[tuple[str, int, int, int, int, int, int], ...] = ()
    blended: Uint8 | None = field(default=None, repr=False)
    touched: Uint8 | None = field(default=None, repr=False)

    @property
    def derived(self) -> bool:
        return self.matrix is not None

    def mask(self, which: str, frame: int) -> Bool:
        """(height, width) bool: where the face is altered; `which` is blended or touched."""
        packed = {"blended": self.blended, "touched": self.touched}[which]
        width, height = self.size
        if packed is None:
            return np.zeros((height, width), dtype=bool)
        return (
            np.unpackbits(packed[frame], count=width * height).reshape(height, width).astype(bool)
        )

    def overlaid(self, frame: int) -> Bool:
        """(height, width) bool: the boxes of what lies over this frame."""
        out = np.zeros(self.size[::-1], dtype=bool)
        for _, first, last, x1, y1, x2, y2 in self.overlays:
            if first <= frame <= last:
                out[y1:y2, x1:x2] = True
        return out

    def write(self, folder: Path) -> None:
        """`truth.json` and `truth.npz`; the former is written last."""
        arrays: dict[str, Any] = {n: getattr(self, n) for n in ("frames", "parts", "alike")}
        for name in ("blended", "touched"):
            if getattr(self, name) is not None:
                arrays[name] = getattr(self, name)
        np.savez_compressed(folder / _ARRAYS, **arrays)
        facts = {
            "case": self.case,
            "resampled": self.resampled,
            "matrix": None if self.matrix is None else self.matrix.tolist(),
            "mirrored": self.mirrored,
            "corners_xy": None if self.corners_xy is None else self.corners_xy.tolist(),
            "size": self.size,
            "picture_xyxy": self.picture_xyxy,
            "overlays": self.overlays,
            "frames": self.frames.tolist(),
        }
        (folder / _FACTS).write_text(json.dumps(facts), encoding="utf-8")


def read_truth(folder: Path) -> Truth | None:
    """What `Truth.write` wrote; None if the pair is not there, or not whole."""
    if not (folder / _FACTS).exists():
        return None
    facts = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
    del facts["frames"]  # for readers; the arrays have it
    for name in ("matrix", "corners_xy"):
        facts[name] = None if facts[name] is None else np.array(facts[name])
    for name in ("size", "picture_xyxy"):
        facts[name] = tuple(facts[name])
    facts["overlays"] = tuple(tuple(o) for o in facts["overlays"])
    with np.load(folder / _ARRAYS) as arrays:
        return Truth(**facts, **{name: arrays[name] for name in arrays.files})
