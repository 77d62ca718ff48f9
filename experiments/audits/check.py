"""What `unswap datasets check` does: every audit of a benchmark's copy on disk, in one result."""

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...datasets import benchmarks
from ...datasets.benchmarks import Problem
from ...datasets.manifests import Manifest
from .counts import CountRow, count_findings, count_rows, count_table
from .duplicates import duplicate_findings
from .files import FileFacts, file_findings, probe_all, probe_masks
from .findings import SEVERITIES, Finding, Severity, finding
from .leakage import leak_findings
from .polarity import polarity_findings
from .shortcut import Shortcut, examine, shortcut_findings

PROBLEM_WORDS = {
    "missing": "files that should be there are not",
    "name": "names do not say what the file is",
    "split": "videos and split lists do not fit each other",
    "pair": "originals of manipulated videos are not there",
    "mask": "masks that should be there are not",
}
HEADINGS: dict[Severity, str] = {
    "wrong": "wrong",
    "known": "known, as published",
    "note": "to be known",
}


@dataclass(frozen=True)
class Skipped:
    """An audit that was not made, and why."""

    what: str
    why: str


@dataclass(frozen=True)
class CheckResult:
    """What was found in a benchmark's copy on disk.

    `name`, `title`: of the benchmark. `roots`: its folders by tree name. `videos`, `real`: how many.
    `findings`: the gravest first. `counts`: found against expected. `shortcut`: None where files
    were not probed. `unreadable`: by video id, why. `skipped`: what was not examined.
    """

    name: str
    title: str
    roots: Mapping[str, str]
    compression: str | None
    seed: int
    videos: int
    real: int
    findings: tuple[Finding, ...]
    counts: tuple[CountRow, ...]
    shortcut: Shortcut | None
    unreadable: Mapping[str, str]
    skipped: tuple[Skipped, ...]

    @property
    def wrong(self) -> bool:
        """Whether there is anything to clear up."""
        return any(found.severity == "wrong" for found in self.findings)

    @property
    def verdict(self) -> str:
        """The first line: whether anything is wrong, and what was not examined."""
        number = sum(found.severity == "wrong" for found in self.findings)
        said = (
            f"wrong: {_counted(number, 'finding')} in {_counted(self.videos, 'video')}"
            if number
            else f"nothing wrong found in {_counted(self.videos, 'video')}"
        )
        skipped = ", ".join(skipped.what for skipped in self.skipped)
        return f"{said}; not examined: {skipped}" if skipped else said

    def of(self, severity: Severity) -> list[Finding]:
        """The findings of one severity."""
        return [found for found in self.findings if found.severity == severity]

    def to_dict(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "name": self.name,
            "title": self.title,
            "roots": dict(self.roots),
            "compression": self.compression,
            "seed": self.seed,
            "wrong": self.wrong,
            "videos": self.videos,
            "real": self.real,
            "findings": [found.to_dict() for found in self.findings],
            "counts": [row.to_dict() for row in self.counts],
            "shortcut": self.shortcut.to_dict() if self.shortcut else None,
            "unreadable": {"count": len(self.unreadable), "reasons": dict(self.unreadable)},
            "not_examined": [dict(skipped.__dict__) for skipped in self.skipped],
        }

    def lines(self, width: int = 100) -> list[str]:
        """For the screen, no line longer than `width` (but for names longer than that)."""
        out = _wrapped(self.verdict, width, "")
        out += _wrapped(
            f"{self.title}: {self.real:,} real, {self.videos - self.real:,} fake", width, ""
        )
        for severity in SEVERITIES:
            for found in self.of(severity):
                out += [
                    "",
                    *_wrapped(f"{HEADINGS[severity]}: {found.what} ({found.count:,})", width, "  "),
                ]
                for example in found.examples:
                    out += _wrapped(f"- {example}", width, "    ", "  ")
                if found.count > len(found.examples):
                    out.append(f"  - and {found.count - len(found.examples):,} more")
        if self.skipped:
            out += ["", "not examined"]
            for skipped in self.skipped:
                out += _wrapped(f"- {skipped.what}: {skipped.why}", width, "    ", "  ")
        if self.counts:
            out += ["", *count_table(self.counts)]
        if self.shortcut:
            out += ["", "told by the file alone (0.5: not at all)"]
            for examined in (self.shortcut.overall, *self.shortcut.by_method):
                out += _wrapped(f"- {examined.words()}", width, "    ", "  ")
            if self.shortcut.by_feature:
                alone = ", ".join(f"{k} {v:.3f}" for k, v in self.shortcut.by_feature.items())
                out += _wrapped(f"- each alone, AUC without interval: {alone}", width, "    ", "  ")
            if self.shortcut.left_out:
                out += _wrapped(
                    f"- left out, unreadable: {_counted(self.shortcut.left_out, 'video')}",
                    width,
                    "    ",
                    "  ",
                )
        return out


def check(
    name: str,
    roots: Path | str | Mapping[str, Path],
    *,
    compression: str | None = None,
    jobs: int = 1,
    seed: int = 0,
    probe: bool = True,
    on_progress: Callable[[int, int], None] | None = None,
) -> CheckResult:
    """Reads a benchmark's folder and audits what lies there.

    Args:
        name: as registered.
        roots: its folder, or folders by tree name.
        compression: only this one; all that are there by default.
        jobs: processes that probe files.
        seed: of the shortcut audit's folds, models and resamples.
        probe: whether to open the files; without, only names and lists are examined.
        on_progress: called with (files probed, files in all).

    Raises:
        KeyError, BadBenchmark: see `benchmarks.read`. ValueError: fewer than one job.
        UnusableWorker, MustStop: the probing processes can't be started.
    """
    folders = dict(roots) if isinstance(roots, Mapping) else {"": Path(roots)}
    manifest, reading = benchmarks.read_with_problems(name, folders, compression=compression)
    card = benchmarks.get(name).card
    facts = probe_all(manifest, folders, jobs, on_progress) if probe else []
    masks = probe_masks(manifest, folders, jobs, on_progress) if probe else []
    counts = count_rows(manifest, card)
    shortcut = examine(manifest, facts, seed=seed) if probe else None
    findings = [  # first what spoils every result, last what only makes the data fewer
        *polarity_findings(manifest, reading.problems),
        *leak_findings(manifest, reading.youtube, card.known_leaks, facts, card.known_leak_people),
        *duplicate_findings(manifest, facts),
        *(shortcut_findings(shortcut) if shortcut else []),
        *file_findings([*facts, *masks]),
        *_problem_findings(reading.problems),
        *count_findings(counts),
    ]
    findings.sort(key=lambda found: SEVERITIES.index(found.severity))
    labels = manifest.column("label")
    return CheckResult(
        name=name,
        title=card.title,
        roots={tree: str(folder) for tree, folder in folders.items()},
        compression=compression,
        seed=seed,
        videos=len(manifest),
        real=labels.count(0),
        findings=tuple(findings),
        counts=tuple(counts),
        shortcut=shortcut,
        unreadable={fact.video_id: fact.reason for fact in facts if fact.info is None},
        skipped=tuple(_skipped(manifest, facts, counts, shortcut)),
    )


def _problem_findings(problems: Sequence[Problem]) -> list[Finding]:
    out: list[Finding] = []
    for kind, words in PROBLEM_WORDS.items():
        cases = [f"{p.path}: {p.text}" for p in problems if p.kind == kind]
        out += finding(kind, "wrong", words, cases)
    return out


def _skipped(
    manifest: Manifest,
    facts: Sequence[FileFacts],
    counts: Sequence[CountRow],
    shortcut: Shortcut | None,
) -> list[Skipped]:
    """What a pass of the other audits does not cover."""
    out = []
    if not facts:
        out.append(Skipped("files", "they were not opened: whether they can be read is not known"))
        out.append(Skipped("duplicates", "the files were not opened"))
    if not any(manifest.column("split")):
        out.append(Skipped("leaks", "no video has a split"))
    elif not any(manifest.column("source_id")) and not any(manifest.column("target_id")):
        out.append(Skipped("leaks of people", "no video names a person"))
    if not any(row.expected is not None for row in counts):
        out.append(Skipped("counts", "the authors state none that can be checked"))
    if shortcut is None:
        out.append(Skipped("shortcut", "the files were not opened"))
    elif shortcut.overall.auc is None:
        out.append(Skipped("shortcut", shortcut.overall.reason))
    elif shortcut.overall.interval and not shortcut.overall.interval.supported:
        why = f"its AUC is no verdict without an interval: {shortcut.overall.interval.reason}"
        out.append(Skipped("shortcut's interval", why))
    return out


def _counted(number: int, one: str) -> str:
    return f"{number:,} {one}{'' if number == 1 else 's'}"


def _wrapped(text: str, width: int, after: str, before: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        width,
        initial_indent=before,
        subsequent_indent=after,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [""]
