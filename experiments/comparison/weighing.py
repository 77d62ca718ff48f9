"""Whether a line's agreement carries: by how much it beats what chance and rivals reach."""

from __future__ import annotations

from dataclasses import dataclass

from .lines import Agreements, Line

EXACT_RATE = 0.004  # a rate this near to 1 or -1 is taken for it


@dataclass(frozen=True)
class Evidence:
    """What speaks for a line.

    `agreement`: over its interval. `rival`: of the best line elsewhere. `seconds`: of the interval.
    `repeats`: the reference itself agrees with itself this well between the two places. `exact`:
    it runs at the reference's own speed.
    """

    agreement: float
    rival: float
    seconds: float
    repeats: float
    exact: bool

    @property
    def margin(self) -> float:
        """Over the rival."""
        return self.agreement - self.rival

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
        repeats=0.0,
        exact=abs(abs(line.rate) - 1) <= EXACT_RATE,
    )


def carries(evidence: Evidence) -> bool:
    """Whether the line is told from chance; see the sweep's table for how often that errs."""
    need = 0.25 if evidence.exact else 0.32
    return evidence.agreement >= 0.5 and evidence.margin >= need and evidence.seconds >= 0.4
