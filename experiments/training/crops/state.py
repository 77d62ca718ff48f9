"""The state of a run on disk: everything that the next step depends on."""

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object

from ..errors import TrainingFailed


def write_whole(path: Path, write: Callable[[BinaryIO], None]) -> None:
    """Leaves either the old file or the new one, on the disk and not in its cache.

    Raises:
        TrainingFailed: it can't be written, a full disk for one; the old file is as it was.
    """
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except (OSError, RuntimeError) as error:  # torch reports a full disk as a RuntimeError
        why = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        part.unlink(missing_ok=True)
        kept = "the one that was saved last is kept" if path.exists() else "there is none yet"
        raise TrainingFailed(
            f"{path}: it can't be saved ({why}); {kept}. Make room and go on with --resume"
        ) from error


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Raises TrainingFailed; see `write_whole`."""
    write_whole(path, lambda file: torch.save(state, file))


def load_state(path: Path) -> dict[str, Any]:
    """What `save_state` wrote. Raises TrainingFailed for a damaged file."""
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        _ = state["step"], state["recipe"], state["detector"]
    except Exception as error:  # a damaged pickle raises nearly anything
        why = str(error).strip().partition("\n")[0] or type(error).__name__
        raise TrainingFailed(
            f"{path}: it can't be read ({why[:200]}); it is damaged, or not a run's state. Put back a "
            "copy of it, or begin again in another folder"
        ) from error
    return state


def generators(accelerator: Accelerator) -> list[dict[str, Any]]:
    """The states of all random generators, of every process."""
    version, internal, gauss = random.getstate()
    numpy_state: Any = np.random.get_state()  # noqa: NPY002 - whoever draws from it is resumed too
    mine: dict[str, Any] = {
        "torch": torch.get_rng_state(),
        "python": [version, list(internal), gauss],
        "numpy": [
            numpy_state[0], numpy_state[1].tolist(), *(float(v) for v in numpy_state[2:]),
        ],
    }  # fmt: skip
    if torch.cuda.is_available():
        mine["cuda"] = torch.cuda.get_rng_state()
    return list(gather_object([mine]))


def set_generators(states: list[dict[str, Any]], accelerator: Accelerator) -> None:
    """Puts this process's generators back."""
    mine = states[accelerator.process_index]
    torch.set_rng_state(mine["torch"])
    version, internal, gauss = mine["python"]
    random.setstate((version, tuple(internal), gauss))
    name, keys, place, has_gauss, cached = mine["numpy"]
    np.random.set_state(  # noqa: NPY002
        (name, np.array(keys, dtype=np.uint32), int(place), int(has_gauss), cached)
    )
    if "cuda" in mine and torch.cuda.is_available():
        torch.cuda.set_rng_state(mine["cuda"])
