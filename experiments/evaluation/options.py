"""What an evaluation is told."""

from dataclasses import dataclass, field
from pathlib import Path

from .measuring import Settings
from .policies import Policy, Scoring
from .score_tables import BadScores
from .slices import MIN_VIDEOS, SliceSpec
from .thresholds import Rule

_NOT_ON_TEST = "a threshold is never chosen on the videos that it is tested on"


@dataclass(frozen=True)
class Options:
    """What an evaluation is told.

    `split`: of the manifest; all of it by default. `dev_split`: of the same manifest and scores, for
    thresholds; or `dev_scores` with `dev_manifest` (the same manifest by default). `rules`: of
    thresholds. `oracle`: choose them on the test set where there are no development scores; marked.
    `policy`: the third scoring. `slices`: columns; the usual ones by default. `rank_by`: under which
    scoring the leaderboard is ordered. `names`, `dev_names`: what the detector of each table is called,
    in the tables' order; by default what the tables call it. `title`: of the report. `key`: of a sealed
    manifest; `at` and `note`: when and what for, as its ledger shall say.
    """

    split: str | None = None
    dev_split: str | None = None
    dev_scores: tuple[Path, ...] = ()
    dev_manifest: Path | None = None
    rules: tuple[Rule, ...] = ()
    oracle: bool = False
    policy: Policy | None = None
    slices: tuple[SliceSpec, ...] = ()
    min_slice: int = MIN_VIDEOS
    measurements: Path | None = None
    other_manifest: bool = False
    rank_by: Scoring = "wrong"
    names: tuple[str, ...] = ()
    dev_names: tuple[str, ...] = ()
    settings: Settings = field(default_factory=Settings)
    title: str = ""
    key: Path | None = None
    at: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        if self.dev_split and self.dev_scores:
            raise BadScores("give either --dev-split or --dev-scores, not both")
        if self.dev_manifest and not self.dev_scores:
            raise BadScores("--dev-manifest goes with --dev-scores")
        if self.dev_split and self.dev_split == self.split:
            raise BadScores(f"--dev-split and --split are both {self.split!r}: {_NOT_ON_TEST}")
        if self.dev_split and not self.split:
            raise BadScores(
                "--dev-split goes with --split, so that development and test stand apart"
            )
        if self.rank_by == "policy" and self.policy is None:
            raise BadScores("ranking by policy wants one: --policy no_face=real --policy all=wrong")
        if self.min_slice < 1:
            raise BadScores(f"expected slices of at least 1 video, got {self.min_slice}")
