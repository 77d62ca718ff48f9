"""A recipe, checked whole before anything runs, and bound to what it is passed to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from ....datasets.pseudo_fakes.pairs import PairDataset
from ....datasets.types import CropSpec, SamplingSpec
from ....detectors.architectures import create_detector
from ....detectors.protocols import CropDetector, crop_detectors
from ..errors import BadRecipe
from .augment import Augment
from .binding import bind, problems
from .optimisers import optimisers
from .schedules import Schedule, schedules
from .schema import Recipe
from .specs import specs_of

GIVEN = (  # to pairs, by the loop
    "crops", "spec", "clip_length", "stride", "split", "method", "videos", "targets", "seed",
)  # fmt: skip
# what a run may go on with otherwise than it was begun: nothing of it changes the weights
CHANGEABLE = ("version", "summary", "workers", "save_every_steps", "tensorboard")


@dataclass(frozen=True)
class Plan:
    """A recipe whose every key has found its reader."""

    recipe: Recipe
    crop_spec: CropSpec
    sampling_spec: SamplingSpec
    augment: Augment
    detector_arguments: dict[str, Any]
    optimiser_arguments: dict[str, Any]
    schedule: Schedule
    schedule_arguments: dict[str, Any]
    pair_arguments: dict[str, Any] | None

    def create_detector(self) -> CropDetector:
        """The detector as its constructor leaves it; see `create_detector` for what it raises."""
        return create_detector(
            self.recipe.detector.name,
            **self.detector_arguments,
            crop_spec=self.crop_spec,
            sampling_spec=self.sampling_spec,
        )

    def resolved(self) -> dict[str, Any]:
        """The recipe with all defaults, as it is kept with the run."""
        out = self.recipe.model_dump(mode="json")
        out["detector"]["arguments"] = _plain(self.detector_arguments)
        out["detector"]["crop"] = _plain(vars(self.crop_spec))
        out["detector"]["sampling"] = _plain(vars(self.sampling_spec))
        if self.pair_arguments is None:
            out["data"]["augment"] = _plain(vars(self.augment))
        out["schedule"] |= _plain(self.schedule_arguments)
        out["optimiser"] |= _plain(self.optimiser_arguments)
        if self.pair_arguments is not None:
            out["data"]["pairs"] = _plain(self.pair_arguments)
        return out

    def that_count(self) -> dict[str, Any]:
        """What must be the same for a run to go on: all but where the data lie, and `CHANGEABLE`."""
        out = {k: v for k, v in self.resolved().items() if k not in CHANGEABLE}
        for part in (out["data"], out["validation"] or {}):
            part.pop("crops", None)
        return out


def plan(data: Mapping[str, Any]) -> Plan:
    """Checks a recipe and binds it to what will be called.

    Raises:
        BadRecipe: unknown, missing or impossible keys; all of them are listed.
    """
    wrong: list[str] = []
    recipe = None
    try:
        recipe = Recipe.model_validate(dict(data))
    except ValidationError as error:
        wrong += problems(error, "", Recipe)
    part = _part(data, "detector")
    training = _part(data, "data")
    augment = _made(Augment, _part(training, "augment"), "data.augment", wrong)
    arguments, specs = _detector(part, wrong)
    optimiser = _named(
        optimisers, _part(data, "optimiser"), "optimiser", wrong, given=("parameters",)
    )[1]
    schedule, settings = _schedule(_part(data, "schedule"), wrong)
    pairs = None
    if training.get("pairs") is not None:
        pairs, found = bind(PairDataset, _part(training, "pairs"), "data.pairs", given=GIVEN)
        wrong += found
    if recipe is not None:
        wrong += _together(recipe)
    if wrong:
        raise BadRecipe("; ".join(dict.fromkeys(wrong)))
    assert recipe is not None
    assert schedule is not None
    assert specs is not None
    return Plan(recipe, *specs, augment, arguments, optimiser, schedule, settings, pairs)


def _detector(
    part: dict[str, Any], wrong: list[str]
) -> tuple[dict[str, Any], tuple[CropSpec, SamplingSpec] | None]:
    """Its arguments and what it sees."""
    crop, crop_wrong = bind(CropSpec, _part(part, "crop"), "detector.crop", partial=True)
    sampling, sampling_wrong = bind(
        SamplingSpec, _part(part, "sampling"), "detector.sampling", partial=True
    )
    wrong += crop_wrong + sampling_wrong
    name = part.get("name")
    if not isinstance(name, str):  # which the model has complained of
        return {}, None
    factory, arguments = _named(
        crop_detectors,
        {"name": name, **_part(part, "arguments")},
        "detector.arguments",
        wrong,
        given=("crop_spec", "sampling_spec"),
        name_at="detector.name",
    )
    if factory is None or crop_wrong or sampling_wrong:
        return arguments, None
    try:
        return arguments, specs_of(name, arguments, crop, sampling)
    except (KeyError, TypeError, ValueError) as error:
        wrong.append(f"detector: {error.args[0] if error.args else error}")
    return arguments, None


def _schedule(part: dict[str, Any], wrong: list[str]) -> tuple[Schedule | None, dict[str, Any]]:
    factory, settings = _named(schedules, part or {"name": "constant"}, "schedule", wrong)
    try:
        return (None if factory is None else factory(**settings)), settings
    except ValueError as error:
        wrong.append(f"schedule: {error}")
        return None, settings


def _together(recipe: Recipe) -> list[str]:
    """What is wrong although each value by itself is not."""
    wrong = []
    pictures = 2 if recipe.data.twins or recipe.data.pairs is not None else 1
    if recipe.batch_size % (recipe.accumulate * pictures):
        of = " of pairs" if pictures == 2 else ""
        wrong.append(
            f"batch_size: expected a multiple of {recipe.accumulate * pictures} (accumulate "
            f"{recipe.accumulate}{of}), got {recipe.batch_size}"
        )
    if recipe.sam_rho is not None and recipe.precision == "fp16":
        wrong.append("sam_rho: not with precision fp16, whose loss is scaled; use bf16 or fp32")
    if recipe.data.weights and not recipe.data.balance:
        wrong.append("data.weights: nothing is drawn by weight without data.balance; give [label]")
    if recipe.data.twins and recipe.data.balance:
        wrong.append("data.balance: twins are balanced already; give []")
    balance = set(recipe.data.balance) - {"identity", "video"}
    if recipe.data.pairs is not None and balance:
        wrong.append("data.balance: pairs are balanced already; give [], [identity] or [video]")
    if recipe.data.pairs is not None:
        wrong += [
            f"data.{name}: not of pairs, which have their own settings; leave it out"
            for name, value in (
                ("methods", recipe.data.methods),
                ("twins", recipe.data.twins),
                ("weights", recipe.data.weights),
                ("augment", recipe.data.augment),
                ("margin_jitter", recipe.data.margin_jitter),
            )
            if value
        ]
    validation = recipe.validation
    if (
        validation is not None
        and validation.split == recipe.data.split
        and validation.crops in (None, recipe.data.crops)
    ):
        wrong.append(
            f"validation.split: {validation.split!r} is what is trained on; it can't choose"
        )
    return wrong


def _part(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A section; empty where it is none, which the model has then complained of."""
    value = data.get(name)
    return dict(value) if isinstance(value, Mapping) else {}


def _made(kind: Any, values: dict[str, Any], where: str, wrong: list[str], asked: Any = ...) -> Any:
    if asked is None:
        return None
    arguments, found = bind(kind, values, where)
    wrong += found
    if found:
        return None
    try:
        return kind(**arguments)
    except ValueError as error:
        wrong.append(f"{where}: {error}")
    return None


def _named(
    registry: Any,
    values: dict[str, Any],
    where: str,
    wrong: list[str],
    *,
    given: tuple[str, ...] = (),
    name_at: str = "",
) -> tuple[Any, dict[str, Any]]:
    """What a section names, and the section's other keys as its arguments."""
    name = values.pop("name", None)
    if name is None:
        if values or where != "optimiser":
            wrong.append(f"missing key '{where}.name'")
        return None, {}
    try:
        factory = registry.get(name)
    except KeyError as error:
        wrong.append(f"{name_at or where + '.name'}: {error.args[0]}")
        return None, {}
    arguments, found = bind(factory, values, where, given=given)
    wrong += found
    return (None if found else factory), arguments


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """As YAML and JSON hold it."""
    return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}
