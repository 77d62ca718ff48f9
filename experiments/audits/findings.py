"""What an audit finds: one kind of fault, how grave it is, how often, and a few examples."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

Severity = Literal["wrong", "known", "note"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
MAX_EXAMPLES = 5


@dataclass(frozen=True)
class Finding:
    """One kind of fault.

    `kind`: its short name. `severity`: `wrong` (to be cleared up before results are trusted),
    `known` (published by others; not this copy's fault), `note` (to be known). `what`: a sentence.
    `examples`: up to five. `count`: how many there are.
    """

    kind: str
    severity: Severity
    what: str
    examples: tuple[str, ...]
    count: int

    def __post_init__(self) -> None:
        if self.severity not in SEVERITIES:
            raise ValueError(f"expected {', '.join(SEVERITIES)}, got {self.severity!r}")
        if not len(self.examples) <= min(self.count, MAX_EXAMPLES):
            raise ValueError(
                f"expected at most {min(self.count, MAX_EXAMPLES)} examples of {self.count}, "
                f"got {len(self.examples)}"
            )

    def to_dict(self) -> dict[str, Any]:
        """As in JSON output."""
        return {**self.__dict__, "examples": list(self.examples)}


def finding(kind: str, severity: Severity, what: str, cases: Sequence[str]) -> list[Finding]:
    """One finding of all cases, the first few as examples; none where there are no cases."""
    if not cases:
        return []
    return [Finding(kind, severity, what, tuple(cases[:MAX_EXAMPLES]), len(cases))]
