"""What a comparison's report says in words: the summary, the verdicts, the numbers' names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from ...report import facts
from ..types import Comparison, Finding, Region, Status, Stretch, Verdict

MOST_NAMED = 3
DASH = "\N{EN DASH}"  # where there is nothing to say; and between the ends of a range

STATUSES = {
    Status.COMPARED: "Both show the same stretch, and it was measured.",
    Status.SAME_FILE: "The two files are equal, byte for byte. There is nothing to compare.",
    Status.NO_MATCH: "No stretch of the suspect was found in the reference. "
    "That does not show that there is none: see the reason and the limits.",
    Status.UNDECIDED: "Too little is shown to tell whether one shows a stretch of the other.",
}
VERDICTS = {
    Verdict.SUPPORTED: ("Supported", "supported", "\N{BLACK CIRCLE}"),
    Verdict.NOT_SUPPORTED: ("Not supported", "not-supported", "\N{WHITE CIRCLE}"),
    Verdict.INCONCLUSIVE: ("Inconclusive", "inconclusive", "\N{CIRCLE WITH LEFT HALF BLACK}"),
    Verdict.NOT_EXAMINED: ("Not examined", "not-examined", "\N{EN DASH}"),
}


@dataclass(frozen=True)
class Rung:
    """A finding as it is printed. `kind`: a class of the style sheet; `mark`: a sign beside it."""

    finding: Finding
    word: str
    kind: str
    mark: str
    figures: tuple[tuple[str, str], ...]


def rungs(findings: Sequence[Finding]) -> tuple[Rung, ...]:
    """The ladder as it is printed."""
    return tuple(
        Rung(f, *VERDICTS[f.verdict], tuple((_name(k), plain(v)) for k, v in f.figures.items()))
        for f in findings
    )


def summary(comparison: Comparison) -> str:
    """One neutral sentence: what is shown, how far the rest agrees, where the change lies.

    It says no more than the figures do. Whatever was not found supported is not stated as shown.
    """
    if comparison.status is not Status.COMPARED:
        return STATUSES[comparison.status]
    parts = [_shows(comparison), _agrees(comparison), _changed(comparison)]
    sentence = "; ".join(part for part in parts if part)
    return sentence[:1].upper() + sentence[1:] + "."


def verdicts(findings: Sequence[Finding]) -> str:
    """Which propositions came to what: `Supported: a, b. Inconclusive: e.`"""
    said = []
    for verdict, (word, _, _) in VERDICTS.items():
        keys = [f.key for f in findings if f.verdict is verdict]
        if keys:
            said.append(f"{word}: {', '.join(keys)}.")
    return " ".join(said)


def _shows(comparison: Comparison) -> str:
    spans = [_span(s) for s in comparison.stretches[:MOST_NAMED]]
    named = _listed(spans, len(comparison.stretches), "further stretch", "further stretches")
    first = {f.key: f.verdict for f in comparison.findings}.get("a", Verdict.SUPPORTED)
    verb = "shows" if first is Verdict.SUPPORTED else "was compared with"
    return f"the suspect {verb} {named or 'frames'} of the reference"


def _span(stretch: Stretch) -> str:
    a, b = stretch.reference_first, stretch.reference_last
    if a == b:
        return f"frame {a}"
    if a > b:
        return f"frames {a} back to {b}"
    return f"frames {a} to {b}"


def _agrees(comparison: Comparison) -> str:
    figures = comparison.figures
    if figures is None or figures.agree_outside is None:
        return "how far the rest agrees was not measured"
    return (
        f"{percent(figures.agree_outside)} of what lies outside the changed regions agrees with it "
        "as far as compression allows"
    )


def _changed(comparison: Comparison) -> str:
    figures = comparison.figures
    names = [r.name for r in comparison.regions[:MOST_NAMED]]
    named = _listed(names, len(comparison.regions), "further region", "further regions")
    if not comparison.regions:
        return "no changed region was found"
    if figures is None or figures.change_in_face is None:
        return f"the changed regions: {named}"
    share = percent(figures.change_in_face)
    return f"{share} of what changed lies in faces (changed regions: {named})"


def _listed(parts: Sequence[str], total: int, one: str, many: str) -> str:
    """`a`, `a and b`, `a, b and 2 further regions`."""
    more = total - len(parts)
    parts = [*parts, facts.count(more, one, many)] if more else parts
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def says_not(comparison: Comparison) -> tuple[str, ...]:
    """What a reader might take the findings to say, and they don't."""
    always = (
        "It draws no conclusion about the law: whether what stayed the same or what changed "
        "matters there is for the court.",
        "It can't tell which of the two files was there first, who made them, by what means, or "
        "with whose permission.",
    )
    if comparison.status is not Status.COMPARED:
        return always
    return (
        *always,
        "That something agrees as far as compression allows means that no difference was found "
        "beyond what re-encoding at the estimated settings makes. Changes smaller than that, or "
        "finer than the grid of cells, may be there.",
        "A changed region is where the pictures differ. What was done there, and whether a "
        "person's face was put there, is not told by the difference alone.",
        *(
            ()
            if comparison.identity
            else ("Whose faces these are was not examined, nor whether they are one person's.",)
        ),
    )


def percent(share: float | None, digits: int = 0) -> str:
    """A share in per cent, never rounded to all or nothing where it is neither.

    >>> percent(0.971), percent(0.9999), percent(0.0004), percent(1.0)
    ('97 %', 'more than 99 %', 'less than 1 %', '100 %')
    """
    if share is None:
        return DASH
    step = 10.0**-digits
    value = 100 * share
    if value > 0 and round(value, digits) == 0:
        return f"less than {facts.number(step, digits)} %"
    if 100 > value > 100 - step and round(value, digits) == 100:
        return f"more than {facts.number(100 - step, digits)} %"
    return f"{facts.number(value, digits)} %"


def number(value: float | None, digits: int = 2) -> str:
    """A number, or a dash where there is none."""
    return DASH if value is None else facts.number(value, digits)


def plain(value: object) -> str:
    """A figure of a finding: whole numbers in full, others to four figures."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}".replace("-", facts.MINUS)
    if isinstance(value, float):
        return f"{value:.4g}".replace("-", facts.MINUS)
    return facts.shown(value)


def _name(key: str) -> str:
    """A figure's name in words: `num_points` is the number of points."""
    return re.sub("^num ", "number of ", key.replace("_", " "))


def ranges(numbers: Iterable[int], most: int = 8) -> str:
    """Rising whole numbers, runs drawn together; how many runs more where there are too many.

    >>> ranges([0, 1, 2, 5, 7, 8]).replace(DASH, "-")
    '0-2, 5, 7-8'
    """
    runs: list[list[int]] = []
    for n in numbers:
        if runs and n == runs[-1][1] + 1:
            runs[-1][1] = n
        else:
            runs.append([n, n])
    said = [str(a) if a == b else f"{a}{DASH}{b}" for a, b in runs[:most]]
    if len(runs) > most:
        said.append(f"and {facts.count(len(runs) - most, 'further run', 'further runs')}")
    return ", ".join(said)


def file_name(path: str) -> str:
    """The last part of a path as it was given."""
    return PurePath(path).name or path


def region_label(region: Region) -> str:
    """What stands at a region's box."""
    return f"{region.region_id}: {region.name}"
