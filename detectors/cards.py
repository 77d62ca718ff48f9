"""A detector's card: what it saw, under which licence, what was measured. Saved with the weights."""

import bisect
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class TrainingData:
    """One source of pictures or videos: how many (`items`), from where, under which licence."""

    name: str
    items: int
    licence: str
    note: str = ""


@dataclass(frozen=True)
class Measurement:
    """One measured number. `on`: what it was measured on, in words; `n`: how many of it.

    `interval`: 95 % bounds, or None where none is given; `how`: the interval's method.
    """

    what: str
    value: float
    on: str
    n: int
    interval: tuple[float, float] | None = None
    how: str = ""


@dataclass(frozen=True)
class GenuineReference:
    """Video-level logits of a named set of genuine clips, for "where does this score lie?".

    Not a calibration: a percentile among these clips says nothing of the odds that a video is
    genuine. `scores`: (n,) sorted.
    """

    name: str
    description: str
    scores: tuple[float, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "scores", tuple(sorted(float(s) for s in self.scores)))
        if not self.scores:
            raise ValueError(f"the genuine reference {self.name!r} holds no score")

    def percentile(self, score: float) -> float:
        """Share of the set's scores, in percent, that lie below `score` (ties count half)."""
        below = bisect.bisect_left(self.scores, score)
        tied = bisect.bisect_right(self.scores, score) - below
        return 100 * (below + tied / 2) / len(self.scores)


@dataclass(frozen=True)
class Card:
    """What a reader of a score must know of the detector that gave it."""

    name: str
    version: str
    summary: str
    licence: str
    command: str
    training_data: tuple[TrainingData, ...] = ()
    measured: tuple[Measurement, ...] = ()
    limits: tuple[str, ...] = ()
    recipe: dict[str, Any] = field(default_factory=dict)
    genuine: GenuineReference | None = None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Card":
        measured = [
            Measurement(**{**m, "interval": tuple(m["interval"]) if m["interval"] else None})
            for m in data["measured"]
        ]
        return cls(
            **{
                **data,
                "training_data": tuple(TrainingData(**d) for d in data["training_data"]),
                "measured": tuple(measured),
                "limits": tuple(data["limits"]),
                "genuine": GenuineReference(**data["genuine"]) if data["genuine"] else None,
            }
        )
