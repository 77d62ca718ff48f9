"""What the template index takes and gives, and how it fails."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...datasets.types import Float32, Float64, Uint8


class BadIndex(Exception):
    """A template index that can't be used; the message names the file, why, and what to do."""


class IndexBusy(Exception):
    """Another process is writing to the index."""


@dataclass(frozen=True)
class Points:
    """Local features of one or more key frames.

    `codes`: (n, CODE_BYTES) uint8, binary descriptors. `xy`: (n, 2) float32, pixels of the key
    frame. `size`: (n,) float32, the feature's diameter in these pixels. `frame`: (n,) int64, which
    key frame, from 0, not falling.
    """

    codes: Uint8 = field(repr=False)
    xy: Float32 = field(repr=False)
    size: Float32 = field(repr=False)
    frame: np.ndarray[Any, np.dtype[np.int64]] = field(repr=False)

    def __post_init__(self) -> None:
        count = len(self.codes)
        for name, want in (("xy", (count, 2)), ("size", (count,)), ("frame", (count,))):
            got = getattr(self, name).shape
            if got != want:
                raise ValueError(f"expected {name} {want} for {count} codes, got {got}")

    def __len__(self) -> int:
        return len(self.codes)


@dataclass(frozen=True)
class Fingerprint:
    """What is kept of one video's pictures.

    `points`: of all key frames. `seconds`: (k,) float64, when each key frame is shown. `width`,
    `height`: of the key frames, pixels.
    """

    points: Points
    seconds: Float64
    width: int
    height: int

    def __post_init__(self) -> None:
        if len(self.points) and int(self.points.frame[-1]) >= len(self.seconds):
            raise ValueError(
                f"expected points of {len(self.seconds)} key frames, got one of key frame "
                f"{int(self.points.frame[-1])}"
            )


@dataclass(frozen=True)
class Template:
    """One video of an index. `num_frames`: of the file; `num_keyframes`: fingerprinted."""

    path: str
    sha256: str
    duration_seconds: float
    fps: float
    width: int
    height: int
    num_frames: int
    num_keyframes: int
    num_points: int

    def to_dict(self) -> dict[str, Any]:
        """As the JSON output has it."""
        return dict(self.__dict__)


@dataclass(frozen=True)
class TemplateMatch:
    """One original that a suspect shows a stretch of.

    `suspect_seconds`, `template_seconds`: first and last moment of the stretch in each, from the
    file's beginning. `rate`: seconds of the template that go by in one second of the suspect.
    `mirrored`: left to right. `scale_x`, `scale_y`: suspect pixels for one template pixel.
    `score`: share of the suspect's local features in the stretch that lie, in the aligned template
    frame, where the geometry puts them (0 to 1). `num_points`: how many features that is, each
    place in the picture counted once. `margin`: by which factor there is more than a match needs,
    at least 1 (see `matching`). `lead`: by which share its agreement exceeds that of the best other
    template over the same stretch: 1 without a rival, near 0 between two takes of one scene, below 0
    where another one fits better.
    """

    template: Template
    suspect_seconds: tuple[float, float]
    template_seconds: tuple[float, float]
    rate: float
    mirrored: bool
    scale_x: float
    scale_y: float
    score: float
    num_points: int
    margin: float
    lead: float

    def to_dict(self) -> dict[str, Any]:
        """As the JSON output has it."""
        plain = {k: v for k, v in self.__dict__.items() if k != "template"}
        for name in ("suspect_seconds", "template_seconds"):
            plain[name] = [round(v, 3) for v in plain[name]]
        return {"template": self.template.to_dict(), **plain}


@dataclass(frozen=True)
class Unreadable:
    """A file that could not be fingerprinted."""

    path: str
    reason: str


@dataclass(frozen=True)
class Added:
    """What an `add` did. `known`: files that were in the index already, by their SHA-256."""

    added: tuple[Template, ...]
    known: tuple[str, ...]
    unreadable: tuple[Unreadable, ...]
