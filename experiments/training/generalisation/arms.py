"""What is compared: three ways of training, alike in all but the forgeries that they see."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ....datasets.registry import unknown_name

# what an arm trains on, and the prepared forgery that it knows by it; all others are unseen
ARMS: Mapping[str, str] = {
    "sbi": "self-blended",
    "resampled": "resampled",
    "between-people": "between-people",
}
# fixed beforehand: what no arm has trained on, and what the arms are compared by
UNSEEN = ("cloned-swap", "autoencoded")
MARGIN_JITTER = 0.12


@dataclass(frozen=True)
class Settings:
    """The same for all arms. `rounds`: which of the prepared training crops, `crops/train-N`.

    `held_every`: one person of so many is left out of the training, and measured on what the arms
    trained on. `conditions`: of the validation clips. `clip_step`: of a measured video's crops, every
    so many-th. `size`: of crops, pixels. `batch_size`:
    pictures of a step, half of them forged.
    """

    seeds: tuple[int, ...] = (0, 1, 2)
    steps: int = 120
    rounds: int = 3
    held_every: int = 5
    conditions: tuple[str, ...] = ("crf23", "crf32")
    clip_step: int = 2
    backbone: str = "tf_efficientnet_lite0"
    size: int = 128
    margin: float = 1.3
    batch_size: int = 16
    learning_rate: float = 5e-4
    warm_up_steps: int = 15
    workers: int = 0
    augment: Mapping[str, Any] = field(
        default_factory=lambda: {"flip": 0.5, "brightness": 0.05, "contrast": 0.1, "blur": 0.05,
                                 "jpeg": 0.1, "jpeg_quality": [50, 95], "grey": 0.05}
    )  # fmt: skip

    def __post_init__(self) -> None:
        if len(set(self.seeds)) != len(self.seeds) or not self.seeds:
            raise ValueError(f"expected seeds, each once, got {list(self.seeds)}")
        if self.held_every < 2:
            raise ValueError(f"expected held_every of at least 2, got {self.held_every}")


def recipe(
    arm: str, seed: int, crops: Path, start_from: Path, settings: Settings
) -> dict[str, Any]:
    """An arm's recipe, as `train_detector` takes it. The weights are those of the last step.

    Args:
        arm: one of `ARMS`.
        seed: of what is drawn.
        crops: genuine and forged crops to train on.
        start_from: the checkpoint that all arms begin with.
        settings: what the arms have in common.

    Raises:
        ValueError: no such arm; lists the known ones.
    """
    if arm not in ARMS:
        raise ValueError(unknown_name("arm", arm, ARMS))
    data: dict[str, Any] = {"crops": str(crops), "balance": []}
    if arm == "sbi":  # forged anew each time, of genuine crops alone; graded by its own chain
        data["pairs"] = {"kinds": "sbi", "degradation": "picture", "margin_jitter": MARGIN_JITTER}
    else:
        data |= {"twins": True, "methods": [arm], "margin_jitter": MARGIN_JITTER}
        data["augment"] = dict(settings.augment)
    half = [0.5, 0.5, 0.5]
    return {
        "kind": "detector",
        "name": f"{arm}-{seed}",
        "version": "1",
        "summary": f"How training on {arm} generalises: one run.",
        "seed": seed,
        "detector": {
            "name": "frame",
            "arguments": {"backbone": settings.backbone, "drop_rate": 0.1},
            "crop": {"size": settings.size, "margin": settings.margin, "mean": half, "std": half},
            "start_from": str(start_from),
        },
        "data": data,
        "validation": None,
        "optimiser": {"name": "adamw", "lr": settings.learning_rate, "weight_decay": 0.01},
        "schedule": {"name": "cosine", "warm_up_steps": settings.warm_up_steps, "final": 0.01},
        "steps": settings.steps,
        "batch_size": settings.batch_size,
        "clip_norm": 2.0,
        "save_every_steps": 25,
        "workers": settings.workers,
        "tensorboard": False,
    }
