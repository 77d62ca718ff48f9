"""The training loop: pairs in, weights out; can be killed at any step and goes on exactly."""

import copy
import json
import math
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader
from tqdm import tqdm

from ...detectors.protocols import CropDetector
from .errors import TrainingFailed
from .pairs import PairDataset
from .portraits import Portrait
from .recipe import Recipe

__all__ = ["TrainingFailed", "fit", "learning_rate_at"]

# what a run may go on with otherwise than it was begun: nothing of it changes the weights
CHANGEABLE = (
    "name", "version", "summary", "num_frames", "workers", "validation_frames",
    "validation_crfs", "save_every_steps",
)  # fmt: skip


def learning_rate_at(step: int, recipe: Recipe) -> float:
    """Linear warm-up, then half a cosine down to a hundredth."""
    if step < recipe.warm_up_steps:
        return recipe.learning_rate * (step + 1) / recipe.warm_up_steps
    along = (step - recipe.warm_up_steps) / max(1, recipe.steps - recipe.warm_up_steps)
    return recipe.learning_rate * (0.01 + 0.99 * (1 + math.cos(math.pi * along)) / 2)


def fit(
    detector: CropDetector, people: Sequence[Portrait], recipe: Recipe, out: Path, *, resume: bool
) -> CropDetector:
    """Trains a detector on self-blended pairs.

    Args:
        detector: with its starting weights; changed in place.
        people: the portraits that train.
        recipe: every number.
        out: folder for `state.pt` (to resume from) and `metrics.jsonl`.
        resume: go on from `out/state.pt` where there is one.

    Returns:
        A detector with the moving average of the weights, in evaluation mode. No checkpoint is
        selected: it is the last.

    Raises:
        TrainingFailed: the loss is no number any more (the last state saved is kept), or the run
            to go on with was begun by another recipe.
    """
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(recipe.threads)
    detector.train().to(memory_format=torch.channels_last)
    average = copy.deepcopy(detector).requires_grad_(False)
    decayed = [p for p in detector.parameters() if p.ndim > 1]
    plain = [p for p in detector.parameters() if p.ndim <= 1]
    optimiser = torch.optim.AdamW(
        [
            {"params": decayed, "weight_decay": recipe.weight_decay},
            {"params": plain, "weight_decay": 0.0},
        ],
        lr=recipe.learning_rate,
    )
    state_file, first = out / "state.pt", 0
    if resume and state_file.exists():
        state = torch.load(state_file, weights_only=True)
        _check_same_recipe(state["recipe"], recipe, state_file)
        detector.load_state_dict(state["detector"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        torch.set_rng_state(state["generator"])
        first = state["step"]
    metrics = out / "metrics.jsonl"
    _keep_lines(metrics, first)
    pairs = PairDataset(
        people, detector.crop_spec, recipe.seed, recipe.steps * recipe.pairs, first * recipe.pairs
    )
    loader = DataLoader(
        pairs,
        batch_size=recipe.pairs,
        num_workers=recipe.workers,
        worker_init_fn=_one_thread,
        # a forked worker would inherit thread pools without their threads, and hang
        multiprocessing_context="spawn" if recipe.workers else None,
        # the data are a pure function of the pair's number: no generator may draw from torch's own
        generator=torch.Generator(),
    )
    started = time.monotonic()
    with metrics.open("a") as log, tqdm(total=recipe.steps, initial=first, unit="step") as bar:
        for step, (pictures, labels) in enumerate(loader, start=first):
            rate = learning_rate_at(step, recipe)
            for group in optimiser.param_groups:
                group["lr"] = rate
            batch = {"clips": _channels_last(pictures.flatten(0, 1)), "label": labels.flatten()}
            loss = detector.loss(batch)
            if not torch.isfinite(loss):
                raise TrainingFailed(
                    f"the loss is {loss.item()} at step {step} (pairs {step * recipe.pairs} to "
                    f"{(step + 1) * recipe.pairs - 1}); {state_file} holds the last good state"
                )
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(detector.parameters(), recipe.gradient_clip)
            optimiser.step()
            _move_average(average, detector, min(recipe.ema, (1 + step) / (10 + step)))
            entry = {"step": step, "loss": loss.item(), "norm": norm.item(), "learning_rate": rate}
            log.write(json.dumps({**entry, "seconds": round(time.monotonic() - started, 1)}) + "\n")
            log.flush()
            bar.set_postfix(loss=f"{loss.item():.3f}", refresh=False)
            bar.update()
            if (step + 1) % recipe.save_every_steps == 0 or step + 1 == recipe.steps:
                _save(
                    state_file,
                    {
                        "step": step + 1,
                        "recipe": recipe.to_dict(),
                        "detector": detector.state_dict(),
                        "average": average.state_dict(),
                        "optimiser": optimiser.state_dict(),
                        "generator": torch.get_rng_state(),
                    },
                )
    return average.eval()


def _check_same_recipe(begun: dict[str, Any], recipe: Recipe, state_file: Path) -> None:
    """A run that goes on by another recipe is no run of either."""
    now = recipe.to_dict()
    changed = [
        f"{key} was {begun.get(key)!r}, is {now.get(key)!r}"
        for key in sorted(begun.keys() | now.keys())
        if key not in CHANGEABLE and begun.get(key) != now.get(key)
    ]
    if changed:
        raise TrainingFailed(f"{state_file}: begun by another recipe: {'; '.join(changed)}")


def _channels_last(pictures: torch.Tensor) -> torch.Tensor:
    """(B, 3, size, size) -> (B, 1, 3, size, size): clips of one frame."""
    return pictures.contiguous(memory_format=torch.channels_last)[:, None]


def _move_average(average: CropDetector, detector: CropDetector, decay: float) -> None:
    """Weights and running statistics move towards the detector's by 1 - decay."""
    with torch.no_grad():
        current = detector.state_dict()
        for name, value in average.state_dict().items():
            if value.is_floating_point():
                value.lerp_(current[name], 1 - decay)
            else:
                value.copy_(current[name])


def _save(path: Path, state: dict[str, Any]) -> None:
    """Leaves either the old state or the new one."""
    temporary = path.with_name(path.name + ".part")
    torch.save(state, temporary)
    os.replace(temporary, path)


def _keep_lines(path: Path, count: int) -> None:
    """Drops what was logged after the state that a run goes on from."""
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    path.write_text("".join(lines[:count]))


def _one_thread(_: int) -> None:
    import cv2

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
