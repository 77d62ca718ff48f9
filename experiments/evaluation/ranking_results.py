"""Who is better: pairs of detectors, places, and how certain they are."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..metrics.comparing import McNemar
from ..metrics.intervals import Interval
from .policies import Scoring


@dataclass(frozen=True)
class Pair:
    """Two detectors on the same videos; `difference` of AUCs is first less second.

    `interval`: by groups. `p`: of no difference, from the same resamples; `p_holm`: corrected over
    all pairs; None where not supported. `delong_p`: by DeLong, as if the videos were independent.
    `mcnemar`: by threshold rule, of the decisions there.
    """

    first: str
    second: str
    difference: float
    interval: Interval
    p: float | None
    p_holm: float | None
    delong_p: float | None
    mcnemar: Mapping[str, McNemar]

    @property
    def certain(self) -> bool:
        """Whether the two are told apart at 5 %, corrected over all pairs."""
        return self.p_holm is not None and self.p_holm < 0.05

    def turned(self) -> "Pair":
        """The same, with the second one first."""
        i = self.interval
        low, high = (None, None) if i.low is None or i.high is None else (-i.high, -i.low)
        return replace(
            self,
            first=self.second,
            second=self.first,
            difference=-self.difference,
            interval=replace(i, low=low, high=high),
            mcnemar={
                rule: replace(t, only_first=t.only_second, only_second=t.only_first)
                for rule, t in self.mcnemar.items()
            },
        )

    def to_dict(self) -> dict[str, Any]:
        """As in JSON output."""
        return {
            **self.__dict__,
            "interval": self.interval.to_dict(),
            "mcnemar": {rule: test.to_dict() for rule, test in self.mcnemar.items()},
            "certain": self.certain,
        }


@dataclass(frozen=True)
class Place:
    """A detector's place, 1 is best. `low`, `high`: places that can't be ruled out; None where that
    is not supported."""

    detector: str
    auc: float
    place: int
    low: int | None
    high: int | None

    def to_dict(self) -> dict[str, Any]:
        """As in JSON output."""
        return dict(self.__dict__)


@dataclass(frozen=True)
class Ranking:
    """Who is better, under one condition and scoring, on `n` videos. `places`: best first.

    `reason`: why there is none; "" otherwise.
    """

    condition: str
    scoring: Scoring
    n: int
    places: tuple[Place, ...]
    pairs: tuple[Pair, ...]
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As in JSON output."""
        return {
            "condition": self.condition,
            "scoring": self.scoring,
            "n": self.n,
            "places": [place.to_dict() for place in self.places],
            "pairs": [pair.to_dict() for pair in self.pairs],
            "reason": self.reason or None,
        }
