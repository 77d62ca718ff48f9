"""Videos without a score: how many, of which kind, and whether they are more often manipulated ones."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scipy import stats

from .joining import Run, Videos

ALPHA = 0.05


@dataclass(frozen=True)
class Failures:
    """What became of one run's videos, apart for both classes.

    `real`, `fake`: how many. `by_status`: per status, (real, fake). `by_method`: per manipulation,
    (failed, all). `p_more_on_fake`, `p_more_on_real`: one-sided, Fisher's exact test of the
    hypothesis that both classes fail equally often (each video taken by itself); None without a
    failure.
    """

    real: int
    fake: int
    by_status: Mapping[str, tuple[int, int]]
    by_method: Mapping[str, tuple[int, int]]
    failed_real: int
    failed_fake: int
    p_more_on_fake: float | None
    p_more_on_real: float | None

    @property
    def coverage(self) -> float:
        """Share of the videos that have a score."""
        return 1 - (self.failed_real + self.failed_fake) / (self.real + self.fake)

    @property
    def uneven(self) -> str:
        """`fake` or `real`: the class on which it fails more, where that is certain; else "".

        Certain: p below .025 on either side, .05 in all.
        """
        if self.p_more_on_fake is not None and self.p_more_on_fake < ALPHA / 2:
            return "fake"
        if self.p_more_on_real is not None and self.p_more_on_real < ALPHA / 2:
            return "real"
        return ""

    def words(self) -> str:
        """One sentence on the failures."""
        failed = self.failed_real + self.failed_fake
        if not failed:
            return f"a score for every one of the {self.real + self.fake} videos"
        shares = (
            f"{self.failed_fake} of {self.fake} manipulated and {self.failed_real} of {self.real} real "
            "videos have no score"
        )
        sides: dict[str, tuple[str, float | None]] = {
            "fake": ("manipulated", self.p_more_on_fake),
            "real": ("real", self.p_more_on_real),
        }
        if not self.uneven:
            return shares
        side, p = sides[self.uneven]
        return (
            f"{shares}: it fails more on {side} ones (Fisher's exact test, one-sided p = {p:.2g})"
        )

    def to_dict(self) -> dict[str, Any]:
        """As in JSON output."""
        return {
            "real": self.real,
            "fake": self.fake,
            "coverage": self.coverage,
            "failed_real": self.failed_real,
            "failed_fake": self.failed_fake,
            "by_status": {k: {"real": r, "fake": f} for k, (r, f) in self.by_status.items()},
            "by_method": {k: {"failed": n, "videos": of} for k, (n, of) in self.by_method.items()},
            "test": "Fisher's exact, one-sided, videos taken as independent",
            "p_more_on_fake": self.p_more_on_fake,
            "p_more_on_real": self.p_more_on_real,
            "uneven": self.uneven or None,
        }


def count_failures(run: Run, videos: Videos) -> Failures:
    """Counts a run's failures, and tests whether one class fails more often."""
    real, fake = videos.counts()
    by_status: Counter[tuple[str, int]] = Counter(
        zip(run.status.tolist(), videos.labels.tolist(), strict=True)
    )
    failed = ~run.answered
    failed_real = int((failed & (videos.labels == 0)).sum())
    failed_fake = int((failed & (videos.labels == 1)).sum())
    more_on_fake = more_on_real = None
    if failed.any():
        table = [[failed_fake, fake - failed_fake], [failed_real, real - failed_real]]
        more_on_fake = float(stats.fisher_exact(table, alternative="greater").pvalue)
        more_on_real = float(stats.fisher_exact(table, alternative="less").pvalue)
    methods = [str(m or "(not named)") for m in videos.columns["method"]]
    of_method = Counter(m for m, label in zip(methods, videos.labels, strict=True) if label)
    failed_of = Counter(
        m for m, label, bad in zip(methods, videos.labels, failed, strict=True) if label and bad
    )
    return Failures(
        real=real,
        fake=fake,
        by_status={
            status: (by_status[status, 0], by_status[status, 1])
            for status in sorted({status for status, _ in by_status})
        },
        by_method={name: (failed_of[name], of_method[name]) for name in sorted(of_method)},
        failed_real=failed_real,
        failed_fake=failed_fake,
        p_more_on_fake=more_on_fake,
        p_more_on_real=more_on_real,
    )
