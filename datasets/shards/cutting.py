"""Crops for a network out of stored ones, by the same code as scoring, and whether they fit in."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..crops import crop_face
from ..types import CropSpec, Face, Uint8
from .layout import Prepared

Transform = Callable[[Uint8, np.random.Generator], Uint8]


@dataclass(frozen=True)
class Cut:
    """What becomes of stored pictures on their way to a network.

    `margin_jitter`: each item's margin is `spec.margin` times a factor drawn evenly from
    1 - margin_jitter to 1 + margin_jitter; a clip's frames share it. `transform`: takes the crops
    of one item, (T, size, size, 3) uint8 RGB, and a generator to draw from; returns as many, alike.
    """

    spec: CropSpec
    margin_jitter: float = 0.0
    transform: Transform | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.margin_jitter < 1:
            raise ValueError(f"expected a margin_jitter from 0 to 1, got {self.margin_jitter}")
        if self.spec.margin * (1 - self.margin_jitter) < 0.5:
            raise ValueError(
                f"a margin of {self.spec.margin:g} with a margin_jitter of {self.margin_jitter:g} "
                "goes below 0.5, the smallest margin of a crop"
            )

    @property
    def margin_needed(self) -> float:
        """The margin that a stored crop must have for every crop to lie in it."""
        turned = math.sqrt(2) if self.spec.align == "similarity" else 1.0
        return self.spec.margin * (1 + self.margin_jitter) * turned

    def __call__(
        self,
        samples: Sequence[tuple[Mapping[str, Any], Uint8]],
        rng: np.random.Generator,
    ) -> Uint8:
        """The crops of one item.

        Args:
            samples: descriptions and pictures, as read.
            rng: what is random comes from it.

        Returns:
            (T, size, size, 3) uint8 RGB.

        Raises:
            ValueError: a stored crop is narrower than these crops are, or the transform returns
                something else than crops.
        """
        spec = self.spec
        if self.margin_jitter:
            factor = rng.uniform(1 - self.margin_jitter, 1 + self.margin_jitter)
            spec = replace(spec, margin=spec.margin * factor)
        crops = np.stack([self._crop(d, image, spec) for d, image in samples])
        if self.transform is None:
            return crops
        changed = self.transform(crops, rng)
        if changed.shape != crops.shape or changed.dtype != np.uint8:
            raise ValueError(
                f"expected the transform to return {crops.shape} uint8, "
                f"got {changed.shape} {changed.dtype}"
            )
        return changed

    def _crop(self, description: Mapping[str, Any], image: Uint8, spec: CropSpec) -> Uint8:
        face = stored_face(description)
        pixel = float(description["scale"])  # one of the frame's: stored sides are whole pixels
        if len(image) + pixel < self.margin_needed * face.size:
            raise ValueError(
                f"{description['video_id']!r}: these crops need a margin of "
                f"{self.margin_needed:.2f}, the stored crop has {len(image) / face.size:.2f}; "
                "prepare with a larger --margin"
            )
        return crop_face(image, face, spec)


def stored_face(description: Mapping[str, Any]) -> Face:
    """The face in a stored crop's pixels: `crop_face` cuts what it cuts of the full frame."""
    box = np.array(description["box_xyxy"], dtype=np.float32)
    points = np.array(description["landmarks_xy"], dtype=np.float32)
    return Face(box, points, float(description["confidence"]))


def check_fits(
    cut: Cut, clip_length: int | None, stride: int | None, prepared: Prepared, where: str
) -> None:
    """Refuses what the crops of this folder can't give.

    Args:
        cut: what is to be cut.
        clip_length: frames of a clip; None for single crops.
        stride: frames from one of the clip's frames to the next; None for the stored one.
        prepared: what was prepared.
        where: the folder, for the message.

    Raises:
        ValueError: naming both sides, and how to prepare again.
    """
    stored = prepared.spec
    if cut.margin_needed > stored.margin + 1e-9:
        why = [f"margin {cut.spec.margin:g}"]
        why += [f"{cut.margin_jitter:.0%} of jitter"] if cut.margin_jitter else []
        why += ["turned by alignment, so times 1.41"] if cut.spec.align == "similarity" else []
        raise ValueError(
            f"{where}: these crops need a margin of {cut.margin_needed:.2f} ({', '.join(why)}), and "
            f"{stored.margin:g} was prepared; prepare with --margin {cut.margin_needed + 0.005:.2f}"
        )
    if clip_length is None:
        if stride is not None:
            raise ValueError(f"expected no stride for single crops, got {stride}")
        return
    if clip_length < 1:
        raise ValueError(f"expected a clip_length of at least 1, got {clip_length}")
    if clip_length > stored.sampling.clip_length:
        raise ValueError(
            f"{where}: clips of {clip_length} frames are wanted, and clips of "
            f"{stored.sampling.clip_length} were prepared; prepare with longer ones"
        )
    if stride is not None and clip_length > 1 and stride != stored.sampling.stride:
        raise ValueError(
            f"{where}: a stride of {stride} frames is wanted, and {stored.sampling.stride} was "
            "prepared; prepare with that stride"
        )


def enlarged(spec: CropSpec, prepared: Prepared) -> str | None:
    """A sentence where the largest faces were stored smaller than they are wanted."""
    most = round(prepared.spec.max_size * spec.margin / prepared.spec.margin)
    if most >= spec.size:
        return None
    return (
        f"crops were stored with at most {prepared.spec.max_size} px, which leaves at most {most} px "
        f"for these crops of {spec.size} px: the rest is enlarged"
    )
