"""Evaluates any detector's scores: every figure, its interval, the failures, the slices, the ranking."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ...datasets.manifests import Manifest, file_sha256
from .comparing import rank_runs
from .failures import count_failures
from .joining import (
    Run,
    Videos,
    check_splits,
    join,
    select_videos,
)
from .levels import FrameTable, face_sizes, level_figures
from .measurements import measured_by, read_measurements, with_measurements
from .measuring import (
    attack_errors,
    histogram,
    measure,
    reliability_of,
    roc_on_grid,
    running,
    warnings_of,
)
from .options import Options
from .policies import SCORINGS, apply_scoring
from .ranking_results import Ranking
from .results import DetectorResult, Evaluation, ScoringResult
from .score_tables import BadScores, ScoreTable
from .sealing import BadSeal, Seal, is_sealed, open_seal
from .slices import SliceSpec, default_specs, slice_rows
from .thresholds import Threshold, check_apart, freeze


def evaluate(
    scores: Path | str | Sequence[Path | str],
    manifest: Path | str | Manifest,
    options: Options | None = None,
    **changes: Any,
) -> Evaluation:
    """Evaluates the detectors of one or several tables of scores on a manifest's videos.

    Args:
        scores: .parquet, .csv or .json, see `ScoreTable.read`.
        manifest: a file, a sealed set's folder, or a manifest that is read already.
        options: see `Options`; or give its fields as keywords.

    Returns:
        Every figure, with three scorings side by side; of several detectors also who is better.

    Raises:
        BadScores, BadManifest, BadSeal: what can't be used, and why.
        TypeError: an option that there is not.
    """
    options = options or Options(**changes)
    paths = [Path(p) for p in ([scores] if isinstance(scores, Path | str) else scores)]
    if not paths:
        raise BadScores("expected at least one table of scores, got none")
    whole, sealed = _opened(manifest, options)
    videos = select_videos(whole, options.split)
    tables = _read(paths, options.names)
    runs = _joined(tables, videos, whole, options)
    check_splits(runs, videos)
    frames = [found for path in paths if (found := FrameTable.beside(path)) is not None]
    videos = _measured(videos, tables, frames, options)
    dev = _development(tables, whole, options)
    notes = check_apart(dev[0], videos) if dev else []
    specs = list(options.slices) or default_specs(videos)
    thresholds: dict[tuple[str, str], list[Threshold]] = {}
    for run in runs:
        its = _dev_run(run, runs, dev) if dev else None
        pair = (its, dev[0]) if dev and its else None
        thresholds[run.detector, run.condition] = freeze(
            options.rules, run, videos, pair, oracle=options.oracle
        )
    mixed = len({run.condition == "none" for run in runs}) > 1
    # before any figure is known, so that no look goes unwritten
    seen = sealed.look(_look(tables, options), options.at) if sealed else None
    results = [
        _one(run, videos, thresholds[run.detector, run.condition], specs, options, frames, mixed)
        for run in runs
    ]
    return Evaluation(
        title=options.title or Path(whole.source).name,
        protocol={**_protocol(tables, whole, specs, options), "seal": _seal_facts(sealed, seen)},
        real=videos.counts()[0],
        fake=videos.counts()[1],
        groups=len(np.unique(videos.groups.astype(str))),
        two_way=videos.people is not None,
        detectors=tuple(results),
        rankings=tuple(_rankings(runs, videos, thresholds, options)),
        notes=tuple(notes),
    )


def joined_runs(
    scores: Path | str | Sequence[Path | str], manifest: Path | str | Manifest, options: Options
) -> tuple[Videos, list[Run]]:
    """The videos, and what each detector said of them, as `evaluate` takes them; a seal is not opened.

    Raises:
        BadScores, BadManifest, BadSeal: as `evaluate`; a sealed set.
    """
    paths = [Path(p) for p in ([scores] if isinstance(scores, Path | str) else scores)]
    whole = manifest if isinstance(manifest, Manifest) else Manifest.read(Path(manifest))
    videos = select_videos(whole, options.split)
    return videos, _joined(_read(paths, options.names), videos, whole, options)


def _read(paths: Sequence[Path], names: Sequence[str]) -> list[ScoreTable]:
    tables = [ScoreTable.read(path) for path in paths]
    if not names:
        return tables
    if len(names) != len(tables):
        raise BadScores(f"expected a name for each of {len(tables)} tables, got {len(names)}")
    return [table.named(name) for table, name in zip(tables, names, strict=True)]


def _opened(manifest: Path | str | Manifest, options: Options) -> tuple[Manifest, Seal | None]:
    if isinstance(manifest, Manifest):
        return manifest, None
    path = Path(manifest)
    if is_sealed(path):
        sealed = open_seal(path, options.key)
        return sealed.manifest, sealed
    if options.key is not None:
        raise BadSeal(
            f"{path}: not a sealed set; a key goes with the folder that `unswap seal` made"
        )
    return Manifest.read(path), None


def _look(tables: Sequence[ScoreTable], options: Options) -> dict[str, Any]:
    return {
        "scores_sha256": [table.sha256 for table in tables],
        "detectors": sorted({detector for table in tables for detector, _ in table.pairs()}),
        "split": options.split,
        "note": options.note,
    }


def _seal_facts(sealed: Seal | None, seen: dict[str, Any] | None) -> dict[str, Any] | None:
    if sealed is None or seen is None:
        return None
    return {
        "folder": str(sealed.folder),
        "looks": seen["number"],
        "ledger_head": seen["hash"],
        "sealed_manifest_sha256": sealed.about["manifest_sha256"],
    }


def _joined(
    tables: Sequence[ScoreTable],
    videos: Videos,
    whole: Manifest,
    options: Options,
    *,
    may_be_empty: bool = False,
) -> list[Run]:
    """All detectors and conditions, each once."""
    runs: dict[tuple[str, str], Run] = {}
    other = options.other_manifest
    for table in tables:
        for run in join(table, videos, whole, other_manifest=other, may_be_empty=may_be_empty):
            key = (run.detector, run.condition)
            if key in runs:
                raise BadScores(
                    f"{run.source} and {runs[key].source} both hold the detector {run.detector!r} under "
                    f"the condition {run.condition!r}; give one, or name them apart (--name, one a table)"
                )
            runs[key] = run
    return list(runs.values())


def _measured(
    videos: Videos,
    tables: Sequence[ScoreTable],
    frames: Sequence[FrameTable],
    options: Options,
) -> Videos:
    """The videos with what is known of them; a stated measurement goes before one found on the way."""
    columns: dict[str, list[Any]] = {}
    for found in frames:
        columns.setdefault("face_size", face_sizes(found, videos))
    for table in tables:
        columns = {**columns, **measured_by(table, videos)}
    columns = {name: values for name, values in columns.items() if name not in videos.columns}
    if options.measurements:
        columns |= read_measurements(options.measurements, videos)
    return with_measurements(videos, columns)


def _development(
    tables: Sequence[ScoreTable], whole: Manifest, options: Options
) -> tuple[Videos, list[Run]] | None:
    """The development videos and every detector's scores of them; None where none are given."""
    if options.dev_split:
        videos = select_videos(whole, options.dev_split)
        return videos, _joined(tables, videos, whole, options, may_be_empty=True)
    if not options.dev_scores:
        return None
    read = _read(options.dev_scores, options.dev_names)
    if options.dev_manifest:
        manifest = Manifest.read(options.dev_manifest)
    else:  # of the one manifest, the videos that were scored for this
        there = {name for table in read for name in table.video_id.tolist()}
        kept = whole.select([name in there for name in whole.column("video_id")])
        manifest = Manifest(kept.table, whole.source, whole.sha256)
    videos = select_videos(manifest)
    return videos, _joined(read, videos, manifest, options)


def _dev_run(run: Run, runs: Sequence[Run], dev: tuple[Videos, list[Run]]) -> Run | None:
    """The same detector's development scores: under its own condition `none`, where there is one.

    Tables that name no detector are called after their files; where there is only one detector on
    either side, it is the same one.
    """
    own = [d for d in dev[1] if d.detector == run.detector]
    single = {d.detector for d in dev[1]}
    alone = len(single) == 1 and len({r.detector for r in runs}) == 1
    if not own and alone and not any("@" in name for name in (*single, run.detector)):
        own = list(dev[1])
    plain = [d for d in own if d.condition == "none"]
    return next(iter(plain or own), None)


def _one(
    run: Run,
    videos: Videos,
    thresholds: Sequence[Threshold],
    specs: Sequence[SliceSpec],
    options: Options,
    frames: Sequence[FrameTable],
    mixed: bool,
) -> DetectorResult:
    """`mixed`: whether there are scores of untouched videos beside those under perturbations."""
    settings = options.settings
    results = []
    for scoring in SCORINGS:
        scored = apply_scoring(run, videos.labels, scoring, options.policy)
        if scored is None:
            results.append(ScoringResult(scoring, 0, 0, reason="no policy is stated: --policy"))
        elif results and run.answered.all():  # without a failure all scorings are the first
            results.append(replace(results[0], scoring=scoring))
        else:
            results.append(measure(run, videos, scored, thresholds, settings))
    levels: dict[str, Any] = {}
    for table in frames:
        levels |= level_figures(table, run, videos, settings.level)
    failures = count_failures(run, videos)
    # under a perturbation the leaderboard's figures are enough: no slices, no curves
    whole = run.condition == "none" or not mixed
    warnings = warnings_of(run, results[0])
    if failures.uneven:
        warnings.append(failures.words())
    return DetectorResult(
        detector=run.detector,
        condition=run.condition,
        score_kind=run.score_kind,
        aggregation=run.aggregation,
        source=run.source,
        sha256=run.sha256,
        failures=failures,
        scorings=tuple(results),
        slices=tuple(slice_rows(run, videos, specs, options.policy, settings, options.min_slice))
        if whole
        else (),
        curve=roc_on_grid(run, videos, settings) if whole else None,
        histogram=histogram(run, videos),
        reliability=reliability_of(run, videos),
        attacks={str(t.rule): attack_errors(run, videos, t) for t in thresholds},
        running=running(run),
        levels=levels,
        warnings=tuple(warnings),
    )


def _rankings(
    runs: Sequence[Run],
    videos: Videos,
    thresholds: dict[tuple[str, str], list[Threshold]],
    options: Options,
) -> Iterator[Ranking]:
    """One for each condition that two or more detectors have, and each scoring; the chosen one first."""
    order = sorted(SCORINGS, key=lambda scoring: scoring != options.rank_by)
    for condition in sorted({run.condition for run in runs}, key=lambda c: (c != "none", c)):
        of_it = [run for run in runs if run.condition == condition]
        if len(of_it) < 2:
            continue
        at = {run.detector: thresholds[run.detector, condition] for run in of_it}
        first: Ranking | None = None
        for scoring in order:
            if scoring == "policy" and options.policy is None:
                continue
            if first is not None and all(run.answered.all() for run in of_it):
                yield replace(first, scoring=scoring)  # without a failure all are the same
                continue
            ranked = rank_runs(of_it, videos, scoring, options.policy, at, options.settings)
            first = first or ranked
            yield ranked


def _protocol(
    tables: Sequence[ScoreTable], whole: Manifest, specs: Sequence[SliceSpec], options: Options
) -> dict[str, Any]:
    settings = options.settings
    return {
        "manifest": whole.source,
        "manifest_sha256": whole.sha256,
        "split": options.split,
        "scores": [{"path": table.source, "sha256": table.sha256} for table in tables],
        "development_split": options.dev_split,
        "development_scores": [
            {"path": str(path), "sha256": file_sha256(path)} for path in options.dev_scores
        ],
        "development_manifest_sha256": file_sha256(options.dev_manifest)
        if options.dev_manifest
        else None,
        "thresholds": [str(rule) for rule in options.rules],
        "oracle_allowed": options.oracle,
        "policy": options.policy.words() if options.policy else None,
        "ranked_by": options.rank_by,
        "slices": [spec.column for spec in specs],
        "min_slice": options.min_slice,
        "measurements_sha256": file_sha256(options.measurements) if options.measurements else None,
        "seed": settings.seed,
        "resamples": settings.resamples,
        "level": settings.level,
        "prevalences": list(settings.prevalences),
    }
