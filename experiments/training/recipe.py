"""A recipe: every number of a training run, in one file. All its errors are shown together."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from ...datasets.types import CropSpec, SamplingSpec
from .errors import BadRecipe
from .overrides import override

__all__ = ["BadRecipe", "Recipe", "read_recipe"]


@dataclass(frozen=True)
class Recipe:
    """How a detector is trained on self-blended portraits.

    `pairs`: genuine faces a step, each with its blended counterpart in the same batch. `people_choose`,
    `people_report`: how many people set the score's zero, and are reported on; the others train.
    `ema`: decay of the weights' moving average. `validation_crfs`: of the held-out clips, the first
    one for the genuine reference too. `threads`: of the network; `workers`: processes that make
    pairs.
    """

    name: str
    version: str
    summary: str
    backbone: str
    seed: int = 0
    size: int = 192
    margin: float = 1.3
    num_frames: int = 32
    steps: int = 1200
    pairs: int = 16
    learning_rate: float = 5e-4
    weight_decay: float = 0.01
    warm_up_steps: int = 50
    drop_rate: float = 0.1
    ema: float = 0.998
    gradient_clip: float = 1.0
    people_choose: int = 70
    people_report: int = 70
    validation_frames: int = 16
    validation_crfs: tuple[int, ...] = (23, 32)
    save_every_steps: int = 50
    threads: int = 2
    workers: int = 1

    def __post_init__(self) -> None:
        problems = [
            f"{name}: expected at least 1, got {getattr(self, name)}"
            for name in (
                "size", "num_frames", "steps", "pairs", "people_choose", "people_report",
                "validation_frames", "save_every_steps", "threads",
            )
            if not isinstance(getattr(self, name), int) or getattr(self, name) < 1
        ]  # fmt: skip
        problems += [
            f"{name}: expected a number above 0, got {getattr(self, name)!r}"
            for name in ("learning_rate", "gradient_clip")
            if not isinstance(getattr(self, name), int | float) or getattr(self, name) <= 0
        ]
        problems += [
            f"{name}: expected a share from 0 to below 1, got {getattr(self, name)!r}"
            for name in ("ema", "drop_rate")
            if not isinstance(getattr(self, name), int | float) or not 0 <= getattr(self, name) < 1
        ]
        if self.workers < 0:
            problems.append(f"workers: expected at least 0, got {self.workers}")
        if problems:
            raise BadRecipe("; ".join(problems))
        object.__setattr__(self, "validation_crfs", tuple(self.validation_crfs))

    def crop_spec(self) -> CropSpec:
        return CropSpec(self.size, self.margin)

    def sampling_spec(self) -> SamplingSpec:
        return SamplingSpec(self.num_frames)

    def to_dict(self) -> dict[str, Any]:
        out = asdict(self)
        return {**out, "validation_crfs": list(self.validation_crfs)}


def read_recipe(path: Path, settings: Sequence[str] = ()) -> Recipe:
    """A recipe from its YAML file, with single values (`a=b`) replaced.

    Raises BadRecipe that names the file and every problem.
    """
    data = override(read_yaml(path), settings)
    known = {f.name for f in fields(Recipe)}
    problems = [f"unknown key {key!r}" for key in data if key not in known]
    problems += [
        f"missing key {key!r}"
        for key in ("name", "version", "summary", "backbone")
        if key not in data
    ]
    if problems:
        hint = f"; known: {', '.join(sorted(known))}"
        raise BadRecipe(f"{path}: {'; '.join(problems)}{hint}")
    try:
        return Recipe(**data)
    except (BadRecipe, TypeError) as error:
        raise BadRecipe(f"{path}: {error}") from None


def read_yaml(path: Path) -> dict[str, Any]:
    """The keys and values of a recipe's file. Raises BadRecipe that names the file."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadRecipe(f"{path}: no such file") from None
    except yaml.YAMLError as error:
        raise BadRecipe(f"{path}: not YAML: {error}") from None
    if not isinstance(data, dict):
        raise BadRecipe(f"{path}: expected keys and values, got {type(data).__name__}")
    return data
