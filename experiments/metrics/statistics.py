"""Measures by name, as reports and commands ask for them: `auc`, `tpr@fpr=0.01`, `log-loss`."""

from dataclasses import dataclass

from ...datasets.registry import unknown_name

# name -> whether higher is better
PLAIN = {
    "auc": True,
    "ap": True,
    "eer": False,
    "eer-interpolated": False,
    "eer-nearest": False,
    "log-loss": False,
    "brier": False,
    "cllr": False,
    "cllr-min": False,
}
# name -> whether higher is better; the number after "=" is the value of what stands after "@"
AT = {
    "pauc@fpr": True,
    "tpr@fpr": True,
    "fpr@tpr": False,
    "tpr@threshold": True,
    "fpr@threshold": False,
    "accuracy@threshold": True,
    "balanced-accuracy@threshold": True,
}
PROBABILITIES = ("log-loss", "brier")
LLRS = ("cllr",)


@dataclass(frozen=True)
class Statistic:
    """A measure that resampling knows.

    `name`: as it is written. `kind`: what stands before "=". `at`: the number after it, or None.
    `higher_is_better`: which end of it is the good one.
    """

    name: str
    kind: str
    at: float | None
    higher_is_better: bool

    @property
    def number(self) -> float:
        """`at`; ValueError where there is none."""
        if self.at is None:
            raise ValueError(f"{self.name} has no number")
        return self.at

    @property
    def scale(self) -> str:
        """On which its interval is made: `logit` between 0 and 1, `log` above 0."""
        return "log" if self.kind in ("log-loss", "cllr") else "logit"

    @property
    def label(self) -> str:
        """As a table's head shows it.

        >>> parse_statistic("tpr@fpr=0.01").label, parse_statistic("eer").label
        ('TPR@FPR=0.01', 'EER (ROC convex hull)')
        """
        plain = {
            "auc": "AUC",
            "ap": "AP",
            "eer": "EER (ROC convex hull)",
            "eer-interpolated": "EER (interpolated)",
            "eer-nearest": "EER (nearest threshold)",
            "log-loss": "log loss",
            "brier": "Brier score",
            "cllr": "Cllr",
            "cllr-min": "Cllr_min",
        }
        if self.at is None:
            return plain[self.kind]
        words = {"pauc": "partial AUC", "tpr": "TPR", "fpr": "FPR"}
        what, _, where = self.kind.partition("@")
        return f"{words.get(what, what)}@{words.get(where, where)}={self.at:g}"


def parse_statistic(name: str) -> Statistic:
    """The measure called `name`: one of `PLAIN`, or one of `AT` with "=" and a number.

    `pauc@fpr` is McClish's standardised one.

    Raises:
        KeyError: unknown; the message lists the known ones. ValueError: no number, or not a rate.

    >>> parse_statistic("tpr@fpr=0.01")
    Statistic(name='tpr@fpr=0.01', kind='tpr@fpr', at=0.01, higher_is_better=True)
    """
    kind, equals, number = name.partition("=")
    if kind in PLAIN and not equals:
        return Statistic(name, kind, None, PLAIN[kind])
    if kind not in AT:
        raise KeyError(unknown_name("measure", name, [*PLAIN, *(f"{k}=NUMBER" for k in AT)]))
    try:
        at = float(number)
    except ValueError:
        raise ValueError(f"expected a number after {kind}=, got {name!r}") from None
    if not kind.endswith("@threshold") and not 0 < at <= 1:
        raise ValueError(f"expected a rate above 0 and at most 1 after {kind}=, got {name!r}")
    if at != at:
        raise ValueError(f"expected a threshold after {kind}=, got {name!r}")
    return Statistic(name, kind, at, AT[kind])
