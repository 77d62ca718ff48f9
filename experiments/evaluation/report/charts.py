"""Where the plots' marks go: ROC, DET, histograms, robustness, reliability. All in SVG units."""

from collections.abc import Sequence
from dataclasses import dataclass

from scipy import special

from ...metrics.reliability import Reliability
from ..results import Curve, DetectorResult, Evaluation, Histogram

SIDE = 300.0  # of a square plot's field
LEFT, TOP = 46.0, 10.0  # of the field in its picture
DET_ENDS = (0.001, 0.8)
DET_TICKS = (0.001, 0.01, 0.05, 0.1, 0.2, 0.4, 0.8)
BAR_HEIGHT = 80.0
NUM_COLOURS = 8
DASHES = ("", "7 4", "2 3", "9 3 2 3")
LOWEST_AUC = 0.4
_AUCS = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)

Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Tick:
    """`at`: in the field's units. `label`: as it is written."""

    at: float
    label: str


@dataclass(frozen=True)
class Line:
    """One detector's line. `band`: the outline of its interval; `bars`: (x, top, bottom)."""

    label: str
    colour: int
    dash: str
    points: Points
    band: Points = ()
    bars: tuple[tuple[float, float, float], ...] = ()

    @property
    def path(self) -> str:
        """For a polyline."""
        return " ".join(f"{x:g},{y:g}" for x, y in self.points)

    @property
    def outline(self) -> str:
        """For the band's polygon."""
        return " ".join(f"{x:g},{y:g}" for x, y in self.band)


@dataclass(frozen=True)
class Plot:
    """A square field with lines."""

    title: str
    x_label: str
    y_label: str
    lines: tuple[Line, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    diagonal: bool = False
    side: float = SIDE
    left: float = LEFT
    top: float = TOP


def style_of(index: int) -> tuple[int, str]:
    """Colour and dash of the n-th detector: 32 of them are told apart."""
    return index % NUM_COLOURS, DASHES[index // NUM_COLOURS % len(DASHES)]


def _x(share: float) -> float:
    return round(LEFT + share * SIDE, 2)


def _y(share: float) -> float:
    return round(TOP + (1 - share) * SIDE, 2)


_SHARES = tuple((v, f"{v:g}".replace("0.", ".")) for v in (0.0, 0.25, 0.5, 0.75, 1.0))


def roc_plot(results: Sequence[tuple[str, DetectorResult]]) -> Plot | None:
    """TPR over FPR of each detector that has a curve; None where none has."""
    lines = []
    for index, (label, result) in enumerate(results):
        if result.curve is not None:
            colour, dash = style_of(index)
            lines.append(_roc_line(label, colour, dash, result.curve))
    if not lines:
        return None
    return Plot(
        "ROC", "false positive rate", "true positive rate", tuple(lines),
        tuple(Tick(_x(v), t) for v, t in _SHARES), tuple(Tick(_y(v), t) for v, t in _SHARES), True,
    )  # fmt: skip


def _roc_line(label: str, colour: int, dash: str, curve: Curve) -> Line:
    xs = [_x(f) for f in curve.fpr]
    points = tuple(zip(xs, [_y(t) for t in curve.tpr], strict=True))
    band: Points = ()
    if curve.low:
        upper = list(zip(xs, [_y(t) for t in curve.high], strict=True))
        lower = list(zip(xs, [_y(t) for t in curve.low], strict=True))
        band = (*upper, *reversed(lower))
    return Line(label, colour, dash, points, band)


def _deviate(share: float) -> float:
    """A rate's place on a DET axis, 0 to 1; what lies beyond its ends stands on them."""
    low, high = (float(special.ndtri(end)) for end in DET_ENDS)
    inside = min(max(share, DET_ENDS[0]), DET_ENDS[1])
    return (float(special.ndtri(inside)) - low) / (high - low)


def det_plot(results: Sequence[tuple[str, DetectorResult]]) -> Plot | None:
    """FNR over FPR on normal deviates; rates beyond .001 and .8 stand at the edge."""
    lines = []
    for index, (label, result) in enumerate(results):
        curve = result.curve
        if curve is None:
            continue
        colour, dash = style_of(index)
        inside = [i for i, f in enumerate(curve.fpr) if f <= DET_ENDS[1]]
        xs = [_x(_deviate(curve.fpr[i])) for i in inside]

        def ys(tpr: Sequence[float], inside: Sequence[int] = inside) -> list[float]:
            return [_y(_deviate(1 - tpr[i])) for i in inside]

        points = tuple(zip(xs, ys(curve.tpr), strict=True))
        band: Points = ()
        if curve.low:
            upper = list(zip(xs, ys(curve.low), strict=True))
            band = (*upper, *reversed(list(zip(xs, ys(curve.high), strict=True))))
        lines.append(Line(label, colour, dash, points, band))
    if not lines:
        return None
    labels = [(t, f"{t:g}".replace("0.", ".")) for t in DET_TICKS]
    return Plot(
        "DET", "false positive rate", "false negative rate", tuple(lines),
        tuple(Tick(_x(_deviate(t)), s) for t, s in labels),
        tuple(Tick(_y(_deviate(t)), s) for t, s in labels),
    )  # fmt: skip


@dataclass(frozen=True)
class Bars:
    """A histogram: bars of real videos above the axis, of manipulated ones below it.

    `real`, `fake`: (x, width, height), x and width in per cent. `ends`: lowest and highest score.
    """

    label: str
    real: tuple[tuple[float, float, float], ...]
    fake: tuple[tuple[float, float, float], ...]
    marks: tuple[tuple[float, str], ...]
    ends: tuple[float, float]
    height: float = BAR_HEIGHT


def bars(label: str, histogram: Histogram, marks: Sequence[tuple[float, str]]) -> Bars:
    """Heights are shares of each class, on one scale. `marks`: thresholds by name."""
    low, high = histogram.edges[0], histogram.edges[-1]
    shares = [[n / (sum(row) or 1) for n in row] for row in (histogram.real, histogram.fake)]
    most = max(max(row) for row in shares) or 1.0
    width = round(100 / len(histogram.real), 3)
    rows = [
        tuple(
            (round(i * 100 / len(row), 3), width, round(value / most * BAR_HEIGHT, 2))
            for i, value in enumerate(row)
            if value
        )
        for row in shares
    ]
    inside = [(v, name) for v, name in marks if low <= v <= high]
    placed = tuple((round(100 * (v - low) / (high - low), 2), name) for v, name in inside)
    return Bars(label, rows[0], rows[1], placed, (low, high))


def robustness_plots(evaluation: Evaluation, labels: dict[str, str]) -> list[Plot]:
    """One a perturbation: AUC (failures counted as wrong) over its levels, 0 being untouched."""
    codes: dict[str, set[int]] = {}
    for condition in evaluation.conditions():
        code, colon, level = condition.partition(":")
        if colon and level.isdecimal():
            codes.setdefault(code, set()).add(int(level))
    out = []
    for code, levels in codes.items():
        steps = [0, *sorted(levels)]
        top = max(steps)
        lines = []
        for index, detector in enumerate(labels):
            by = {d.condition: d for d in evaluation.detectors if d.detector == detector}
            points, whiskers = [], []
            for step in steps:
                result = by.get(f"{code}:{step}" if step else "none")
                figure = result.of("wrong").figures.get("auc") if result else None
                if figure is None or figure.value is None:
                    continue
                x = _x(step / top)
                points.append((x, _auc_y(figure.value)))
                i = figure.interval
                if i is not None and i.low is not None and i.high is not None:
                    whiskers.append((x, _auc_y(i.high), _auc_y(i.low)))
            colour, dash = style_of(index)
            if points:
                lines.append(
                    Line(labels[detector], colour, dash, tuple(points), bars=tuple(whiskers))
                )
        out.append(
            Plot(
                code, "level", "AUC, failure counted as wrong", tuple(lines),
                tuple(Tick(_x(s / top), str(s)) for s in steps),
                tuple(Tick(_auc_y(v), f"{v:.1f}".replace("0.", ".")) for v in _AUCS),
            )
        )  # fmt: skip
    return out


def _auc_y(value: float) -> float:
    """An AUC's place; below .4 it stands on the lower edge."""
    return _y((max(value, LOWEST_AUC) - LOWEST_AUC) / (1 - LOWEST_AUC))


def reliability_plot(results: Sequence[tuple[str, Reliability, int]]) -> Plot | None:
    """Share of manipulated videos over stated probability, with Wilson's bounds; None without any."""
    lines = []
    for label, found, index in results:
        colour, dash = style_of(index)
        points = tuple((_x(b.mean), _y(b.share.k / b.share.n)) for b in found.bins)
        whiskers = tuple((_x(b.mean), _y(b.share.high), _y(b.share.low)) for b in found.bins)
        lines.append(Line(label, colour, dash, points, bars=whiskers))
    if not lines:
        return None
    ticks = tuple(Tick(_x(v), t) for v, t in _SHARES)
    return Plot(
        "Reliability", "stated probability", "share that is manipulated", tuple(lines), ticks,
        tuple(Tick(_y(v), t) for v, t in _SHARES), True,
    )  # fmt: skip
