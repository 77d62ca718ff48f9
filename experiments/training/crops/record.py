"""What a run leaves in its folder, so that a reader knows what it was and what chose its result."""

import importlib.metadata
import io
import json
import platform
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import yaml

from ....datasets.probing import hash_file
from ....datasets.shards.layout import INDEX_FILE, VIDEOS_FILE
from ....datasets.shards.reader import PreparedCrops
from .state import write_whole

PACKAGES = (
    "unswap",
    "torch",
    "torchvision",
    "timm",
    "accelerate",
    "numpy",
    "opencv-python-headless",
)


def environment() -> dict[str, Any]:
    """Versions and machine: what can make the same recipe give other weights."""
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor": platform.machine(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "packages": {name: _version(name) for name in PACKAGES},
        "command": sys.argv,
    }


def crops_identity(crops: PreparedCrops) -> dict[str, Any]:
    """Which crops these are: the index holds a checksum of every one of them."""
    return {
        "folder": str(crops.folder.absolute()),
        "manifest_sha256": crops.prepared.manifest_sha256,
        "index_sha256": hash_file(crops.folder / INDEX_FILE),
        "videos_sha256": hash_file(crops.folder / VIDEOS_FILE),
    }


def write_recipe(out: Path, recipe: Mapping[str, Any]) -> None:
    """`recipe.yaml`: with all defaults; the same command takes it again."""
    text = yaml.safe_dump(dict(recipe), sort_keys=False, allow_unicode=True)
    write_whole(out / "recipe.yaml", lambda file: _put(file, text))


def write_run(out: Path, record: Mapping[str, Any]) -> None:
    """`run.json`."""
    text = json.dumps(dict(record), indent=1, allow_nan=False) + "\n"
    write_whole(out / "run.json", lambda file: _put(file, text))


class Log:
    """`metrics.jsonl`, and TensorBoard where it is asked for.

    A line of a step has `step` (from 0) and what was measured in it; a line of a validation has
    `after_steps`. A run that goes on drops what was logged after the state that it goes on from.

    Args:
        out: the run's folder.
        first: the step that comes next.
        tensorboard: whether its files are written, in `out/tensorboard`.
    """

    def __init__(self, out: Path, first: int, *, tensorboard: bool) -> None:
        path = out / "metrics.jsonl"
        kept = [
            line
            for line in (path.read_text().splitlines(keepends=True) if path.exists() else [])
            if _before(line, first)
        ]
        write_whole(path, lambda file: _put(file, "".join(kept)))
        self._file = path.open("a")
        self._board: Any = None
        if tensorboard:
            from torch.utils.tensorboard import SummaryWriter

            self._board = SummaryWriter(str(out / "tensorboard"), purge_step=first)

    def step(self, step: int, values: Mapping[str, float]) -> None:
        self._write({"step": step, **values})
        self._plot(step, {k: v for k, v in values.items() if k != "seconds"})

    def validation(self, after_steps: int, values: Mapping[str, float]) -> None:
        self._write({"after_steps": after_steps, **values})
        self._plot(after_steps, {f"validation/{k}": v for k, v in values.items()})

    def close(self) -> None:
        self._file.close()
        if self._board is not None:
            self._board.close()

    def _write(self, entry: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(entry) + "\n")
        self._file.flush()

    def _plot(self, step: int, values: Mapping[str, float]) -> None:
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(name, value, step)


def _before(line: str, first: int) -> bool:
    """Whether a line was logged before this step; half a line, which a kill leaves, was not."""
    if not line.endswith("\n"):
        return False
    entry = json.loads(line)
    if "step" in entry:
        return bool(entry["step"] < first)
    return bool(entry["after_steps"] <= first)


def _put(file: io.BufferedIOBase | Any, text: str) -> None:
    file.write(text.encode())


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
