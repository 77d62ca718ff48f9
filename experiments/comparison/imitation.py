"""The aligned reference, encoded as the suspect was, as far as its file tells how."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ...datasets.perturbations.encoding import Encoder, Encoding, frame_rate, transcode
from ...datasets.types import Frame
from .scanning import Scan
from .types import EncoderSettings

TRIAL_FRAMES = 24
FRAMES = 72  # of the imitation that the null model is made of
TRIES = 3
HELD = 128 << 20  # bytes of pictures that the search may hold
CLOSE = 0.12  # of the bit rate: near enough


@dataclass(frozen=True)
class _Family:
    """An encoder, its range of CRF, and by how much bits fall with one step."""

    encoder: str
    low: float
    high: float
    start: float
    halving: float
    others: dict[str, str]


_FAMILIES = {
    "h264": _Family("libx264", 0, 51, 26, 6.0, {"preset": "medium"}),
    "hevc": _Family("libx265", 0, 51, 28, 6.0, {"preset": "fast"}),
    "vp9": _Family("libvpx-vp9", 0, 63, 32, 10.0, {"b": "0", "deadline": "good", "cpu-used": "5"}),
    "av1": _Family("libsvtav1", 1, 63, 32, 11.0, {"preset": "10"}),
}
_USUAL = "h264"


class Imitation:
    """Aligned pictures of the reference, encoded with the suspect's settings, estimated.

    The codec is the suspect's; the quality is searched for until the pictures take as many bytes as
    the suspect's own.

    Attributes:
        known: Whether the suspect's codec is among those that are imitated as themselves.
    """

    def __init__(
        self, aligned: Callable[[int], Iterator[Frame]], suspect: Scan, places: np.ndarray
    ) -> None:
        """Searches for the quality.

        Args:
            aligned: aligned(n) -> the first n pictures on the suspect's full canvas, in its
                colours, numbered from 0; can be called again.
            suspect: its scan. places: (n,) its frames' places, of the pictures.
        """
        self.known = suspect.info.codec in _FAMILIES
        self._family = _FAMILIES.get(suspect.info.codec, _FAMILIES[_USUAL])
        self._interval = _keyframe_interval(suspect)
        self._aligned, self._suspect, self._places = aligned, suspect, places
        self._quality = self._search()
        self._sizes: dict[int, tuple[int, bool]] = {}

    def frames(self, pictures: Iterator[Frame]) -> Iterator[Frame]:
        """Pictures as they are after coding; numbers and times stay."""
        self._sizes = {}
        encoding = _encoding(self._family, self._quality, self._interval)
        return transcode(pictures, encoding, _note(self._sizes))

    @property
    def settings(self) -> EncoderSettings:
        """After `frames` has been read to its end."""
        suspect = self._suspect
        fps = 1 / max(suspect.frame_seconds, 1e-3)
        made = [s for s, _ in self._sizes.values()]
        own = suspect.packet_bytes[suspect.frames[self._places]]
        return EncoderSettings(
            codec=suspect.info.codec,
            encoder=self._family.encoder,
            quality=round(self._quality, 1),
            keyframe_interval=self._interval,
            kbps=float(np.mean(own)) * 8 * fps / 1000,
            imitation_kbps=float(np.mean(made)) * 8 * fps / 1000 if made else 0.0,
            width=suspect.info.width,
            height=suspect.info.height,
        )

    def _search(self) -> float:
        family, suspect = self._family, self._suspect
        picture_bytes = 3 * suspect.info.width * suspect.info.height
        count = min(len(self._places), TRIAL_FRAMES, max(8, HELD // picture_bytes))
        frames = suspect.frames[self._places[:count]]
        # where the run begins with a key frame, it counts: it tells the quantiser best
        with_keys = bool(suspect.keyframes[frames[0]])
        own = {int(f): (int(suspect.packet_bytes[f]), bool(suspect.keyframes[f])) for f in frames}
        wanted = _mean_bytes(own, with_keys)
        pictures = list(self._aligned(count))
        quality, best, nearest = family.start, family.start, math.inf
        for _ in range(TRIES):
            sizes = _encoded_sizes(pictures, _encoding(family, quality, self._interval))
            off = math.log2(max(_mean_bytes(sizes, with_keys), 1.0) / max(wanted, 1.0))
            if abs(off) < nearest:
                nearest, best = abs(off), quality
            following = quality + off * family.halving
            following = float(np.clip(following, family.low, family.high))
            if nearest < math.log2(1 + CLOSE) or abs(following - quality) < 0.5:
                break
            quality = following
        return best


def _encoding(family: _Family, quality: float, interval: int) -> Encoding:
    options = dict(family.others)
    exact = family.encoder in ("libx264", "libx265")
    options["crf"] = f"{quality if exact else round(quality):g}"
    options["g"] = str(interval)
    return Encoding(family.encoder, options)


def _note(sizes: dict[int, tuple[int, bool]]) -> Callable[[int, int, bool], None]:
    def note(index: int, size: int, key: bool) -> None:
        sizes[index] = (size, key)

    return note


def _encoded_sizes(pictures: list[Frame], encoding: Encoding) -> dict[int, tuple[int, bool]]:
    """Each picture's bytes and whether it is a key frame; nothing is decoded."""
    encoder = Encoder(encoding, pictures[0], frame_rate(pictures[:2]))
    packets = [packet for picture in pictures for packet in encoder.encode(picture)]
    packets += encoder.finish()
    return {k: (packet.size, packet.is_keyframe) for k, packet in enumerate(packets)}


def _mean_bytes(sizes: dict[int, tuple[int, bool]], with_keys: bool) -> float:
    """Mean bytes of a frame; without key frames, unless there are no others."""
    between = [size for size, key in sizes.values() if with_keys or not key]
    counted = between or [size for size, _ in sizes.values()]
    return float(np.mean(counted)) if counted else 1.0


def _keyframe_interval(suspect: Scan) -> int:
    """The usual distance of key frames; 250, x264's own, where there is but one."""
    places = np.flatnonzero(suspect.keyframes)
    return int(np.median(np.diff(places))) if len(places) > 1 else 250
