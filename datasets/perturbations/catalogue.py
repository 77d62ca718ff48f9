"""What a perturbation is, how one is named, and the registry of all of them."""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..registry import Registry, unknown_name
from ..types import Frame, Uint8
from .encoding import Encoding, transcode

Kind = Literal["pixels", "geometry", "codec"]
# (image, the level's setting, seed, index) -> image
PictureFunction = Callable[[Uint8, Any, int, int], Uint8]
# (frames, the level's setting, seed) -> frames
StreamFunction = Callable[[Iterator[Frame], Any, int], Iterator[Frame]]

# DeeperForensics-1.0 calls down- and up-sampling "JPEG", in its code and in its lists of files.
ALIASES = {"JPEG": "DS"}


@dataclass(frozen=True)
class Perturbation(ABC):
    """One thing that happens to a video, in levels that grow worse.

    `code`: 2 to 4 letters. `kind`: `pixels` changes every picture for itself and keeps size and
    times, `geometry` changes where or when things are shown, `codec` goes through an encoder.
    `levels`: what is set at level 1, 2, ...; `setting`: what these values are, in words.
    `keeps_size`, `keeps_times`: whether every picture keeps its width and height, and the video
    its number of frames and their times.
    """

    code: str
    description: str
    kind: Kind
    setting: str
    levels: tuple[Any, ...]
    keeps_size: bool = True
    keeps_times: bool = True

    def at(self, level: int) -> Any:
        """The setting at a level.

        Raises:
            ValueError: there is no such level.
        """
        if type(level) is not int or not 1 <= level <= len(self.levels):
            known = f"levels are 1 to {len(self.levels)}"
            if len(self.levels) == 1:
                known = "the only level is 1"
            raise ValueError(f"{self.code}:{level}: {known} ({self.code}: {self.description})")
        return self.levels[level - 1]

    @abstractmethod
    def stream(self, frames: Iterator[Frame], level: int, seed: int) -> Iterator[Frame]:
        """The frames as they are after it, one by one; see `perturb`."""

    def apply(self, image: Uint8, level: int, seed: int, index: int) -> Uint8:
        """One picture after it; see `unswap.datasets.perturbations.apply`."""
        raise ValueError(
            f"{self.code} ({self.description}) needs a whole video, not one picture; "
            "use perturb() or degrade()"
        )


@dataclass(frozen=True)
class PicturePerturbation(Perturbation):
    """Changes every picture for itself."""

    function: PictureFunction | None = None

    def stream(self, frames: Iterator[Frame], level: int, seed: int) -> Iterator[Frame]:
        for frame in frames:
            image = self.apply(frame.image, level, seed, frame.index)
            yield Frame(frame.index, frame.pts_seconds, image)

    def apply(self, image: Uint8, level: int, seed: int, index: int) -> Uint8:
        assert self.function is not None
        return self.function(image, self.at(level), seed, index)


@dataclass(frozen=True)
class StreamPerturbation(Perturbation):
    """Changes which pictures there are, and when."""

    function: StreamFunction | None = None

    def stream(self, frames: Iterator[Frame], level: int, seed: int) -> Iterator[Frame]:
        assert self.function is not None
        return self.function(frames, self.at(level), seed)


@dataclass(frozen=True)
class CodecPerturbation(Perturbation):
    """Goes through an encoder and back; `prepare` is what happens to the frames before it."""

    encoding_at: Callable[[Any], Encoding] | None = None
    prepare: StreamFunction | None = None

    def encoding(self, level: int) -> Encoding:
        """How it is encoded at a level."""
        assert self.encoding_at is not None
        return self.encoding_at(self.at(level))

    def prepared(self, frames: Iterator[Frame], level: int, seed: int) -> Iterator[Frame]:
        """The frames as they go into its encoder."""
        return frames if self.prepare is None else self.prepare(frames, self.at(level), seed)

    def stream(self, frames: Iterator[Frame], level: int, seed: int) -> Iterator[Frame]:
        return transcode(self.prepared(frames, level, seed), self.encoding(level))


PERTURBATIONS: Registry[Perturbation] = Registry("perturbation")


def picture(
    code: str,
    description: str,
    *,
    setting: str,
    levels: tuple[Any, ...],
    kind: Kind = "pixels",
    keeps_size: bool = True,
) -> Callable[[PictureFunction], PictureFunction]:
    """Decorator that registers a function of one picture."""

    def add(function: PictureFunction) -> PictureFunction:
        PERTURBATIONS.register(code)(
            PicturePerturbation(
                code, description, kind, setting, levels, keeps_size, function=function
            )
        )
        return function

    return add


@dataclass(frozen=True)
class Condition:
    """A perturbation and its level; written `VC:3`.

    Raises:
        KeyError: no perturbation has this code; lists the known ones.
        ValueError: it has no such level.
    """

    code: str
    level: int

    def __post_init__(self) -> None:
        get(self.code).at(self.level)
        object.__setattr__(self, "code", get(self.code).code)

    def __str__(self) -> str:
        return f"{self.code}:{self.level}"


def get(code: str) -> Perturbation:
    """The perturbation with this code, or with this alias; capitals or not.

    Raises:
        KeyError: unknown; lists the known ones.
    """
    name = ALIASES.get(code.upper(), code.upper())
    if name not in PERTURBATIONS.names():
        known = [*PERTURBATIONS.names(), *ALIASES]
        raise KeyError(unknown_name(PERTURBATIONS.kind, code, known))
    return PERTURBATIONS.get(name)


def parse(text: str | Condition) -> Condition:
    """A condition from `CODE:LEVEL`; `CODE` alone will do where there is one level.

    Raises:
        KeyError: unknown code; lists the known ones.
        ValueError: not of this form, or no such level.
    """
    if isinstance(text, Condition):
        return text
    code, colon, level = text.strip().partition(":")
    perturbation = get(code.strip())
    if not colon:
        if len(perturbation.levels) > 1:
            raise ValueError(
                f"expected CODE:LEVEL such as {perturbation.code}:3, got {text!r} without a level"
            )
        return Condition(perturbation.code, 1)
    if not level.strip().isdecimal():
        several = "; give several conditions one by one" if "," in level else ""
        raise ValueError(
            f"{text!r}: levels are 1 to {len(perturbation.levels)}, got {level.strip()!r}{several}"
        )
    return Condition(perturbation.code, int(level))


def video_rng(seed: int, code: str) -> np.random.Generator:
    """What a perturbation draws once for a whole video comes from here."""
    return np.random.default_rng([seed, zlib.crc32(code.encode())])


def check_seed(seed: int) -> int:
    """The seed, if it is one.

    Raises:
        ValueError: it is negative.
    """
    if seed < 0:
        raise ValueError(f"expected a seed of at least 0, got {seed}")
    return int(seed)


def step_seed(seed: int, position: int) -> int:
    """The seed of a chain's step, so that two alike steps don't draw the same."""
    if position == 0:
        return seed
    return int(np.random.SeedSequence([seed, position]).generate_state(1, np.uint64)[0])
