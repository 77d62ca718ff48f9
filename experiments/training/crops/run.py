"""From a recipe and prepared crops to a checkpoint with its card."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from safetensors import SafetensorError, safe_open

from ....datasets.pseudo_fakes.pairs import PairDataset
from ....datasets.shards.reader import PreparedCrops
from ....datasets.shards.torch_data import CropDataset, video_values
from ....datasets.shards.twins import TwinDataset
from ....detectors.cards import Card, Measurement, TrainingData
from ....detectors.checkpoints import save_checkpoint
from ....detectors.headers import BadCheckpoint, read_header
from ....detectors.protocols import CropDetector
from ..errors import BadRecipe, TrainingFailed
from .draws import Draws, draw_weights
from .loop import Choice, Fitted, fit
from .pretrained import with_pretrained
from .recipe import Plan, plan
from .record import crops_identity, environment, write_recipe, write_run
from .validating import Measured, Validator

BEST, STATE, RECORD = "best.safetensors", "state.pt", "run.json"


def train_detector(data: Mapping[str, Any], out: Path, *, resume: bool) -> Path:
    """Trains what a recipe says.

    Args:
        data: the recipe's keys and values.
        out: the run's folder.
        resume: go on with the run in it.

    Returns:
        The checkpoint that was chosen, `out/best.safetensors`.

    Raises:
        BadRecipe: it, or the crops, are not as they must be. BadShards: damaged crops.
        FileExistsError: `out` holds a run and `resume` is not set. TrainingFailed: see `fit`.
    """
    made = plan(data)
    recipe = made.recipe
    if recipe.data.crops is None:
        raise BadRecipe("data.crops: which crops? Give --set data.crops=FOLDER (of unswap prepare)")
    if (out / RECORD).exists() and not resume:
        raise FileExistsError(f"{out}: holds a run; go on with --resume, or choose another folder")
    if resume and not out.exists():
        raise FileExistsError(f"{out}: there is no run to go on with; leave --resume out")
    AcceleratorState._reset_state()  # an earlier run in this process may have had another precision
    accelerator = Accelerator(
        cpu=recipe.device == "cpu" or not torch.cuda.is_available(),
        mixed_precision="no" if recipe.precision == "fp32" else recipe.precision,
    )
    torch.set_num_threads(recipe.threads)
    cv2.setNumThreads(recipe.threads)
    torch.manual_seed(recipe.seed)
    try:
        detector = _begin(made, fresh=not (resume and (out / STATE).exists()))
        draws, weights = _training(made, recipe.data.crops, detector)
        validator = _validator(made, draws, detector)
    except (ValueError, KeyError) as error:
        raise BadRecipe(error.args[0] if error.args else str(error)) from error
    crops = {"training": crops_identity(draws.crops.crops)}
    if validator is not None:
        crops["validation"] = crops_identity(validator.dataset.crops)
    record = {
        "status": "running",
        "selected_by": _selected_by(made, validator),
        "crops": crops,
        "processes": accelerator.num_processes,
        "environment": environment(),
    }
    if accelerator.is_main_process:
        out.mkdir(parents=True, exist_ok=True)
        write_recipe(out, made.resolved())
        write_run(out, record)
        print(draws.crops.describe())
    accelerator.wait_for_everyone()

    def keep(better: CropDetector, choice: Choice, measured: Measured) -> None:
        _save(out / BEST, better, made, _card(made, draws, choice.after_steps, measured))

    fitted = fit(
        detector,
        made,
        draws,
        weights,
        validator,
        out,
        accelerator,
        data={
            name: {k: v for k, v in told.items() if k != "folder"} for name, told in crops.items()
        },
        keep=keep,
        resume=resume,
    )
    if accelerator.is_main_process:
        if validator is None:
            card = _card(made, draws, fitted.steps, None)
            _save(out / BEST, fitted.detector, made, card)
        write_run(out, {**record, "status": "finished", "result": _result(fitted)})
        print(_told(made, fitted, validator))
    accelerator.wait_for_everyone()
    accelerator.end_training()
    return out / BEST


def _training(made: Plan, folder: Path, detector: CropDetector) -> tuple[Draws, Any]:
    data, recipe = made.recipe.data, made.recipe
    crops = PreparedCrops(folder)
    length, stride = _clips(detector)
    if made.pair_arguments is not None:
        pairs = PairDataset(
            crops,
            detector.crop_spec,
            clip_length=length,
            stride=stride,
            split=data.split,
            targets=detector.targets,
            seed=recipe.seed,
            **made.pair_arguments,
        )
        return Draws(pairs, recipe.seed), draw_weights(pairs.genuine, data.balance, {})
    if detector.targets:
        raise BadRecipe(
            f"{recipe.detector.name!r} learns from {', '.join(detector.targets)}, which labelled crops "
            "don't have; train it on pairs (data.pairs)"
        )
    videos = None
    if data.methods is not None:
        known = set(video_values(crops, "method"))
        unknown = sorted(set(data.methods) - known)
        if unknown:
            raise BadRecipe(
                f"data.methods: {folder} has no {', '.join(unknown)}; it has "
                f"{', '.join(sorted(str(m) for m in known - {'real'}))}"
            )
        wanted = {"real", *data.methods}
        videos = np.array([m in wanted for m in video_values(crops, "method")])
    dataset = CropDataset(
        crops,
        detector.crop_spec,
        clip_length=length,
        stride=stride,
        split=data.split,
        videos=videos,
        margin_jitter=data.margin_jitter,
        transform=made.augment,
        seed=recipe.seed,
    )
    there = set(dataset.labels[np.unique(dataset.video)].tolist())
    if there != {0, 1}:
        missing = "manipulated" if there == {0} else "real"
        raise BadRecipe(
            f"{folder}: the split {data.split!r} has no {missing} video to train on; prepare some, or "
            "train on pairs (data.pairs), which needs real ones alone"
        )
    if data.twins:
        return Draws(TwinDataset(dataset), recipe.seed), None
    return Draws(dataset, recipe.seed), draw_weights(dataset, data.balance, data.weights)


def _clips(detector: CropDetector) -> tuple[int | None, int | None]:
    """Length and stride of a dataset's clips; None for single crops."""
    spec = detector.sampling_spec
    return (None, None) if spec.clip_length == 1 else (spec.clip_length, spec.stride)


def _validator(made: Plan, draws: Draws, detector: CropDetector) -> Validator | None:
    asked = made.recipe.validation
    if asked is None:
        return None
    training = draws.crops
    crops = training.crops if asked.crops is None else PreparedCrops(asked.crops)
    dataset = CropDataset(
        crops,
        detector.crop_spec,
        clip_length=_clips(detector)[0],
        stride=_clips(detector)[1],
        split=asked.split,
    )
    seen = {training.crops.video_id(v) for v in np.unique(training.video)}
    both = sorted(seen & {crops.video_id(v) for v in np.unique(dataset.video)})
    if both:
        raise BadRecipe(
            f"validation.crops: {len(both)} of its videos are trained on, {both[0]!r} for one; they "
            "can't choose"
        )
    return Validator(
        dataset, asked.clips_per_track, asked.batch_size, made.recipe.detector.aggregation
    )


def _begin(made: Plan, *, fresh: bool) -> CropDetector:
    """The detector with its starting weights; those of a run that goes on come from its state."""
    detector = with_pretrained(made, fresh=fresh)
    path = made.recipe.detector.start_from
    if path is None or not fresh:
        return detector
    header = read_header(path)
    if header["architecture"] != made.recipe.detector.name:
        raise BadCheckpoint(
            f"{path}: weights of {header['architecture']!r}, and {made.recipe.detector.name!r} is "
            "trained; give other weights or another detector"
        )
    try:
        with safe_open(path, framework="pt") as file:
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        detector.load_state_dict(state)
    except (RuntimeError, SafetensorError) as error:
        raise BadCheckpoint(
            f"{path}: the weights do not fit detector.arguments "
            f"({json.dumps(header['arguments'])} there): {error}"
        ) from error
    return detector


def _save(path: Path, detector: CropDetector, made: Plan, card: Card) -> None:
    arguments = {k: v for k, v in made.detector_arguments.items() if k != "pretrained"}
    try:
        save_checkpoint(
            path,
            detector,
            card,
            architecture=made.recipe.detector.name,
            arguments=arguments,
            aggregation=made.recipe.detector.aggregation,
            dtype=torch.float32,  # what was measured is what is saved
        )
    except (OSError, SafetensorError) as error:
        path.with_name(path.name + ".part").unlink(missing_ok=True)
        kept = "the one that was saved last is kept" if path.exists() else "there is none yet"
        raise TrainingFailed(
            f"{path}: it can't be saved ({error}); {kept}. Make room and go on with --resume"
        ) from error


def _card(made: Plan, draws: Draws, steps: int | None, measured: Measured | None) -> Card:
    recipe, dataset = made.recipe, draws.crops
    videos = np.unique(dataset.video)
    names = sorted({dataset.crops.video_id(v).partition("/")[0] for v in videos})
    what = (
        "genuine faces and pseudo-fakes made of them"
        if made.pair_arguments is not None
        else "labelled"
    )
    limits = [
        "Trained by its user: nobody else has tested it.",
        "What it is worth on other data than its own was not measured.",
    ]
    numbers: tuple[Measurement, ...] = ()
    if measured is None:
        limits.append(
            "No checkpoint was chosen by its score: these are the weights of the last step."
        )
    else:
        on = f"the validation split, video level, {recipe.detector.aggregation}"
        count = measured.real + measured.manipulated
        how = "chosen by these very videos, so optimistic"
        numbers = tuple(
            Measurement(name, value, on, count, how=how) for name, value in measured.values.items()
        )
    return Card(
        name=recipe.name,
        version=recipe.version,
        summary=recipe.summary,
        licence="its user's; see the training data's terms",
        command=f"unswap train {recipe.name} (weights after {steps} steps)",
        training_data=tuple(
            TrainingData(n, sum(dataset.crops.video_id(v).partition("/")[0] == n for v in videos),
                         "see its own terms", what)
            for n in names
        ),
        measured=numbers,
        limits=tuple(limits),
        recipe=made.resolved(),
    )  # fmt: skip


def _selected_by(made: Plan, validator: Validator | None) -> dict[str, Any]:
    asked = made.recipe.validation
    if asked is None or validator is None:
        return {"rule": "none: the weights of the last step"}
    return {
        "rule": f"best {asked.select} of the validations, the earlier of equals",
        "split": asked.split,
        "crops": str(validator.dataset.crops.folder.absolute()),
        "level": "video",
        "aggregation": made.recipe.detector.aggregation,
        "real": validator.real,
        "manipulated": validator.manipulated,
    }


def _told(made: Plan, fitted: Fitted, validator: Validator | None) -> str:
    choice, asked = fitted.choice, made.recipe.validation
    if validator is None or asked is None:
        return f"nothing chose: the weights after {fitted.steps} steps"
    return (
        f"chosen: the weights after {choice.after_steps} of {fitted.steps} steps, {asked.select} "
        f"{choice.value:.3f} on the {asked.split} split's {validator.real} real and "
        f"{validator.manipulated} manipulated videos"
    )


def _result(fitted: Fitted) -> dict[str, Any]:
    return {
        "checkpoint": BEST,
        "steps": fitted.steps,
        "chosen_after_steps": fitted.choice.after_steps,
        "chosen_value": fitted.choice.value,
    }
