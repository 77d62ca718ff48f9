"""The keys of a recipe: what each part holds, and which values are possible."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from ....datasets.manifests import SPLITS
from ....datasets.shards.samplers import LEVELS
from ....detectors.aggregation import parse

METRICS: dict[str, bool] = {
    "auc": True,
    "average_precision": True,
    "log_loss": False,
}  # higher: better


def _not_test(split: str, what: str) -> str:
    if split == "test":
        raise ValueError(f"a recipe can't {what} a split marked test; use train and val")
    if split not in SPLITS:
        raise ValueError(f"expected train or val, got {split!r}")
    return split


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class DetectorPart(_Strict):
    """What is trained. `crop`, `sampling`: what it sees; the published ones by default.

    `start_from`: a checkpoint whose weights it begins with.
    """

    name: str
    arguments: dict[str, Any] = {}
    crop: dict[str, Any] | None = None
    sampling: dict[str, Any] | None = None
    aggregation: str = "mean-logit/max-track"
    start_from: Path | None = None

    @field_validator("aggregation")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            parse(name)
        except KeyError as error:
            raise ValueError(error.args[0]) from None
        return name


class DataPart(_Strict):
    """What it is trained on. `crops`: the folder that `unswap prepare` wrote.

    `methods`: only these manipulations (and all real videos); None for all. `balance`: see
    `BalancedSampler`; empty: every item once an epoch. `weights`: by method, or `real` or
    `manipulated`: how many times as often it is drawn. `pairs`: genuine faces alone, each with a
    fake made of it, as `PairDataset`'s arguments say.
    """

    crops: Path | None = None
    split: str = "train"
    methods: tuple[str, ...] | None = None
    balance: tuple[str, ...] = ("label",)
    weights: dict[str, float] = {}
    margin_jitter: float = Field(default=0.0, ge=0, lt=1)
    augment: dict[str, Any] = {}
    twins: bool = False
    pairs: dict[str, Any] | None = None

    @field_validator("split")
    @classmethod
    def _split(cls, name: str) -> str:
        return _not_test(name, "train on")

    @field_validator("balance")
    @classmethod
    def _levels(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [n for n in names if n not in LEVELS]
        if unknown:
            raise ValueError(f"expected some of {', '.join(LEVELS)}, got {', '.join(unknown)}")
        return names

    @field_validator("weights")
    @classmethod
    def _positive(cls, weights: dict[str, float]) -> dict[str, float]:
        wrong = [f"{name}: {value:g}" for name, value in weights.items() if not value > 0]
        if wrong:
            raise ValueError(f"expected weights above 0, got {', '.join(wrong)}")
        return weights


class ValidationPart(_Strict):
    """What chooses the checkpoint. `crops`: a folder; that of the training by default.

    `clips_per_track`: at most so many, spread over the video. `patience`: validations in a row
    without a better one, after which the run stops; None: it never does.
    """

    crops: Path | None = None
    split: str = "val"
    select: str = "auc"
    every_steps: int = Field(default=500, ge=1)
    clips_per_track: int = Field(default=8, ge=1)
    batch_size: int = Field(default=32, ge=1)
    patience: int | None = Field(default=None, ge=1)

    @field_validator("split")
    @classmethod
    def _split(cls, name: str) -> str:
        return _not_test(name, "choose a checkpoint by")

    @field_validator("select")
    @classmethod
    def _metric(cls, name: str) -> str:
        if name not in METRICS:
            raise ValueError(f"expected {' or '.join(METRICS)}, got {name!r}")
        return name


class Recipe(_Strict):
    """Every number of a run. `batch_size`: pictures (or clips) of one optimiser step, over all
    processes and `accumulate` parts; so the same recipe means the same on any number of processes.

    `clip_norm`: the gradient's largest norm. `ema`: decay of the weights' moving average, which is
    then what is validated and saved. `sam_rho`: sharpness-aware minimisation. `threads`: of each
    process; `workers`: processes that load, for each of them. `validation`: None trains to the end
    and chooses nothing.
    """

    kind: Literal["detector"]
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    version: str
    summary: str
    seed: int = Field(default=0, ge=0)
    detector: DetectorPart
    data: DataPart = DataPart()
    validation: ValidationPart | None = ValidationPart()
    optimiser: dict[str, Any]
    schedule: dict[str, Any] = {"name": "constant"}
    steps: int = Field(ge=1)
    batch_size: int = Field(ge=1)
    accumulate: int = Field(default=1, ge=1)
    clip_norm: float | None = Field(default=None, gt=0)
    ema: float | None = Field(default=None, gt=0, lt=1)
    sam_rho: float | None = Field(default=None, gt=0)
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    device: Literal["auto", "cpu"] = "auto"
    channels_last: bool = True
    threads: int = Field(default=1, ge=1)
    workers: int = Field(default=2, ge=0)
    save_every_steps: int = Field(default=500, ge=1)
    tensorboard: bool = True
