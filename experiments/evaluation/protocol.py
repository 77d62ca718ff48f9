"""A protocol: which detectors on which benchmarks, and how; one YAML file, checked whole."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ...datasets.perturbations import PUBLISHED
from ...datasets.perturbations import get as get_perturbation
from ...datasets.registry import unknown_name
from ...detectors.vendors.binding import BadDescription, bind, read_yaml
from .policies import SCORINGS, Policy
from .score_tables import BadScores
from .slices import MIN_VIDEOS, SliceSpec
from .thresholds import Rule


class BadProtocol(Exception):
    """A protocol that can't be run; the message names the file and every problem."""


@dataclass(frozen=True)
class DetectorEntry:
    """A detector. `detector`: what `unswap score --detector` takes. `trained_on`: names of the
    benchmarks that it was trained on, so that results within one are told from those across.
    `num_frames`: None: its own number."""

    name: str
    detector: str
    trained_on: tuple[str, ...] | None = None
    num_frames: int | None = None

    def __post_init__(self) -> None:
        _check_name(self.name)


@dataclass(frozen=True)
class BenchmarkEntry:
    """A benchmark. `manifest`, `roots`: relative to the protocol's folder. `split`: that is tested on;
    all by default. `dev_split`: that thresholds are frozen on."""

    name: str
    manifest: str
    roots: dict[str, str] = field(default_factory=dict)
    split: str | None = None
    dev_split: str | None = None

    def __post_init__(self) -> None:
        _check_name(self.name)
        if self.dev_split is not None and (self.split is None or self.split == self.dev_split):
            raise ValueError(
                f"dev_split {self.dev_split!r} wants another split to test on, got {self.split!r}"
            )


@dataclass(frozen=True)
class Robustness:
    """The sweep: every perturbation at every level, on each of the benchmarks' test videos.

    `perturbations`: the seven of DeeperForensics-1.0 by default. `keep_videos`: keep what is made.
    """

    benchmarks: tuple[str, ...]
    perturbations: tuple[str, ...] = PUBLISHED
    levels: tuple[int, ...] = (1, 2, 3, 4, 5)
    seed: int = 0
    keep_videos: bool = False

    def __post_init__(self) -> None:
        for code in self.perturbations:
            try:
                for level in self.levels:
                    get_perturbation(code).at(level)
            except KeyError as error:
                raise ValueError(error.args[0]) from None
        if not self.benchmarks or not self.levels or not self.perturbations:
            raise ValueError("expected at least one benchmark, perturbation and level")

    def conditions(self) -> list[str]:
        """`VC:1`, `VC:2`, ..."""
        return [f"{get_perturbation(c).code}:{n}" for c in self.perturbations for n in self.levels]


@dataclass(frozen=True)
class HeldOut:
    """A detector for leave-one-manipulation-out: one of three ways to a checkpoint.

    `checkpoints`: by held-out manipulation. `recipe`: of `unswap train`; it trains on real faces alone,
    so that one checkpoint has seen no manipulation at all. `argv` and `checkpoint`: a program that
    trains, and the file that it leaves; `{manifest}` (without the held-out manipulation), `{held_out}`
    and `{out}` are put in. No shell reads it.
    """

    name: str
    checkpoints: dict[str, str] = field(default_factory=dict)
    recipe: str | None = None
    argv: tuple[str, ...] = ()
    checkpoint: str | None = None

    def __post_init__(self) -> None:
        _check_name(self.name)
        ways = sum(map(bool, (self.checkpoints, self.recipe, self.argv)))
        if ways != 1:
            raise ValueError(
                f"expected one of checkpoints, recipe, argv for {self.name!r}, got {ways} of them"
            )
        if bool(self.argv) != bool(self.checkpoint):
            raise ValueError(f"{self.name!r}: argv and checkpoint go together")


@dataclass(frozen=True)
class LeaveOneOut:
    """Each manipulation of a benchmark is tested by a detector that has not seen it.

    `methods`: which; all of the benchmark's test videos by default.
    """

    benchmark: str
    detectors: tuple[HeldOut, ...]
    methods: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.detectors:
            raise ValueError("expected at least one detector")


@dataclass(frozen=True)
class Protocol:
    """The whole. `thresholds_from`: the benchmark on whose development split thresholds are frozen, for
    all; by default each one's own. `policy`: what failures count as, in the third scoring."""

    name: str
    benchmarks: tuple[BenchmarkEntry, ...]
    detectors: tuple[DetectorEntry, ...] = ()
    thresholds: tuple[str, ...] = ()
    thresholds_from: str | None = None
    policy: tuple[str, ...] = ()
    rank_by: str = "wrong"
    slices: tuple[str, ...] = ()
    min_slice: int = MIN_VIDEOS
    prevalences: tuple[float, ...] = (0.1, 0.01, 0.001)
    seed: int = 0
    resamples: int = 2000
    jobs: int | None = None
    robustness: Robustness | None = None
    leave_one_manipulation_out: LeaveOneOut | None = None

    def __post_init__(self) -> None:
        problems = []
        names = [b.name for b in self.benchmarks]
        for what, found in (("benchmark", names), ("detector", [d.name for d in self.detectors])):
            twice = sorted({n for n in found if found.count(n) > 1})
            problems += [f"the {what} {name!r} stands twice" for name in twice]
        if not self.benchmarks:
            problems.append("expected at least one benchmark")
        if not self.detectors and self.leave_one_manipulation_out is None:
            problems.append("expected detectors, or leave_one_manipulation_out")
        if self.robustness and not self.detectors:
            problems.append("robustness wants detectors")
        named = list(self.robustness.benchmarks) if self.robustness else []
        if self.leave_one_manipulation_out:
            named.append(self.leave_one_manipulation_out.benchmark)
        named += [self.thresholds_from] if self.thresholds_from else []
        problems += [unknown_name("benchmark", n, names) for n in named if n not in names]
        if self.rank_by not in SCORINGS:
            problems.append(unknown_name("scoring", self.rank_by, SCORINGS))
        if self.rank_by == "policy" and not self.policy:
            problems.append("rank_by policy wants a policy")
        problems += self._unread()
        if problems:
            raise ValueError("; ".join(problems))

    def _unread(self) -> list[str]:
        """What the parts' own parsers say."""
        problems = []
        for text in self.thresholds:
            try:
                rule = Rule.parse(text)
            except BadScores as error:
                problems.append(str(error))
                continue
            source = self.thresholds_from
            lacking = [
                b.name for b in self.benchmarks if not b.dev_split and source in (None, b.name)
            ]
            if rule.kind != "value" and lacking:
                problems.append(
                    f"threshold {text}: it is frozen on development videos, and {', '.join(lacking)} has "
                    "no dev_split (or name another benchmark with thresholds_from)"
                )
        for parse, texts in ((SliceSpec.parse, self.slices),):
            for text in texts:
                try:
                    parse(text)
                except BadScores as error:
                    problems.append(str(error))
        if self.policy:
            try:
                Policy.parse(self.policy)
            except BadScores as error:
                problems.append(str(error))
        return problems

    def benchmark(self, name: str) -> BenchmarkEntry:
        """By its name. Raises KeyError."""
        for entry in self.benchmarks:
            if entry.name == name:
                return entry
        raise KeyError(unknown_name("benchmark", name, [b.name for b in self.benchmarks]))


def relation(detector: DetectorEntry, benchmark: str) -> str:
    """Whether a result is within a benchmark or across.

    >>> relation(DetectorEntry("a", "a.safetensors", ("ff",)), "ff")
    'within: trained on this benchmark'
    """
    if detector.trained_on is None:
        return "not known: trained_on is not stated"
    if benchmark in detector.trained_on:
        return "within: trained on this benchmark"
    others = ", ".join(detector.trained_on) or "none of these benchmarks"
    return f"cross: trained on {others}"


def read_protocol(path: Path) -> Protocol:
    """A protocol from its YAML file.

    Raises:
        BadProtocol: no such file, unknown or missing keys, values that do not go together, manifests
            that are not there: all of them together.
    """
    try:
        protocol = bind(Protocol, read_yaml(path), str(path))
    except BadDescription as error:
        raise BadProtocol(str(error)) from None
    problems = []
    for entry in protocol.benchmarks:
        if not (path.parent / entry.manifest).is_file():
            problems.append(f"{entry.name}: there is no manifest {path.parent / entry.manifest}")
        for name, folder in entry.roots.items():
            if not (path.parent / folder).is_dir():
                what = f"root {name!r}" if name else "root"
                problems.append(f"{entry.name}: its {what} {path.parent / folder} is not a folder")
    if protocol.robustness:
        for detector in protocol.detectors:
            if _is_table(path.parent / detector.detector):
                problems.append(
                    f"robustness: {detector.name} is a table of scores, which are of the untouched videos; "
                    "leave it out, or evaluate tables with a column condition by `unswap rank`"
                )
    if problems:
        raise BadProtocol(f"{path}: " + "; ".join(problems))
    return protocol


def _is_table(file: Path) -> bool:
    """Whether a detector only looks scores up."""
    if file.suffix.lower() in (".csv", ".parquet"):
        return True
    if file.suffix.lower() in (".yaml", ".yml") and file.is_file():
        try:
            return bool(read_yaml(file).get("kind") == "table")
        except BadDescription:
            return False  # scoring will say what is wrong with it
    return False


def roots_of(entry: BenchmarkEntry, folder: Path) -> Mapping[str, Path]:
    """A benchmark's roots, from the protocol's folder; that folder itself where none are named."""
    return {name: folder / root for name, root in entry.roots.items()} or {"": folder}


def _check_name(name: str) -> None:
    if not name or not all(c.isalnum() or c in "+-_." for c in name) or name.startswith("."):
        raise ValueError(f"expected a name of letters, digits and + - _ ., got {name!r}")
