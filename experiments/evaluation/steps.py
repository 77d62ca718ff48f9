"""The steps of a protocol's run: scoring, degrading, training; each is done once, and resumed."""

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...datasets.manifests import Manifest, read_table
from ...datasets.perturbations import CannotWrite, degrade
from ...datasets.types import UnreadableVideo
from ..scoring.run import journal_path


class Stopped(Exception):
    """The run can't go on now; the message says why. What is finished is kept."""


@dataclass(frozen=True)
class ScoreStep:
    """One table of scores to be made by `unswap score`, the command a person would run.

    `manifest`, `roots`: the videos. `detector`: what `--detector` takes. `out`: the table.
    """

    manifest: Path
    roots: Mapping[str, Path]
    detector: str
    out: Path
    num_frames: int | None = None
    jobs: int | None = None
    consent_upload: bool = False

    def arguments(self) -> list[str]:
        """After `unswap`."""
        out = ["score", str(self.manifest), "--detector", self.detector, "--out", str(self.out)]
        for name, folder in self.roots.items():
            out += ["--root", f"{name}={folder}" if name else str(folder)]
        if self.num_frames:
            out += ["--num-frames", str(self.num_frames)]
        if self.jobs:
            out += ["--jobs", str(self.jobs)]
        if self.consent_upload:
            out.append("--consent-upload")
        if journal_path(self.out).exists():
            out.append("--resume")
        return out


Scorer = Callable[[ScoreStep], bool]


def score_by_command(step: ScoreStep) -> bool:
    """Scores in a process of its own, unless the table is there; whether every video has a score.

    A process: a detector's memory and threads go when it is done, and what was run can be repeated
    by hand.

    Raises:
        Stopped: the command failed; what it wrote to the screen says why.
    """
    if step.out.exists() and not journal_path(step.out).exists():
        return set(read_table(step.out).column("status").to_pylist()) <= {"scored"}
    step.out.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-P", "-m", "unswap.cli", *step.arguments()]
    code = subprocess.run(command, check=False).returncode
    if code not in (0, 3):
        raise Stopped(f"scoring with {step.detector} ended with exit code {code}; see above")
    return code == 0


def degrade_all(
    manifest: Manifest, roots: Mapping[str, Path], condition: str, folder: Path, seed: int
) -> tuple[Manifest, list[str]]:
    """Every video as it is under a condition; those that are there already are kept.

    Returns:
        The manifest of the degraded videos, with the same ids, and why some could not be made.

    Raises:
        Stopped: none could be made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths, keep, failed = [], [], []
    for place, (name, source) in enumerate(
        zip(manifest.column("video_id"), manifest.paths(roots), strict=True)
    ):
        target = folder / f"{place:06d}.mp4"
        try:
            if not target.exists():
                degrade(str(source), target, [condition], seed=seed)
            keep.append(True)
        except (UnreadableVideo, CannotWrite) as error:
            failed.append(f"{name}: {error}")
            keep.append(False)
        paths.append(target.name)
    if not any(keep):
        raise Stopped(f"{condition}: not one video could be degraded: {failed[0]}")
    made = manifest.with_column("path", paths).with_column("root", [""] * len(manifest))
    return made.with_column("mask", [None] * len(manifest)).select(keep), failed


def write_conditions(tables: Sequence[tuple[str, Path]], manifest_sha256: str, out: Path) -> None:
    """One table of one detector under several conditions: the tables' rows with the condition set.

    Args:
        tables: condition and path of each.
        manifest_sha256: of the manifest of the untouched videos, whose ids these rows have.
        out: .parquet.
    """
    import pyarrow as pa
    from pyarrow import parquet

    parts = []
    for condition, path in tables:
        table = read_table(path)
        for name, value in (("condition", condition), ("manifest_sha256", manifest_sha256)):
            column = pa.array([value] * table.num_rows, pa.string())
            table = table.set_column(table.column_names.index(name), name, column)
        parts.append(table)
    draft = out.with_name(f".{out.name}.part")
    parquet.write_table(pa.concat_tables(parts), draft)
    draft.replace(out)


def train_by_recipe(recipe: Path, out: Path) -> Path:
    """`unswap train`, going on with a run that lies there.

    Raises:
        Stopped: it failed.
    """
    from ..training.loop import TrainingFailed
    from ..training.portraits import BadWeights
    from ..training.recipe import BadRecipe
    from ..training.run import train

    finished = sorted(out.glob("*.safetensors"))
    if finished:
        return finished[0]
    try:
        return train(recipe, out, resume=(out / "state.pt").exists())
    except (BadRecipe, BadWeights, TrainingFailed, OSError, RuntimeError) as error:
        raise Stopped(f"training by {recipe}: {error}") from error


def train_by_program(
    argv: Sequence[str], checkpoint: str, words: Mapping[str, str], folder: Path
) -> Path:
    """Runs a training program, unless its checkpoint is there.

    Args:
        argv: with `{manifest}`, `{held_out}`, `{out}` to be put in; no shell reads it.
        checkpoint: the file that it leaves, with the same words.
        words: what is put in. folder: it is run in.

    Raises:
        Stopped: it ended with an error, or left no checkpoint.
    """
    target = folder / fill(checkpoint, words)
    if target.exists():
        return target
    command = [fill(part, words) for part in argv]
    try:
        code = subprocess.run(command, cwd=folder, check=False).returncode
    except OSError as error:
        raise Stopped(f"{command[0]}: {error.strerror}") from error
    if code or not target.exists():
        left = "" if code else f" and left no {target}"
        raise Stopped(f"{' '.join(command)}: ended with exit code {code}{left}")
    return target


def fill(text: str, words: Mapping[str, str]) -> str:
    """`{out}` and the like put in; other braces stay.

    >>> fill("{out}/m.json {x}", {"out": "runs"})
    'runs/m.json {x}'
    """
    for name, value in words.items():
        text = text.replace("{" + name + "}", value)
    return text


def as_written(manifest: Manifest, path: Path) -> Manifest:
    """Writes a manifest, unless the same rows are there, and reads it back with its hash."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or not _same(Manifest.read(path), manifest):
        manifest.write(path)
    return Manifest.read(path)


def _same(a: Manifest, b: Manifest) -> bool:
    def rows(m: Manifest) -> list[Any]:
        return [{k: None if v is None else str(v) for k, v in row.items()} for row in m.rows()]

    return rows(a) == rows(b)
