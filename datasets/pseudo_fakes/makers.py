"""The ways to make a pseudo-fake, by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..registry import Registry, unknown_name
from .between_people import blended_between, inconsistent, swapped
from .blending import PseudoFake
from .outlines import FacePicture
from .self_blending import self_blended


class Maker(Protocol):
    """Makes a pseudo-fake of a genuine face; a pure function of its arguments."""

    needs_donor: bool

    def __call__(
        self, face: FacePicture, donor: FacePicture | None, rng: np.random.Generator
    ) -> PseudoFake:
        """`donor` is another person's face; None for makers that need none."""
        ...


makers: Registry[Maker] = Registry("pseudo-fake")


@dataclass(frozen=True)
class _SelfBlending:
    needs_donor = False

    def __call__(
        self, face: FacePicture, donor: FacePicture | None, rng: np.random.Generator
    ) -> PseudoFake:
        return self_blended(face, rng)


class _Between(Protocol):
    def __call__(
        self, face: FacePicture, donor: FacePicture, rng: np.random.Generator, /
    ) -> PseudoFake: ...


@dataclass(frozen=True)
class _WithDonor:
    way: _Between
    needs_donor = True

    def __call__(
        self, face: FacePicture, donor: FacePicture | None, rng: np.random.Generator
    ) -> PseudoFake:
        if donor is None:
            raise ValueError("this pseudo-fake is made of two faces: expected a donor, got none")
        return self.way(face, donor, rng)


makers.register("sbi")(_SelfBlending())
makers.register("bi")(_WithDonor(blended_between))
makers.register("i2g")(_WithDonor(inconsistent))
makers.register("swap")(_WithDonor(swapped))


def shares(kinds: str | Mapping[str, float]) -> dict[str, float]:
    """Each kind's share of the pairs, summing to 1.

    >>> shares({"sbi": 3, "bi": 1})
    {'sbi': 0.75, 'bi': 0.25}

    Raises:
        ValueError: an unknown kind, or shares that can't be shares.
    """
    given = {kinds: 1.0} if isinstance(kinds, str) else {k: float(v) for k, v in kinds.items()}
    for name in given:
        if name not in makers.names():
            raise ValueError(unknown_name("pseudo-fake", name, makers.names()))
    total = sum(given.values())
    if not given or min(given.values()) < 0 or not 0 < total < float("inf"):
        raise ValueError(f"expected shares of at least 0, and one above, got {given}")
    return {name: share / total for name, share in given.items()}
