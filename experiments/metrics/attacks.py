"""Errors by kind of attack, after ISO/IEC 30107-3, with the videos that got no answer apart.

The standard is made for attacks at the capture device. It is used here by analogy: a manipulation
stands for a species of attack instrument, a real video for a bona fide presentation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .binomial import Bound, clopper_pearson


@dataclass(frozen=True)
class Species:
    """One manipulation, or the real videos.

    `name`: of the manipulation; None for real videos. `presented`: videos that were sent.
    `answered`: those that got a decision. `errors`: answered and wrong: manipulated ones that were
    not flagged, real ones that were.
    """

    name: str | None
    presented: int
    answered: int
    errors: int

    @property
    def rate(self) -> float | None:
        """APCER of a manipulation, BPCER of real videos: errors / answered. None: no answers."""
        return self.errors / self.answered if self.answered else None

    @property
    def non_response_rate(self) -> float:
        """APNRR or BPNRR: (presented - answered) / presented."""
        return (self.presented - self.answered) / self.presented

    def bound(self, level: float = 0.95) -> Bound:
        """Exact bounds of `rate`, as if the videos were independent."""
        return clopper_pearson(self.errors, self.answered, level)

    def to_dict(self) -> dict[str, Any]:
        """As in JSON output."""
        bound = self.bound()
        return {
            **self.__dict__,
            "rate": self.rate,
            "non_response_rate": self.non_response_rate,
            "low": bound.low,
            "high": bound.high,
        }


@dataclass(frozen=True)
class PresentationErrors:
    """`attacks`: every manipulation, highest APCER first. `bona_fide`: None without real videos."""

    attacks: tuple[Species, ...]
    bona_fide: Species | None

    @property
    def worst(self) -> Species | None:
        """The manipulation with the highest APCER; None where none got an answer."""
        return next((s for s in self.attacks if s.rate is not None), None)

    @property
    def apcer(self) -> float | None:
        """The worst manipulation's."""
        return self.worst.rate if self.worst else None

    @property
    def bpcer(self) -> float | None:
        return self.bona_fide.rate if self.bona_fide else None

    def to_dict(self) -> dict[str, Any]:
        """As in JSON output."""
        return {
            "apcer": self.apcer,
            "worst": self.worst.name if self.worst else None,
            "bpcer": self.bpcer,
            "attacks": [species.to_dict() for species in self.attacks],
            "bona_fide": self.bona_fide.to_dict() if self.bona_fide else None,
        }


def presentation_errors(
    species: Sequence[str | None], flagged: Sequence[bool | None]
) -> PresentationErrors:
    """APCER of each manipulation and the worst, BPCER, and non-response rates.

        APCER_i = manipulated videos of kind i that were answered "real" / those answered
        BPCER   = real videos that were answered "manipulated" / those answered
        APNRR_i, BPNRR = videos that got no answer / those presented

    ISO/IEC 30107-3:2023, "Biometric presentation attack detection, part 3: testing and reporting".
    The denominators of the first two leave out what got no answer, which is why the last two must
    be read with them.

    Args:
        species: (n,) each video's manipulation; None for a real video.
        flagged: (n,) whether it was called manipulated; None where there was no answer.

    Raises:
        ValueError: lengths that differ, no videos, an answer other than true, false and None.

    >>> found = presentation_errors(["swap"] * 4 + [None] * 2, [True, True, False, None, False, True])
    >>> found.worst.name, found.apcer, found.attacks[0].non_response_rate, found.bpcer
    ('swap', 0.3333333333333333, 0.25, 0.5)
    """
    if len(species) != len(flagged):
        raise ValueError(
            f"expected as many answers as videos, got {len(flagged)} and {len(species)}"
        )
    if not len(species):
        raise ValueError("expected at least one video, got none")
    tallies: dict[str | None, list[int]] = {}
    for name, answer in zip(species, flagged, strict=True):
        if answer not in (True, False, None):
            raise ValueError(f"expected an answer true, false or None, got {answer!r}")
        tally = tallies.setdefault(name, [0, 0, 0])
        tally[0] += 1
        if answer is not None:
            tally[1] += 1
            tally[2] += bool(answer) == (name is None)
    found = [Species(name, *tally) for name, tally in tallies.items()]
    attacks = [s for s in found if s.name is not None]
    attacks.sort(key=lambda s: (s.rate is None, -(s.rate or 0), str(s.name)))
    return PresentationErrors(tuple(attacks), next((s for s in found if s.name is None), None))
