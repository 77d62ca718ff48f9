"""An evaluation, ready for the page: labels, orders, sentences, plots."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...metrics.attacks import Species
from ..policies import SCORING_WORDS, SCORINGS
from ..ranking_results import Pair, Place, Ranking
from ..results import (
    AtThreshold,
    DetectorResult,
    Evaluation,
    ScoringResult,
    SliceRow,
)
from ..words import labels_of, share
from .charts import (
    Bars,
    Line,
    Plot,
    bars,
    det_plot,
    reliability_plot,
    robustness_plots,
    roc_plot,
)

Labelled = tuple[str, DetectorResult]


@dataclass(frozen=True)
class PairView:
    """A pair with its labels and what it comes to. `by_scoring`: as the view's `pair_scorings`."""

    first: str
    second: str
    verdict: str
    its: Pair
    by_scoring: tuple[Pair | None, ...]


@dataclass(frozen=True)
class View:
    """One evaluation, ready for the page. `board`: label, result, place; best first."""

    e: Evaluation
    summary: tuple[str, ...]
    all: tuple[Labelled, ...]
    board: tuple[tuple[str, DetectorResult, Place | None], ...]
    ranking: Ranking | None
    pairs: tuple[PairView, ...]
    pair_scorings: tuple[str, ...]
    roc: Plot | None
    det: Plot | None
    reliability: Plot | None
    bars: tuple[Bars, ...]
    thresholds: tuple[tuple[str, DetectorResult, list[tuple[ScoringResult, AtThreshold]]], ...]
    attacks: tuple[tuple[str, str, bool, Species, bool], ...]
    prevalence: str
    slices: tuple[tuple[str, SliceRow], ...]
    slice_columns: tuple[str, ...]
    robustness: tuple[Plot, ...]
    robustness_key: tuple[Line, ...]
    protocol: tuple[tuple[str, str], ...]


def view_of(e: Evaluation) -> View:
    """An evaluation as the page shows it."""
    labels = labels_of([d.detector for d in e.detectors])
    main = "none" if "none" in e.conditions() else e.conditions()[0]
    results = {d.detector: d for d in e.under(main)}
    ranked = [r for r in e.rankings if r.condition == main]
    ranking = ranked[0] if ranked else None
    ranked.sort(key=lambda r: SCORINGS.index(r.scoring))
    places = {place.detector: place for place in ranking.places} if ranking else {}
    order = sorted(results, key=lambda d: (places[d].place if d in places else 10**9, labels[d]))
    board = [(labels[d], results[d], places.get(d)) for d in order]
    curves = [(labels[d], results[d]) for d in labels if d in results]
    index = {d: i for i, d in enumerate(labels)}
    found = [
        (labels[d.detector], d.reliability, index[d.detector])
        for d in results.values()
        if d.reliability is not None
    ]
    thresholds = [(label, d, at) for label, d, _ in board for at in _by_threshold(d)]
    slices = [(label, row) for label, d, _ in board for row in d.slices]
    slices.sort(key=lambda item: (item[1].few, _wrong(item[1])))
    robustness = robustness_plots(e, labels)
    prevalences = e.protocol["prevalences"]
    return View(
        e=e,
        summary=tuple(_summary(e, ranking, labels)),
        all=tuple((labels[d.detector], d) for d in e.detectors),
        board=tuple(board),
        ranking=ranking,
        pairs=tuple(_pair(pair, labels, ranked) for pair in ranking.pairs) if ranking else (),
        pair_scorings=tuple(r.scoring for r in ranked),
        roc=roc_plot(curves),
        det=det_plot(curves),
        reliability=reliability_plot(found),
        bars=tuple(_bars(label, d) for label, d, _ in board if d.histogram),
        thresholds=tuple(thresholds),
        attacks=tuple(_attacks(board)),
        prevalence=f"{prevalences[0]:g}",
        slices=tuple(slices),
        slice_columns=tuple(dict.fromkeys(row.by for _, row in slices)),
        robustness=tuple(robustness),
        robustness_key=robustness[0].lines if robustness else (),
        protocol=tuple(_protocol(e)),
    )


def _by_threshold(d: DetectorResult) -> list[list[tuple[ScoringResult, AtThreshold]]]:
    most = max((len(s.thresholds) for s in d.scorings), default=0)
    return [
        [(s, s.thresholds[i]) for s in d.scorings if i < len(s.thresholds)] for i in range(most)
    ]


def _attacks(
    board: Sequence[tuple[str, DetectorResult, Place | None]],
) -> list[tuple[str, str, bool, Species, bool]]:
    out = []
    for label, d, _ in board:
        rules = {
            str(at.threshold.rule): at.threshold.oracle for s in d.scorings for at in s.thresholds
        }
        for rule, found in d.attacks.items():
            its = (*found.attacks, *([found.bona_fide] if found.bona_fide else []))
            for species in its:
                worst = found.worst is species
                out.append((label, rule, rules.get(rule, False), species, worst))
    return out


def _wrong(row: SliceRow) -> float:
    figure = row.auc.get("wrong")
    return figure.value if figure and figure.value is not None else 0.0


def _bars(label: str, d: DetectorResult) -> Bars:
    assert d.histogram is not None
    marks = [(at.threshold.value, str(at.threshold.rule)) for at in d.of("answered").thresholds]
    return bars(label, d.histogram, marks)


def _pair(pair: Pair, labels: Mapping[str, str], ranked: Sequence[Ranking]) -> PairView:
    first, second = labels[pair.first], labels[pair.second]
    better = first if pair.difference >= 0 else second
    if pair.p_holm is None:
        verdict = f"not supported: {pair.interval.reason}"
    elif pair.certain:
        verdict = f"{better} is better"
    else:
        verdict = f"not told apart ({better} ahead)" if pair.difference else "not told apart"
    return PairView(first, second, verdict, pair, tuple(_same(pair, r.pairs) for r in ranked))


def _same(pair: Pair, others: Sequence[Pair]) -> Pair | None:
    """The pair of these two detectors under another scoring, the same one first."""
    for other in others:
        if (other.first, other.second) == (pair.first, pair.second):
            return other
        if (other.first, other.second) == (pair.second, pair.first):
            return other.turned()
    return None


def _summary(e: Evaluation, ranking: Ranking | None, labels: Mapping[str, str]) -> list[str]:
    if ranking is None or not ranking.places:
        out = []
        for d in e.under(e.conditions()[0]):
            figure = d.of("wrong").figures.get("auc")
            value = "none" if figure is None or figure.value is None else share(figure.value)
            out.append(f"{labels[d.detector]}: AUC {value} with failures counted as wrong; "
                       f"{d.failures.words()}.")  # fmt: skip
        return out
    best, how = ranking.places[0], SCORING_WORDS[ranking.scoring]
    said = f"{labels[best.detector]} has the highest AUC, {share(best.auc)}, {how}"
    if not any(p.p_holm is not None for p in ranking.pairs):
        reason = ranking.pairs[0].interval.reason
        out = [f"{said}; whether it is better is not supported: {reason}."]
    else:
        out = [
            f"{said}; {_certain(ranking, labels)} (5 %, corrected for {len(ranking.pairs)} pairs)."
        ]
    others = [
        f"{SCORING_WORDS[r.scoring]}, it is {labels[r.places[0].detector]}"
        for r in e.rankings
        if r.condition == ranking.condition and r.places and r.places[0].detector != best.detector
    ]
    if others:
        out.append(f"Which one is first depends on what failures count as: {'; '.join(others)}.")
    return out


def _certain(ranking: Ranking, labels: Mapping[str, str]) -> str:
    """Against whom the first one's lead is certain."""
    best = ranking.places[0].detector
    beaten = [
        labels[p.second if p.first == best else p.first]
        for p in ranking.pairs
        if p.certain and best in (p.first, p.second)
    ]
    if len(beaten) == len(ranking.places) - 1:
        return "that is certain against every other"
    if beaten:
        return f"certain against {', '.join(beaten)} only"
    return "but it is told apart from none of the others"


def _protocol(e: Evaluation) -> list[tuple[str, str]]:
    """Names and values for a list of facts; hashes are told by their name."""
    p = e.protocol
    out: list[tuple[str, str]] = [
        ("Manifest", str(p["manifest"])),
        ("Manifest's SHA-256", str(p["manifest_sha256"] or "not read from a file")),
        ("Split", p["split"] or "all videos"),
    ]
    for scores in p["scores"]:
        out.append(("Scores", scores["path"]))
        out.append(("Scores' SHA-256", scores["sha256"]))
    for d in dict.fromkeys(d.detector for d in e.detectors):
        name, _, sha256 = d.partition("@")
        out.append((f"Detector {name}, SHA-256", sha256 or "not stated"))
    development = p["development_split"] or ", ".join(s["path"] for s in p["development_scores"])
    out += [
        (
            "Development scores",
            f"split {development}" if p["development_split"] else development or "none",
        ),
        *(("Development scores' SHA-256", s["sha256"]) for s in p["development_scores"]),
        ("Thresholds", ", ".join(p["thresholds"]) or "none"),
        ("Policy for failures", p["policy"] or "none stated"),
        ("Ranked by", SCORING_WORDS[p["ranked_by"]]),
        ("Slices", ", ".join(p["slices"]) or "none"),
        ("Resamples, seed", f"{p['resamples']:,}, {p['seed']}"),
    ]
    if p.get("seal"):
        out.append(("Sealed set", f"look number {p['seal']['looks']}"))
        out.append(("Ledger's head, HMAC-SHA-256", p["seal"]["ledger_head"]))
    for name, value in (p.get("more") or {}).items():
        out.append((name, str(value)))
    return out
