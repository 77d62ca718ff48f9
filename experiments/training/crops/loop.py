"""The training loop: any detector, on one process or many; killed at any step, it goes on exactly."""

import copy
import math
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import nn
from tqdm import tqdm

from ....detectors.checkpoints import channels_last
from ....detectors.protocols import CropDetector
from ..errors import TrainingFailed
from .draws import Batch, Draws, StepSampler, step_loader
from .optimisers import ascended, optimisers
from .recipe import Plan
from .record import Log
from .schema import METRICS
from .state import generators, load_state, save_state, set_generators
from .validating import Measured, Validator


@dataclass
class Choice:
    """What has chosen so far. `value`: of the metric that selects; `stale`: validations since."""

    after_steps: int | None = None
    value: float | None = None
    stale: int = 0


@dataclass(frozen=True)
class Fitted:
    """A finished run. `detector`: with the weights of the last step, averaged where the recipe says
    so. `steps`: how many were taken; less than the recipe's where it stopped early.
    """

    detector: CropDetector
    steps: int
    choice: Choice


class LossOf(nn.Module):
    """A detector's loss as a forward pass, which is what processes are kept together by."""

    def __init__(self, detector: CropDetector) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, batch: Batch) -> torch.Tensor:
        return self.detector.loss(batch)


def fit(
    detector: CropDetector,
    plan: Plan,
    draws: Draws,
    weights: Any,
    validator: Validator | None,
    out: Path,
    accelerator: Accelerator,
    *,
    data: dict[str, Any],
    keep: Callable[[CropDetector, Choice, Measured], None],
    resume: bool,
) -> Fitted:
    """Trains a detector as its recipe says.

    Args:
        detector: with its starting weights; changed in place.
        plan: the checked recipe.
        draws: the training data.
        weights: (n,) each item's probability, or None; see `StepSampler`.
        validator: what chooses; None chooses nothing.
        out: folder for `state.pt` and `metrics.jsonl`.
        accelerator: the processes and the precision.
        data: what identifies the data: a run goes on with the same.
        keep: called in the main process with every detector that is better than those before.
        resume: go on from `out/state.pt` where there is one.

    Raises:
        TrainingFailed: a loss or a gradient that is no number (the last state saved is kept), a
            state that can't be saved or read, or that another recipe or other data began.
    """
    recipe, world = plan.recipe, accelerator.num_processes
    trained = [p for p in detector.parameters() if p.requires_grad]
    begun = {**plan.that_count(), "crops": data, "processes": world}
    if recipe.channels_last:
        channels_last(detector)
    detector.train().to(accelerator.device)
    average = copy.deepcopy(detector).requires_grad_(False) if recipe.ema else None
    optimiser = optimisers.get(recipe.optimiser["name"])(trained, **plan.optimiser_arguments)
    rates = [group["lr"] for group in optimiser.param_groups]
    module, optimiser = accelerator.prepare(LossOf(detector), optimiser)
    state_file, first, choice = out / "state.pt", 0, Choice()
    if resume and state_file.exists():
        state = load_state(state_file)
        _check_same(state["recipe"], begun, state_file)
        detector.load_state_dict(state["detector"])
        if average is not None:
            average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        if accelerator.scaler is not None:
            accelerator.scaler.load_state_dict(state["scaler"])
        set_generators(state["generators"], accelerator)
        first, choice = state["step"], Choice(**state["choice"])

    def save(step: int) -> None:
        drawn = generators(accelerator)
        if accelerator.is_main_process:
            scaler = accelerator.scaler
            save_state(
                state_file,
                {
                    "step": step,
                    "recipe": begun,
                    "detector": detector.state_dict(),
                    "average": None if average is None else average.state_dict(),
                    "optimiser": optimiser.state_dict(),
                    "scaler": None if scaler is None else scaler.state_dict(),
                    "generators": drawn,
                    "choice": asdict(choice),
                },
            )

    sampler = StepSampler(
        weights,
        len(draws),
        seed=recipe.seed,
        steps=recipe.steps,
        first=first,
        draws=recipe.batch_size // draws.pictures,
        parts=recipe.accumulate,
        rank=accelerator.process_index,
        world=world,
    )
    batches = iter(step_loader(draws, sampler, recipe.workers, accelerator.device.type == "cuda"))
    main = accelerator.is_main_process
    log = Log(out, first, tensorboard=recipe.tensorboard) if main else None
    patience = recipe.validation.patience if recipe.validation is not None else None
    bar = tqdm(total=recipe.steps, initial=first, unit="step", disable=not main)
    started, step, saved = time.monotonic(), first, first
    try:
        while step < recipe.steps and not (patience is not None and choice.stale >= patience):
            parts = [_on_device(next(batches), plan, accelerator) for _ in range(recipe.accumulate)]
            factor = plan.schedule(step, recipe.steps)
            for group, rate in zip(optimiser.param_groups, rates, strict=True):
                group["lr"] = rate * factor
            optimiser.zero_grad()
            loss = _gradient(module, parts, accelerator)
            _check_finite(loss, "loss", step, parts, draws, state_file)
            if recipe.sam_rho is not None:
                with ascended(detector, recipe.sam_rho):
                    optimiser.zero_grad()
                    _gradient(module, parts, accelerator)
            norm = float(accelerator.clip_grad_norm_(trained, recipe.clip_norm or math.inf))
            if accelerator.scaler is None:  # a scaled loss overflows now and then, and is skipped
                _check_finite(norm, "gradient", step, parts, draws, state_file)
            optimiser.step()
            if average is not None:
                _move_average(average, detector, min(recipe.ema or 0.0, (1 + step) / (10 + step)))
            step += 1
            if log is not None:
                values = {"loss": loss, "norm": norm, "learning_rate": rates[0] * factor}
                seconds = round(time.monotonic() - started, 2)
                log.step(step - 1, {**values, "seconds": seconds} if math.isfinite(norm)
                         else {"loss": loss, "seconds": seconds})  # fmt: skip
            bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
            bar.update()
            every = recipe.validation.every_steps if recipe.validation is not None else 0
            if validator is not None and (step % every == 0 or step == recipe.steps):
                current = detector if average is None else average
                measured = validator(current, accelerator)
                if log is not None:
                    log.validation(step, measured.values)
                if _better(measured, plan, choice):
                    choice.after_steps, choice.stale = step, 0
                    choice.value = measured.values[_metric(plan)]
                    if main:
                        keep(current, choice, measured)
                else:
                    choice.stale += 1
            if step % recipe.save_every_steps == 0 or step == recipe.steps:
                save(step)
                saved = step
    finally:
        bar.close()
        if log is not None:
            log.close()
    if saved != step:  # it stopped early
        save(step)
    return Fitted(detector if average is None else average, step, choice)


def _gradient(module: nn.Module, parts: Sequence[Batch], accelerator: Accelerator) -> float:
    """Adds up the gradient of the mean over a step's parts and processes; returns that mean loss."""
    losses = []
    for k, part in enumerate(parts):
        last = k == len(parts) - 1
        apart: AbstractContextManager[Any] = nullcontext() if last else accelerator.no_sync(module)
        with apart:
            loss = module(part)
            accelerator.backward(loss / len(parts))
        losses.append(loss.detach().float())
    mean = accelerator.reduce(torch.stack(losses).mean(), reduction="mean")
    return float(mean)


def _on_device(batch: Batch, plan: Plan, accelerator: Accelerator) -> Batch:
    out = {k: v.to(accelerator.device, non_blocking=True) for k, v in batch.items()}
    if plan.recipe.channels_last:
        shape = out["clips"].shape[:2]
        frames = out["clips"].flatten(0, 1).contiguous(memory_format=torch.channels_last)
        out["clips"] = frames.unflatten(0, shape)
    return out


def _check_finite(
    value: float, what: str, step: int, parts: Sequence[Batch], draws: Draws, state_file: Path
) -> None:
    if math.isfinite(value):
        return
    rows = dict.fromkeys(int(v) for part in parts for v in part["video"])
    names = [draws.crops.crops.video_id(row) for row in rows]
    listed = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
    kept = (
        f"{state_file} holds the last good state" if state_file.exists() else "none was saved yet"
    )
    raise TrainingFailed(
        f"the {what} is {value} at step {step}, with a batch of {listed}; {kept}. A lower "
        "optimiser.lr, or clip_norm, may help"
    )


def _metric(plan: Plan) -> str:
    assert plan.recipe.validation is not None
    return plan.recipe.validation.select


def _better(measured: Measured, plan: Plan, choice: Choice) -> bool:
    """Whether this one is chosen; of equals the earlier stays."""
    value = measured.values[_metric(plan)]
    if choice.value is None:
        return True
    return value > choice.value if METRICS[_metric(plan)] else value < choice.value


def _move_average(average: CropDetector, detector: CropDetector, decay: float) -> None:
    """Weights and running statistics move towards the detector's by 1 - decay."""
    with torch.no_grad():
        current = detector.state_dict()
        for name, value in average.state_dict().items():
            if value.is_floating_point():
                value.lerp_(current[name], 1 - decay)
            else:
                value.copy_(current[name])


def _check_same(begun: dict[str, Any], now: dict[str, Any], state_file: Path) -> None:
    """A run that goes on by another recipe is no run of either."""
    before, after = _flat(begun), _flat(now)
    changed = [
        f"{key} was {before.get(key)!r}, is {after.get(key)!r}"
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    ]
    if changed:
        raise TrainingFailed(
            f"{state_file}: begun by another recipe: {'; '.join(changed)}. Give the same, or another "
            "folder"
        )


def _flat(data: dict[str, Any], place: str = "") -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, dict) and value:
            out |= _flat(value, f"{place}{key}.")
        else:
            out[f"{place}{key}"] = value
    return out
