"""What `unswap evaluate`, `unswap rank` and `unswap seal` do."""

import argparse
import os
import shutil
from pathlib import Path
from typing import Any

from ...datasets.manifests import ARCHIVE_MARK, Manifest
from .evaluate import evaluate, joined_runs
from .exporting import deepfakebench_results, latex, to_json, write_csv, write_whole
from .measuring import Settings
from .options import Options
from .policies import Policy
from .results import Evaluation
from .score_tables import BadScores
from .sealing import BadSeal, is_sealed, read_key, seal, sealed_names
from .slices import SliceSpec
from .thresholds import Rule
from .words import lines


def options_of(given: argparse.Namespace, at: str) -> Options:
    """The options of a command line. Raises BadScores, ValueError."""
    return Options(
        split=given.split,
        dev_split=given.dev_split,
        dev_scores=tuple(given.dev_scores),
        dev_manifest=given.dev_manifest,
        rules=tuple(Rule.parse(text) for text in given.threshold),
        oracle=given.oracle,
        policy=Policy.parse(given.policy) if given.policy else None,
        slices=tuple(SliceSpec.parse(text) for text in given.slice),
        min_slice=given.min_slice,
        measurements=given.measurements,
        other_manifest=given.other_manifest,
        rank_by=given.by,
        settings=Settings(
            seed=given.seed,
            resamples=given.resamples,
            prevalences=tuple(given.prevalence) or Settings.prevalences,
        ),
        title=given.title or "",
        names=tuple(given.name),
        key=given.key,
        at=at,
        note=given.note,
    )


def check_outputs(given: argparse.Namespace) -> None:
    """That what is asked for can be written, before anything is measured. Raises BadScores."""
    for name in ("json", "csv", "latex", "deepfakebench"):
        path = getattr(given, name)
        if path is not None and not path.absolute().parent.is_dir():
            raise BadScores(
                f"--{name} {path}: there is no folder {path.absolute().parent}; make it"
            )
        if path is not None and path.is_dir():
            raise BadScores(f"--{name} {path}: it is a folder; give the name of a file")
    if given.deepfakebench is not None and is_sealed(given.manifest):
        raise BadSeal("--deepfakebench: the labels of a sealed set are not written out")
    if given.report is not None and given.report.exists() and not given.report.is_dir():
        raise BadScores(f"--report {given.report}: exists, and is not a folder")


def evaluate_command(given: argparse.Namespace, version: str, at: str) -> Evaluation:
    """Evaluates, prints, writes. Raises BadScores, BadManifest, BadSeal, ValueError, OSError."""
    check_outputs(given)
    options = options_of(given, at)
    result = evaluate(given.scores, given.manifest, options)
    for line in lines(result):
        print(line)
    write_outputs(result, given, version, at)
    if given.deepfakebench is not None:
        document: dict[str, Any] = {}
        videos, runs = joined_runs(given.scores, given.manifest, options)
        for run in runs:
            name = result.title if len(runs) == 1 else f"{result.title}/{run.name}/{run.condition}"
            document |= deepfakebench_results(run, videos, name)
        write_whole(given.deepfakebench, lambda file: file.write(to_json(document)))
        print(f"wrote {given.deepfakebench}")
    return result


def write_outputs(result: Evaluation, given: argparse.Namespace, version: str, at: str) -> None:
    """JSON, CSV, LaTeX and the report, where they are asked for. Raises OSError."""
    if given.json is not None:
        document = {"unswap": version, "generated_at": at, **result.to_dict()}
        write_whole(given.json, lambda file: file.write(to_json(document)))
        print(f"wrote {given.json}")
    if given.csv is not None:
        write_csv(result, given.csv)
        print(f"wrote {given.csv}")
    if given.latex is not None:
        write_whole(given.latex, lambda file: file.write(latex(result)))
        print(f"wrote {given.latex}")
    if given.report is not None:
        from .report.render import write_report

        path = write_report([result], given.report, version=version, generated_at=at)
        print(f"report: {path}")


def seal_command(given: argparse.Namespace, roots: dict[str, Path], at: str) -> None:
    """Seals a manifest, and lays its files out under the hashed names where roots are given.

    Raises:
        BadSeal, BadManifest: what is wrong, and what to do. OSError: something can't be written.
    """
    manifest = Manifest.read(given.manifest)
    if len(set(manifest.column("label"))) < 2:
        raise BadSeal(f"{given.manifest}: all its videos are of one class; a hold-out needs both")
    paths = manifest.paths(roots) if roots else []
    for path in paths:
        if path is None or ARCHIVE_MARK in path or not os.path.lexists(path):
            raise BadSeal(f"{path}: no file or folder that could be laid out under a hashed name")
    count = seal(manifest, given.out, given.key, note=given.note, at=at)
    if paths:
        key, files = read_key(given.key), given.out / "videos"
        files.mkdir()
        for place, name in sealed_names(manifest, key):
            source, target = Path(str(paths[place])), files / name
            if source.is_dir():
                shutil.copytree(source, target)
            else:
                shutil.copyfile(
                    source, target
                )  # a copy: no link, time or owner that tells it apart
    print(f"sealed {count} videos in {given.out}; the key is {given.key}: keep it elsewhere")
    print("hand the folder on; a detector is run on it without labels:")
    where = given.out / "videos" if paths else "FOLDER"
    print(f"  unswap score {given.out / 'videos.csv'} --root {where} --out scores.parquet")
    print("whoever holds the key evaluates, and every look is written into the ledger:")
    print(f"  unswap evaluate scores.parquet --manifest {given.out} --key {given.key}")
