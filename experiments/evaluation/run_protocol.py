"""Runs a protocol: scores what is not scored, evaluates, ranks, and reports all in one page."""

import argparse
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ...datasets.manifests import Manifest
from .evaluate import evaluate
from .exporting import to_json, write_whole
from .held_out import held_out, way_of
from .protocol import (
    BadProtocol,
    BenchmarkEntry,
    Protocol,
    read_protocol,
    relation,
)
from .protocol_run import Run, told
from .results import Evaluation
from .steps import (
    Scorer,
    Stopped,
    as_written,
    degrade_all,
    score_by_command,
    write_conditions,
)
from .words import lines

__all__ = ["Stopped", "benchmark_command", "run_protocol"]


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
        evaluations += held_out(run)
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
        yield told(run, found, notes, more)


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
            path = of_it[detector.name]
            run.score(detector.detector, listed, {"": videos}, path, detector.num_frames)
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
                f"  leave one manipulation out of {spec.benchmark} with {held.name}: {way_of(held)}"
            )
    return out
