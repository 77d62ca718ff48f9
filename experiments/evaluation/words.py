"""An evaluation in lines for the screen."""

from collections.abc import Mapping, Sequence

from ..metrics.binomial import Bound, clopper_pearson
from ..metrics.intervals import Interval
from .policies import SCORING_WORDS
from .ranking_results import Pair, Ranking
from .results import (
    NAMES,
    AtThreshold,
    DetectorResult,
    Evaluation,
    Figure,
    SliceRow,
)

NONE = "-"
SHOWN = ("auc", "ap", "eer", "tpr@fpr=0.1", "tpr@fpr=0.01", "cllr-min")
MOST_SLICES = 8


def share(value: float | None, digits: int = 3) -> str:
    """`.912`, as papers print shares; `1.000`."""
    if value is None:
        return NONE
    text = f"{value:.{digits}f}"
    text = text.lstrip("-") if float(text) == 0 else text
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def interval_words(interval: Interval | None, digits: int = 3) -> str:
    """`[.880, .940]`, or what stands in its place."""
    if interval is None:
        return ""
    if interval.low is None or interval.high is None:
        return "[not supported]"
    return f"[{share(interval.low, digits)}, {share(interval.high, digits)}]"


def figure_words(figure: Figure | None) -> str:
    """A value and its interval."""
    if figure is None or figure.value is None:
        return NONE
    return f"{share(figure.value)} {interval_words(figure.interval)}".rstrip()


def rate_words(bound: Bound) -> str:
    """`3 of 100 (.030, at most .085)`: counts, share, and the exact bounds.

    >>> rate_words(clopper_pearson(0, 300))
    '0 of 300 (.000, at most .010)'
    """
    if not bound.n:
        return "none"
    if bound.k == 0:
        least = clopper_pearson(0, bound.n, bound.level, one_sided=True)
        return f"0 of {bound.n} ({share(0.0)}, at most {share(least.high)})"
    return (
        f"{bound.k} of {bound.n} ({share(bound.value)} [{share(bound.low)}, {share(bound.high)}])"
    )


def table(rows: Sequence[Sequence[str]], indent: str = "  ") -> list[str]:
    """Cells in columns: the first to the left, as wide as their widest."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        (indent + "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True))).rstrip()
        for row in rows
    ]


def labels_of(detectors: Sequence[str]) -> dict[str, str]:
    """Short names: without the hash, but for detectors of one name."""
    names = list(dict.fromkeys(detectors))
    short = [name.partition("@")[0] for name in names]
    return {
        name: own if short.count(own) == 1 else f"{own}@{name.partition('@')[2][:8]}"
        for name, own in zip(names, short, strict=True)
    }


def lines(evaluation: Evaluation) -> list[str]:
    """All that the screen shows."""
    by = "source and target person (two-way)" if evaluation.two_way else "group"
    out = [
        f"{evaluation.title}: {evaluation.real} real and {evaluation.fake} manipulated videos in "
        f"{evaluation.groups} groups; intervals {evaluation.protocol['level']:.0%}, resampled by {by}"
    ]
    out += [f"note: {note}" for note in evaluation.notes]
    several = len(evaluation.conditions()) > 1
    labels = labels_of([d.detector for d in evaluation.detectors])
    for result in evaluation.detectors:
        if result.condition == "none" or not several:
            out += ["", *_detector(result, labels[result.detector])]
    if several:
        out += ["", *_robustness(evaluation, labels)]
    plain = [r for r in evaluation.rankings if r.condition == "none"]
    if plain:
        out += ["", *_ranking(plain, labels)]
    seal = evaluation.protocol.get("seal")
    if seal:
        out += [
            "",
            f"sealed set: look number {seal['looks']}; the ledger now ends in {seal['ledger_head']}",
        ]
    return out


def _detector(result: DetectorResult, label: str) -> list[str]:
    under = "" if result.condition == "none" else f" under {result.condition}"
    out = [f"{label}{under}", f"  video level, {result.score_kind}, {result.aggregation}"]
    out += [f"  warning: {text}" for text in result.warnings]
    if not any("no score" in text for text in result.warnings):
        out.append(f"  {result.failures.words()}")
    head = ["", *(SCORING_WORDS[s.scoring] for s in result.scorings)]
    rows = [
        head,
        ["videos (real + manipulated)", *(f"{s.real} + {s.fake}" for s in result.scorings)],
    ]
    for name in SHOWN:
        mark = " (oracle)" if name.startswith(("eer", "tpr@")) else ""
        cells = [figure_words(s.figures.get(name)) for s in result.scorings]
        rows.append([NAMES[name] + mark, *cells])
    out += table(rows)
    for s in result.scorings:
        if s.reason:
            out.append(f"  {SCORING_WORDS[s.scoring]}: {s.reason}")
    shown = [f for s in result.scorings for name, f in s.figures.items() if name in SHOWN]
    reasons = {f.interval.reason for f in shown if f.interval}
    out += [f"  no interval: {reason}" for reason in sorted(reasons - {""})]
    for level, figure in result.levels.items():
        out.append(f"  {level} level: AUC {figure_words(figure)}")
    counted = next((s for s in ("wrong", "answered") if result.of(s).thresholds), "wrong")
    for place, at in enumerate(result.of(counted).thresholds):
        out += _threshold(result, place, at)
    out += _slices(result.slices)
    return out


def _threshold(result: DetectorResult, place: int, at: AtThreshold) -> list[str]:
    t = at.threshold
    out = [f"  threshold {t.words}: {t.value:.4g}{'; ' + t.note if t.note else ''}"]
    rows = [["", "manipulated, flagged", "real, flagged"]]
    for s in result.scorings:
        if place < len(s.thresholds):
            its = s.thresholds[place]
            rows.append([SCORING_WORDS[s.scoring], rate_words(its.tpr), rate_words(its.fpr)])
    out += table(rows, "    ")
    attacks = result.attacks[str(t.rule)]
    if attacks.worst and attacks.worst.rate is not None:
        out.append(
            f"    APCER {share(attacks.apcer)} (worst: {attacks.worst.name}), "
            f"BPCER {share(attacks.bpcer)}, by analogy with ISO/IEC 30107-3; non-responses apart"
        )
    for load in at.loads:
        precision = "" if load.precision is None else f", precision {share(load.precision)}"
        out.append(
            f"    where {load.prevalence:g} are manipulated: {load.flagged:.1f} of 1000 are flagged"
            f"{precision}, {load.missed:.2f} are missed"
        )
    return out


def _slices(rows: Sequence[SliceRow]) -> list[str]:
    told = [row for row in rows if not row.few]
    if not told:
        few = f"{len(rows)} slices, all with too few videos" if rows else "no slices"
        return [f"  {few}"]
    cells = [["worst slices, AUC", "real + manipulated", *SCORING_WORDS.values()]]
    for row in told[:MOST_SLICES]:
        aucs = [figure_words(row.auc.get(s)) for s in SCORING_WORDS]
        cells.append([f"{row.by}: {row.value}", f"{row.real} + {row.fake}", *aucs])
    out = table(cells)
    if len(told) > MOST_SLICES:
        out.append(f"  and {len(told) - MOST_SLICES} more")
    if len(told) < len(rows):
        out.append(f"  {len(rows) - len(told)} slices with too few videos")
    return out


def _robustness(evaluation: Evaluation, labels: Mapping[str, str]) -> list[str]:
    conditions = evaluation.conditions()
    by = {(d.detector, d.condition): d for d in evaluation.detectors}
    rows = [["AUC, failure counted as wrong", *labels.values()]]
    for condition in conditions:
        cells = []
        for name in labels:
            result = by.get((name, condition))
            cells.append(figure_words(result.of("wrong").figures.get("auc")) if result else NONE)
        rows.append([condition, *cells])
    return table(rows)


def _ranking(rankings: Sequence[Ranking], labels: Mapping[str, str]) -> list[str]:
    """Places under each scoring, the chosen one's order; then its pairs."""
    first = rankings[0]
    if first.reason:
        return [f"no ranking, {SCORING_WORDS[first.scoring]}: {first.reason}"]
    out = [f"ranking by AUC on {first.n} videos, {SCORING_WORDS[first.scoring]}"]
    rows = [["place, and the places not ruled out", *(SCORING_WORDS[r.scoring] for r in rankings)]]
    for place in first.places:
        cells = []
        for ranking in rankings:
            its = next((p for p in ranking.places if p.detector == place.detector), None)
            if its is None:
                cells.append(NONE)
            else:
                span = "[not supported]" if its.low is None else f"[{its.low}, {its.high}]"
                cells.append(f"{its.place} {span}, AUC {share(its.auc)}")
        rows.append([labels[place.detector], *cells])
    out += table(rows)
    out += [f"  {pair_words(pair, labels)}" for pair in first.pairs]
    return out


def pair_words(pair: Pair, labels: Mapping[str, str]) -> str:
    """Who is better, and whether that is certain."""
    if pair.difference < 0:
        pair = pair.turned()
    better, worse, interval = labels[pair.first], labels[pair.second], pair.interval
    if pair.p_holm is None:
        return f"{better} and {worse}: {share(pair.difference)} apart; not supported: {interval.reason}"
    verdict = "is better than" if pair.certain else "is not told apart from"
    ends = "" if interval.low is None else f", {interval_words(interval)}"
    return f"{better} {verdict} {worse}: {share(pair.difference)}{ends}, p {pair.p_holm:.2g} (Holm)"
