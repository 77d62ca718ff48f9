"""What a number in an answer means: where it stands, its scale, its direction, its kind."""

import math
from dataclasses import dataclass, field
from typing import Any, Literal

from .json_paths import NotThere, check_path, find, is_many

Kind = Literal["probability", "logit", "llr", "ordinal"]


class NotAScore(Exception):
    """An answer whose score is not what the description says; the message prints both."""


@dataclass(frozen=True)
class ScoreRule:
    """How a score is read.

    `path`: where it stands (see `json_paths`). `kind`: what it becomes in the scores table;
    `ordinal` says no more than that higher is more fake. `scale`: lowest and highest value; outside,
    it is no score. A probability is scaled from there to 0..1, the others stay as they are. `values`:
    what words and booleans stand for, in place of a scale. `higher_means`: whether a high value means
    fake or real; `real` is turned round. `text`: numbers come as text. `combine`: what makes one
    score of several values.
    """

    path: str
    kind: Kind
    scale: tuple[float, ...] | None = None
    values: dict[Any, float] = field(default_factory=dict)
    higher_means: Literal["fake", "real"] = "fake"
    text: bool = False
    combine: Literal["max", "mean"] | None = None

    def __post_init__(self) -> None:
        check_path(self.path)
        if self.scale is not None and not (
            len(self.scale) == 2
            and all(math.isfinite(v) for v in self.scale)
            and self.scale[0] < self.scale[1]
        ):
            raise ValueError(f"scale: expected [lowest, highest], got {list(self.scale)}")
        if self.values and (self.scale or self.text):
            raise ValueError("values stand in place of a scale and of text; give one of them")
        if self.values and self.kind not in ("ordinal", "probability"):
            raise ValueError(f"values: expected kind ordinal or probability, got {self.kind}")
        if is_many(self.path) and self.combine is None:
            raise ValueError(
                f"path {self.path!r} leads to several values: add combine, max or mean"
            )
        if self.combine is not None and not is_many(self.path):
            raise ValueError(f"path {self.path!r} leads to one value: leave out combine")

    def read(self, answer: Any) -> float:
        """The score in an answer, higher is more fake. Raises NotAScore."""
        try:
            found = find(answer, self.path)
        except NotThere as error:
            raise NotAScore(f"no score at {self.path!r}: {error}") from None
        if self.combine is None:
            return self._convert(found)
        scores = [self._convert(v) for v in found]
        return max(scores) if self.combine == "max" else sum(scores) / len(scores)

    def convert(self, value: Any) -> float:
        """As `read`, of a value that stands by itself. Raises NotAScore."""
        return self._convert(value)

    def _convert(self, value: Any) -> float:
        number = self._number(value)
        low, high = self.scale or ((0.0, 1.0) if self.kind == "probability" else (None, None))
        if low is not None and high is not None and not low <= number <= high:
            raise NotAScore(
                f"the score at {self.path!r} is {number:g}, outside of its scale {low:g} to {high:g}"
            )
        if self.kind == "probability" and low is not None and high is not None:
            number = (number - low) / (high - low)
            return number if self.higher_means == "fake" else 1.0 - number
        if self.higher_means == "fake":
            return number
        return low + high - number if low is not None and high is not None else -number

    def _number(self, value: Any) -> float:
        if self.values:
            for known, number in self.values.items():
                if type(known) is type(value) and known == value:
                    return number
            known_values = ", ".join(repr(v) for v in self.values)
            raise NotAScore(f"expected one of {known_values} at {self.path!r}, got {_short(value)}")
        if self.text and isinstance(value, str):
            try:
                value = float(value)
            except ValueError:
                raise NotAScore(
                    f"expected a number as text at {self.path!r}, got {_short(value)}"
                ) from None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise NotAScore(f"expected a number at {self.path!r}, got {_short(value)}")
        if not math.isfinite(value):
            raise NotAScore(f"expected a finite number at {self.path!r}, got {value}")
        return float(value)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
