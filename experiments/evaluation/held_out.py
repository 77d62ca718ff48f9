"""Leave one manipulation out: each is tested by a detector that has not seen it."""

from dataclasses import replace
from pathlib import Path

from ...datasets.manifests import Manifest
from .evaluate import evaluate
from .protocol import BadProtocol, BenchmarkEntry, HeldOut
from .protocol_run import Run, told
from .results import Evaluation
from .steps import as_written, train_by_program, train_by_recipe


def held_out(run: Run) -> list[Evaluation]:
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
            held.name: f"leave one out: {way_of(held)}, {method} held out"
            for held in spec.detectors
        }
        notes = [f"{method} was held out of training: tested are its videos and the real ones."]
        out.append(told(run, evaluate(tables, alone, options), notes, more))
    return out


def way_of(held: HeldOut) -> str:
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
