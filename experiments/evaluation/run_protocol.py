"""Runs a protocol: scores what is not scored, evaluates, ranks, and reports all in one page."""

import argparse
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...datasets.manifests import Manifest, file_sha256
from .evaluate import Options, evaluate
from .exporting import to_json, write_whole
from .measuring import Settings
from .policies import Policy
from .protocol import (
    BadProtocol,
    BenchmarkEntry,
    HeldOut,
    Protocol,
    read_protocol,
    relation,
    roots_of,
)
from .results import Evaluation
from .slices import SliceSpec
from .steps import (
    Scorer,
    ScoreStep,
    Stopped,
    as_written,
    degrade_all,
    score_by_command,
    train_by_program,
    train_by_recipe,
    write_conditions,
)
from .thresholds import Rule
from .words import lines

__all__ = ["Stopped", "benchmark_command", "run_protocol"]


@dataclass
class Run:
    """A run in its folder. `folder`: of the protocol, that relative paths start at. `all_scored`: so
    far. `scorer`: makes a table."""

    protocol: Protocol
    source: Path
    out: Path
    consent_upload: bool
    scorer: Scorer
    all_scored: bool = True

    @property
    def folder(self) -> Path:
        return self.source.parent

    def score(self, detector: str, manifest: Path, roots: dict[str, Path], out: Path,
              num_frames: int | None = None) -> Path:  # fmt: skip
        """One table of scores; a relative detector file starts at the protocol's folder."""
        near = self.folder / detector
        step = ScoreStep(
            manifest,
            roots,
            str(near) if near.exists() else detector,
            out,
            num_frames,
            self.protocol.jobs,
            self.consent_upload,
        )
        self.all_scored &= self.scorer(step)
        return out

    def manifest(self, entry: BenchmarkEntry) -> Manifest:
        """A benchmark's videos that are tested and developed on, written into the run's folder."""
        whole = Manifest.read(self.folder / entry.manifest)
        if entry.split is not None:
            wanted = {entry.split, entry.dev_split}
            splits = whole.column("split")
            for split in wanted - {None}:
                if split not in splits:
                    raise BadProtocol(
                        f"{entry.name}: {whole.source} has no video of split {split!r}"
                    )
            whole = whole.select([s in wanted for s in splits])
        return as_written(whole, self.out / "manifests" / f"{entry.name}.parquet")

    def roots(self, entry: BenchmarkEntry) -> dict[str, Path]:
        return dict(roots_of(entry, self.folder))

    def options(self, entry: BenchmarkEntry, title: str) -> Options:
        """How a benchmark is evaluated."""
        p = self.protocol
        options = Options(
            split=entry.split,
            rules=tuple(Rule.parse(text) for text in p.thresholds),
            policy=Policy.parse(p.policy) if p.policy else None,
            slices=tuple(SliceSpec.parse(text) for text in p.slices),
            min_slice=p.min_slice,
            rank_by=p.rank_by,  # type: ignore[arg-type]
            settings=Settings(p.seed, p.resamples, prevalences=p.prevalences),
            title=title,
        )
        source = p.thresholds_from
        if source is not None and source != entry.name:
            dev = p.benchmark(source)
            there = self.manifest(dev)
            chosen = there.select([s == dev.dev_split for s in there.column("split")])
            path = self.out / "manifests" / f"{source}.development.parquet"
            as_written(chosen, path)
            scores = tuple(self.scores_path(source, d.name) for d in p.detectors)
            dev_scores = tuple(_only(s, chosen, self.out / "development") for s in scores)
            return replace(
                options,
                dev_scores=dev_scores,
                dev_names=tuple(d.name for d in p.detectors),
                dev_manifest=path,
                other_manifest=True,
            )
        return replace(options, dev_split=entry.dev_split)

    def scores_path(self, benchmark: str, detector: str) -> Path:
        return self.out / "scores" / benchmark / f"{detector}.parquet"


def run_protocol(
    path: Path, out: Path, *, consent_upload: bool = False, scorer: Scorer = score_by_command
) -> tuple[list[Evaluation], bool]:
    """Runs a protocol; what lies in `out` is not done again.

    Args:
        path: the YAML file. out: folder of the run.
        consent_upload: whether videos may be sent to services.
        scorer: makes a table of scores; a process of `unswap score` by default.

    Returns:
        The evaluations, in the protocol's order, and whether every video has a score.

    Raises:
        BadProtocol: the protocol can't be used. Stopped: a step failed; what is finished is kept.
        BadScores, BadManifest: see `evaluate`.
    """
    protocol = read_protocol(path)
    run = Run(protocol, path, out, consent_upload, scorer)
    out.mkdir(parents=True, exist_ok=True)
    for entry in protocol.benchmarks:
        manifest = run.manifest(entry)
        for detector in protocol.detectors:
            run.score(
                detector.detector,
                Path(manifest.source),
                run.roots(entry),
                run.scores_path(entry.name, detector.name),
                detector.num_frames,
            )
    evaluations = list(_benchmarks(run)) if protocol.detectors else []
    if protocol.leave_one_manipulation_out:
        evaluations += _held_out(run)
    return evaluations, run.all_scored


def _benchmarks(run: Run) -> Iterator[Evaluation]:
    for entry in run.protocol.benchmarks:
        manifest = run.manifest(entry)
        tables = [run.scores_path(entry.name, d.name) for d in run.protocol.detectors]
        notes: list[str] = []
        sweep = run.protocol.robustness
        if sweep and entry.name in sweep.benchmarks:
            extra, notes = _sweep(run, entry, manifest)
            tables += extra
        names = [d.name for d in run.protocol.detectors]
        options = replace(
            run.options(entry, entry.name), names=tuple(names * (len(tables) // len(names)))
        )
        found = evaluate(tables, manifest, options)
        more = {f"{d.name} here": relation(d, entry.name) for d in run.protocol.detectors}
        yield _told(run, found, notes, more)


def _sweep(run: Run, entry: BenchmarkEntry, manifest: Manifest) -> tuple[list[Path], list[str]]:
    """Tables of all detectors under all conditions; each video is degraded once for all of them."""
    sweep = run.protocol.robustness
    assert sweep is not None
    test = manifest
    if entry.split is not None:
        test = manifest.select([s == entry.split for s in manifest.column("split")])
    made: dict[str, list[tuple[str, Path]]] = {d.name: [] for d in run.protocol.detectors}
    notes: list[str] = []
    for condition in sweep.conditions():
        stem = condition.replace(":", "-")
        scores = run.out / "scores" / f"{entry.name}.{stem}"
        videos = run.out / "degraded" / f"{entry.name}.{stem}"
        of_it = {name: scores / f"{name}.parquet" for name in made}
        listed = run.out / "manifests" / f"{entry.name}.{stem}.parquet"
        if not all(path.exists() for path in of_it.values()):
            degraded, failed = degrade_all(test, run.roots(entry), condition, videos, sweep.seed)
            notes += [f"{condition}: not degraded, and so without a row: {text}" for text in failed]
            as_written(degraded, listed)
            for detector in run.protocol.detectors:
                run.score(
                    detector.detector,
                    listed,
                    {"": videos},
                    of_it[detector.name],
                    detector.num_frames,
                )
        if not sweep.keep_videos:
            shutil.rmtree(videos, ignore_errors=True)
        for name, path in of_it.items():
            made[name].append((condition, path))
    out = []
    for name, tables in made.items():
        path = run.out / "scores" / f"{entry.name}.conditions.{name}.parquet"
        write_conditions(tables, str(manifest.sha256), path)
        out.append(path)
    return out, notes


def _held_out(run: Run) -> list[Evaluation]:
    """One evaluation a held-out manipulation: its test videos against the real ones."""
    spec = run.protocol.leave_one_manipulation_out
    assert spec is not None
    entry = run.protocol.benchmark(spec.benchmark)
    manifest = run.manifest(entry)
    test = [entry.split is None or s == entry.split for s in manifest.column("split")]
    methods = manifest.column("method")
    known = sorted({m for m, inside in zip(methods, test, strict=True) if m and inside})
    wanted = spec.methods or tuple(known)
    for method in wanted:
        if method not in known:
            raise BadProtocol(
                f"{entry.name}: no test video of {method!r}; known: {', '.join(known)}"
            )
    out = []
    for method in wanted:
        # tested on its own videos; thresholds may be frozen on the other manipulations' alone
        kept = manifest.select(
            [m in (method, None) if inside else m != method
             for m, inside in zip(methods, test, strict=True)]
        )  # fmt: skip
        path = run.out / "manifests" / f"{entry.name}.only-{method}.parquet"
        alone = as_written(kept, path)
        tables = []
        for held in spec.detectors:
            checkpoint = _checkpoint(run, held, entry, method)
            target = run.out / "scores" / f"{entry.name}.without-{method}" / f"{held.name}.parquet"
            tables.append(run.score(str(checkpoint), path, run.roots(entry), target))
        options = replace(
            run.options(replace(entry, name=entry.name), f"{entry.name} without {method}"),
            dev_split=entry.dev_split,
            names=tuple(held.name for held in spec.detectors),
            dev_scores=(),
            dev_names=(),
            dev_manifest=None,
            other_manifest=False,
        )
        more = {
            held.name: f"leave one out: {_way(held)}, {method} held out" for held in spec.detectors
        }
        notes = [f"{method} was held out of training: tested are its videos and the real ones."]
        out.append(_told(run, evaluate(tables, alone, options), notes, more))
    return out


def _way(held: HeldOut) -> str:
    if held.recipe:
        return "a recipe that trains on no manipulated video"
    return "a checkpoint each" if held.checkpoints else "trained here by a program"


def _checkpoint(run: Run, held: HeldOut, entry: BenchmarkEntry, method: str) -> Path:
    if held.checkpoints:
        if method not in held.checkpoints:
            raise BadProtocol(
                f"{held.name}: no checkpoint that {method!r} was held out of; it has "
                f"{', '.join(sorted(held.checkpoints))}"
            )
        return run.folder / held.checkpoints[method]
    if held.recipe:
        near = run.folder / held.recipe
        return train_by_recipe(
            near if near.exists() else Path(held.recipe), run.out / "trained" / held.name
        )
    out = run.out / "trained" / held.name / method
    out.mkdir(parents=True, exist_ok=True)
    whole = Manifest.read(run.folder / entry.manifest)
    others = [m != method and s != entry.split for m, s in
              zip(whole.column("method"), whole.column("split"), strict=True)]  # fmt: skip
    if not any(others):
        raise BadProtocol(f"{entry.name}: nothing to train on: give it a split to test on")
    training = run.out / "manifests" / f"{entry.name}.training-without-{method}.parquet"
    as_written(whole.select(others), training)
    words = {"manifest": str(training.absolute()), "held_out": method, "out": str(out.absolute())}
    assert held.checkpoint is not None
    return train_by_program(held.argv, held.checkpoint, words, run.folder)


def _told(run: Run, found: Evaluation, notes: list[str], more: dict[str, str]) -> Evaluation:
    """The evaluation with what the protocol knows of it."""
    facts: dict[str, Any] = {
        "Protocol": str(run.source),
        "Protocol's SHA-256": file_sha256(run.source),
        **more,
    }
    return replace(found, protocol={**found.protocol, "more": facts}, notes=(*found.notes, *notes))


def _only(scores: Path, manifest: Manifest, folder: Path) -> Path:
    """A table's rows of some videos, as a file of its own: development scores from another benchmark."""
    from pyarrow import parquet

    from ...datasets.manifests import read_table

    table = read_table(scores)
    wanted = set(manifest.column("video_id"))
    keep = [name in wanted for name in table.column("video_id").to_pylist()]
    folder.mkdir(parents=True, exist_ok=True)
    out = folder / scores.name
    parquet.write_table(table.filter(keep), out)
    return out


def benchmark_command(given: argparse.Namespace, version: str, at: str) -> bool:
    """`unswap benchmark`: runs, prints, writes results.json and the report. Whether all was scored.

    Raises:
        BadProtocol, BadScores, BadManifest, Stopped: see `run_protocol`.
    """
    protocol = read_protocol(given.protocol)
    plan = _plan(protocol)
    if given.dry_run:
        print("\n".join(plan))
        return True
    if given.out.exists() and not given.out.is_dir():
        raise BadProtocol(f"--out {given.out}: exists, and is not a folder")
    if given.out.is_dir() and any(given.out.iterdir()) and not given.resume:
        raise BadProtocol(
            f"--out {given.out}: something lies there; go on with --resume, or choose another folder"
        )
    evaluations, good = run_protocol(given.protocol, given.out, consent_upload=given.consent_upload)
    for found in evaluations:
        print("\n".join([*lines(found), ""]))
    document = {"unswap": version, "generated_at": at, "protocol": protocol.name,
                "evaluations": [e.to_dict() for e in evaluations]}  # fmt: skip
    write_whole(given.out / "results.json", lambda file: file.write(to_json(document)))
    print(f"wrote {given.out / 'results.json'}")

    from .report.render import write_report

    page = write_report(
        evaluations, given.out / "report", version=version, generated_at=at, title=protocol.name
    )
    print(f"report: {page}")
    return good


def _plan(protocol: Protocol) -> list[str]:
    out = [f"{protocol.name}:"]
    for detector in protocol.detectors:
        for entry in protocol.benchmarks:
            out.append(
                f"  score {entry.name} with {detector.name} ({relation(detector, entry.name)})"
            )
    if protocol.robustness:
        count = len(protocol.robustness.conditions()) * len(protocol.detectors)
        names = ", ".join(protocol.robustness.benchmarks)
        out.append(f"  degrade {names} and score it under {count} pairs of condition and detector")
    if protocol.leave_one_manipulation_out:
        spec = protocol.leave_one_manipulation_out
        for held in spec.detectors:
            out.append(
                f"  leave one manipulation out of {spec.benchmark} with {held.name}: {_way(held)}"
            )
    return out
