"""What a case is, and how cases are drawn: each from the seed, its kind and its number alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from .drawing import Encode, Step, draw_encode, draw_plain, draw_steps
from .forging import BLENDS, OUTLINES, Alteration
from .sources import Source

KINDS = ("derived", "other take", "unrelated")
# A block of derived cases: two plain re-encodings, and five recipes without and with another face.
_BLOCK = (
    *((("plain", 0), False), (("mixed", 1), False), (("mixed", 1), True)),
    *((("mixed", 2), False), (("mixed", 2), True), (("plain", 3), False)),
    *((("mixed", 4), False), (("mixed", 4), True), (("mixed", 5), False)),
    *((("mixed", 5), True), (("mixed", 6), False), (("mixed", 6), True)),
)
_RECIPES = 7  # in a block
STILL_FRAMES = 240
_STILL_FPS = (25.0, 30.0)
_FILM_SECONDS = (8.0, 14.0)
_FILM_SHARE = 0.5  # of the cases, where there are both kinds of sources
_FACE_SHARE = 0.9  # of a stretch's frames must show the face
_TRIES = 60


class NoSuchCase(Exception):
    """A case that can't be drawn from these sources; the message says what is missing."""


@dataclass(frozen=True)
class Take:
    """A stretch of a film, from frame `first`; or a still, set in motion by the seed `motion`."""

    source: str
    num_frames: int
    fps: float
    first: int = 0
    motion: int = 0


@dataclass(frozen=True)
class Case:
    """A pair to make.

    `kind`: of `KINDS`. `plain`: a mere re-encoding, perhaps at another size. `suspect`: what it is
    made of; the same take as the reference's if it is derived. `steps`: what is done to it.
    `from_master`: it is made of the frames before the reference was encoded. `film`: whether the
    suspect's source is film. `reference_crf`: x264's.
    """

    name: str
    kind: str
    plain: bool
    film: bool
    reference: Take
    suspect: Take
    steps: tuple[Step, ...]
    encode: Encode
    reference_crf: int
    from_master: bool = False
    alteration: Alteration | None = None

    def to_dict(self) -> dict[str, Any]:
        """As it stands in the journal and beside the files."""
        return asdict(self)

    def tags(self) -> list[str]:
        """What slices it belongs to: its steps, codec, source."""
        out = [step.name for step in self.steps]
        out += ["film" if self.film else "still", self.encode.codec]
        if self.encode.codec == "libx264" and self.encode.quality >= 32:
            out.append("CRF 32 and more")
        if self.from_master:
            out.append("from the master")
        if self.reference.num_frames / self.reference.fps < 6:
            out.append("short reference")
        return [*out, self.reference.source] if self.film else out

    def described(self) -> str:
        """One line: `film franck: trim, crop; libx264 31; hull feathered`."""
        steps = ", ".join(step.name for step in self.steps) or "nothing"
        parts = [f"{'film' if self.film else 'still'} {self.reference.source}: {steps}"]
        parts.append(f"{self.encode.codec} {self.encode.quality}")
        if self.alteration:
            parts.append(f"{self.alteration.outline} {self.alteration.blend}")
        return "; ".join(parts)


def names(derived: int, other_takes: int, unrelated: int) -> Iterator[str]:
    """The cases' names, their kinds spread evenly, so that any beginning is balanced.

    >>> list(names(3, 1, 1))
    ['derived-0000', 'derived-0001', 'other-take-0000', 'unrelated-0000', 'derived-0002']
    """
    counts = dict(zip(KINDS, (derived, other_takes, unrelated), strict=True))
    places = [
        ((number + 0.5) / count, order, kind, number)
        for order, (kind, count) in enumerate(counts.items())
        for number in range(count)
    ]
    for _, _, kind, number in sorted(places):
        yield f"{kind.replace(' ', '-')}-{number:04}"


def draw(name: str, seed: int, sources: Sequence[Source]) -> Case:
    """The case of this name; the same for the same seed and sources.

    Raises:
        NoSuchCase: the name is none, or the sources are too few.
    """
    stem, _, digits = name.rpartition("-")
    kind = stem.replace("-", " ")
    if kind not in KINDS or not digits.isdigit():
        known = ", ".join(f"{k.replace(' ', '-')}-0000" for k in KINDS)
        raise NoSuchCase(f"unknown case {name!r}; names look like {known}")
    number = int(digits)
    if kind == "derived":
        return _derived(name, number, seed, sources)
    rng = np.random.default_rng([seed, KINDS.index(kind), number])
    if kind == "other take":
        return _other_take(name, rng, sources)
    return _unrelated(name, rng, sources)


def _derived(name: str, number: int, seed: int, sources: Sequence[Source]) -> Case:
    (form, place), altered = _BLOCK[number % len(_BLOCK)]
    recipe = number // len(_BLOCK) * _RECIPES + place
    rng = np.random.default_rng([seed, 0, recipe])
    source = _one_of(sources, rng)
    take = _take(source, rng)
    if form == "plain":
        steps, encode = draw_plain(rng, _size(source)), draw_encode(rng, x264_only=True)
    else:
        seconds = take.num_frames / take.fps
        steps = draw_steps(rng, _size(source), take.num_frames, take.fps, seconds)
        encode = draw_encode(rng)
    return Case(
        name=name,
        kind="derived",
        plain=form == "plain",
        film=source.kind == "film",
        reference=take,
        suspect=take,
        steps=steps,
        encode=encode,
        reference_crf=int(rng.integers(15, 19)),
        from_master=form == "mixed" and bool(rng.random() < 0.2),
        alteration=_alteration(rng, source, sources) if altered else None,
    )


def _other_take(name: str, rng: np.random.Generator, sources: Sequence[Source]) -> Case:
    source = _one_of(sources, rng)
    if source.kind == "still":
        return _undisturbed(name, "other take", rng, source, source, _take(source, rng), None)
    kin = [s for s in sources if s.group == source.group]
    other = kin[int(rng.integers(len(kin)))]
    if other is not source:
        return _undisturbed(name, "other take", rng, source, other, _take(source, rng), None)
    longest = int(source.num_frames * 0.45)
    for _ in range(_TRIES):
        take, second = _take(source, rng, longest), _take(source, rng, longest)
        first, then = sorted((take, second), key=lambda t: t.first)
        if first.first + first.num_frames <= then.first:
            return _undisturbed(name, "other take", rng, source, source, take, second)
    half = source.num_frames // 2
    return _undisturbed(
        name, "other take", rng, source, source,
        Take(source.name, half, source.fps), Take(source.name, half, source.fps, half),
    )  # fmt: skip


def _unrelated(name: str, rng: np.random.Generator, sources: Sequence[Source]) -> Case:
    source = _one_of(sources, rng)
    others = [s for s in sources if s.group != source.group]
    if not others:
        raise NoSuchCase(f"{name}: expected sources of two people at least; give more --clips")
    other = _one_of(others, rng)
    return _undisturbed(name, "unrelated", rng, source, other, _take(source, rng), None)


def _undisturbed(
    name: str,
    kind: str,
    rng: np.random.Generator,
    source: Source,
    other: Source,
    reference: Take,
    suspect: Take | None,
) -> Case:
    """A pair that is not derived; half of the suspects went through the usual steps."""
    take = suspect or _take(other, rng)
    steps: tuple[Step, ...] = ()
    if rng.random() < 0.5:
        seconds = take.num_frames / take.fps
        steps = draw_steps(rng, _size(other), take.num_frames, take.fps, seconds)
    return Case(
        name=name,
        kind=kind,
        plain=False,
        film=other.kind == "film",
        reference=reference,
        suspect=take,
        steps=steps,
        encode=draw_encode(rng),
        reference_crf=int(rng.integers(15, 19)),
    )


def _one_of(sources: Sequence[Source], rng: np.random.Generator) -> Source:
    """A film or a still, either with its share; longer films more often."""
    films = [s for s in sources if s.kind == "film"]
    stills = [s for s in sources if s.kind == "still"]
    pick_film = bool(rng.random() < _FILM_SHARE) if films and stills else bool(films)
    if pick_film:
        weights = np.sqrt([s.num_frames for s in films])
        return films[int(rng.choice(len(films), p=weights / weights.sum()))]
    if not stills:
        raise NoSuchCase("there is nothing to make cases of; give --clips or --portraits")
    return stills[int(rng.integers(len(stills)))]


def _take(source: Source, rng: np.random.Generator, longest: int | None = None) -> Take:
    """A stretch that shows the face nearly throughout, or a still with a motion of its own."""
    if source.kind == "still":
        motion = int(rng.integers(2**31))
        return Take(source.name, STILL_FRAMES, float(rng.choice(_STILL_FPS)), motion=motion)
    most = longest or source.num_frames
    for _ in range(_TRIES):
        count = min(most, round(rng.uniform(*_FILM_SECONDS) * source.fps))
        first = int(rng.integers(source.num_frames - count + 1))
        seen = ~np.isnan(source.points[first : first + count, 0, 0])
        if seen.mean() >= _FACE_SHARE:
            return Take(source.name, count, source.fps, first)
    raise NoSuchCase(f"{source.path}: no stretch that shows a face nearly throughout was found")


def _alteration(rng: np.random.Generator, source: Source, sources: Sequence[Source]) -> Alteration:
    donors = [s.name for s in sources if s.kind == "still" and s.group != source.group]
    if not donors:
        raise NoSuchCase("another person's portrait is wanted to alter a face; give --portraits 2")
    return Alteration(
        outline=str(rng.choice(list(OUTLINES))),
        blend=str(rng.choice(BLENDS, p=[0.65, 0.35])),
        donor=str(rng.choice(donors)),
        softness=float(rng.uniform(0.01, 0.04)),
    )


def _size(source: Source) -> tuple[int, int]:
    return source.width, source.height
