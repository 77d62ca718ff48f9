"""Whether a line's agreement carries: by how much it beats what chance and rivals reach."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .lines import Agreements, Line

EXACT_RATE = 0.004  # a rate this near to 1 or -1 is taken for it
LEAST_AGREEMENT = 0.3
EXACT_NEEDS, FREE_NEEDS = (
    0.36,
    0.45,
)  # of the lead; the recording's own speed is seldom met by chance
LONG_SECONDS, LONG_LESS = 2.5, 0.6
SHORT_SECONDS, SHORT_MORE = 1.5, 1.0  # a shorter stretch needs up to twice the lead


@dataclass(frozen=True)
class Evidence:
    """What speaks for a line.

    `agreement`: over its interval. `rival`: of the best line elsewhere. `seconds`: of the interval.
    `exact`: it runs at the reference's own speed.
    """

    agreement: float
    rival: float
    seconds: float
    exact: bool

    @property
    def margin(self) -> float:
        """Over the rival."""
        return self.agreement - self.rival

    @property
    def lead(self) -> float:
        """The same on Fisher's scale (1921), on which correlations near 1 lie further apart."""
        return _fisher(self.agreement) - _fisher(self.rival)

    @property
    def strength(self) -> float:
        """For choosing the best of those that do not carry."""
        return self.agreement + self.margin


def weigh(agreements: Agreements, line: Line, core: tuple[int, int]) -> Evidence:
    """Gathers the evidence for a line, from the core of its interval."""
    inner = line.on(*core)
    return Evidence(
        agreement=line.agreement,
        rival=agreements.rival(inner),
        seconds=line.length / agreements.signals.rate,
        exact=abs(abs(line.rate) - 1) <= EXACT_RATE,
    )


def carries(evidence: Evidence, share: float = 1.0) -> bool:
    """Whether the line is told from chance; see the sweep's table for how often that errs.

    `share`: of the lead that is asked for else, where something else speaks for the line.
    """
    need = share * (EXACT_NEEDS if evidence.exact else FREE_NEEDS)
    if evidence.seconds < SHORT_SECONDS:
        need *= 1 + SHORT_MORE * (1 - evidence.seconds / SHORT_SECONDS)
    elif evidence.seconds > LONG_SECONDS:  # chance agreements shrink with the root of the length
        need *= max(LONG_LESS, math.sqrt(LONG_SECONDS / evidence.seconds))
    return evidence.agreement >= LEAST_AGREEMENT and evidence.lead >= need


def _fisher(correlation: float) -> float:
    return math.atanh(min(max(correlation, -0.9995), 0.9995))
