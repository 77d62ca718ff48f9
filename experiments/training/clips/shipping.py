"""A detector from made clips, in one go: clips, training in stages, its zero, its card."""

import importlib.metadata
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ....datasets.manifests import file_sha256
from ....datasets.shards.reader import PreparedCrops
from ....datasets.types import Float64
from ....detectors.cards import Card, GenuineReference, Measurement, TrainingData
from ....detectors.checkpoints import load_checkpoint, save_checkpoint
from ....detectors.headers import read_header
from ....detectors.pretrained import locate
from ....detectors.protocols import CropDetector
from ..crops.run import train_detector
from ..errors import BadRecipe
from ..head import head_of
from ..overrides import override
from ..portraits import PORTRAITS
from ..recipe import read_yaml
from ..validation import equal_error_threshold
from .build import ClipSettings, build
from .faces import FILMS_PACKAGE
from .forging import TRAINING, UNSEEN, VALIDATING
from .measuring import Scored, auc_with_interval, score_crops
from .plans import CONDITIONS, condition_name

LIMITS = (
    "Trained and measured on no deepfake dataset, and on no video of real face-swapping software.",
    "Most of the clips are stills set in motion: heads don't turn in them, nobody speaks. Three people "
    "were filmed: one trains, one chooses, one is reported on.",
    "Looks for traces of blending and of generators in the face. Reenactment, lip-sync and wholly "
    "synthetic faces are not what it was trained on, and were not measured.",
    "Beauty filters, make-up applied by software and heavy retouching of the face leave traces of the "
    "same kind: they can score high.",
    "Heavy compression and small faces hide the traces: a low score then says little.",
    "The portraits show one country's office-holders: other groups of people, ages and ways of taking "
    "pictures were hardly seen.",
    "A score of 0 is the threshold of equal error on the clips that set it, not even odds.",
)


@dataclass(frozen=True)
class ShippingRecipe:
    """`clips`: see ClipSettings. `train`: a detector's recipe. `stages`: what is replaced in it,
    one training after another: `rounds` of the clips, and any of the recipe's own keys; each begins
    with the weights of the one before, the first with those of `start_from`, a detector that ships."""

    kind: str
    name: str
    version: str
    summary: str
    start_from: str
    clips: dict[str, Any]
    train: dict[str, Any]
    stages: list[dict[str, Any]] = field(default_factory=list)


def read_shipping(path: Path, settings: Sequence[str] = ()) -> ShippingRecipe:
    """A recipe of kind `clips`. Raises BadRecipe for keys that are missing or not known."""
    data = override(read_yaml(path), settings)
    known = {f.name for f in fields(ShippingRecipe)}
    wrong = [f"unknown key {k!r}" for k in data if k not in known]
    wrong += [f"missing key {k!r}" for k in sorted(known - data.keys())]
    if not wrong and not data["stages"]:
        wrong.append("stages: expected at least one, got none")
    for number, stage in enumerate(() if wrong else data["stages"], start=1):
        try:
            ClipSettings.of({**data["clips"], "rounds": stage.get("rounds")})
        except BadRecipe as error:
            wrong.append(f"stage {number}: {error}")
    if wrong:
        raise BadRecipe(f"{path.name}: {'; '.join(wrong)}")
    return ShippingRecipe(**data)


def ship(path: Path, out: Path, cache: Path | None, *, settings: Sequence[str], jobs: int) -> Path:
    """Makes clips, trains, sets the zero, measures. What an earlier call finished is kept.

    Args:
        path: the recipe's file.
        out: the run's folder.
        cache: where packages are unpacked; `out/cache` by default.
        settings: `a.b=c`: single values of the recipe replaced.
        jobs: processes that make clips.

    Returns:
        The checkpoint, `out/<name>.safetensors`.

    Raises:
        BadRecipe, TrainingFailed: as `train_detector`. RuntimeError, ValueError: as `build`.
    """
    recipe = read_shipping(path, settings)
    weights = locate(recipe.start_from)
    folders: dict[str, Path] = {}
    for number, stage in enumerate(recipe.stages, start=1):
        clips = ClipSettings.of({**recipe.clips, "rounds": stage["rounds"]})
        folders = build(cache or out / "cache", out / "clips", clips, jobs=jobs)
        run = out / f"stage-{number}"
        data = _stage(recipe, stage, folders, weights)
        weights = run / "best.safetensors"
        if not (run / "finished").exists():
            train_detector(data, run, resume=run.exists())
            (run / "finished").touch()
    final = out / f"{recipe.name}.safetensors"
    finish(weights, final, folders, recipe)
    return final


def _stage(
    recipe: ShippingRecipe, stage: Mapping[str, Any], folders: Mapping[str, Path], weights: Path
) -> dict[str, Any]:
    data: dict[str, Any] = {**recipe.train, **{k: v for k, v in stage.items() if k != "rounds"}}
    data |= {"kind": "detector", "name": recipe.name, "version": recipe.version}
    data["summary"] = recipe.summary
    data["detector"] = {**data["detector"], "start_from": str(weights)}
    data["data"] = {**data["data"], "crops": str(folders["train"])}
    return data


def finish(weights: Path, final: Path, folders: Mapping[str, Path], recipe: ShippingRecipe) -> None:
    """Sets the scale on the choosing clips, measures on the others, writes the checkpoint.

    The logits' slope is that of a logistic regression on the choosing clips, classes weighing the
    same; their zero is the threshold of equal error there.
    """
    checkpoint = load_checkpoint(weights)
    detector = checkpoint.detector
    chosen = score_crops({"new": weights}, folders["val"])
    logits, labels = chosen.logits["new"], chosen.labels
    threshold = equal_error_threshold(logits[labels == 0].tolist(), logits[labels == 1].tolist())
    slope = fitted_slope(logits, labels)
    rescale(detector, slope, threshold)
    header = read_header(weights)

    def save(card: Card) -> None:
        save_checkpoint(final, detector, card, architecture="frame",
                        arguments=header["arguments"], aggregation=checkpoint.aggregation)  # fmt: skip

    people = {k: len({r["group"] for r in _rows(folders[k])}) for k in ("train", "val", "test")}
    notes: tuple[str, ...] = (
        f"Logits were multiplied by {slope:.3f} and shifted, so that 0 is the threshold of equal error "
        f"of {len(labels)} clips of {people['val']} people who did not train.",
    )
    save(make_card(recipe, people, notes=notes))
    looks = log_look(final.parent / "looks.jsonl", final)
    reported = score_crops({"new": final}, folders["test"])
    notes += (f"The clips that are reported on were looked at {looks} time(s) in making this.",)
    card = make_card(
        recipe,
        people,
        measured=measurements(reported, "new"),
        genuine=reference(reported, "new"),
        notes=notes,
    )
    save(card)


def rescale(detector: CropDetector, slope: float, threshold: float) -> None:
    """Every logit x becomes slope * (x - threshold), in the head's weights and bias."""
    head = head_of(detector.get_submodule("backbone"))
    with torch.no_grad():
        head.weight.mul_(slope)
        head.bias.sub_(threshold).mul_(slope)


def fitted_slope(logits: Float64, labels: Float64) -> float:
    """The slope of a logistic regression of the label on the logit, both classes weighing the same.

    >>> x = np.log([0.1 / 0.9, 0.3 / 0.7, 0.7 / 0.3, 0.9 / 0.1]).repeat(1000)
    >>> y = np.concatenate([np.arange(1000) < 1000 * p for p in (0.1, 0.3, 0.7, 0.9)])
    >>> round(fitted_slope(x, y.astype(float)), 3)
    1.0
    """
    weight = np.where(labels == 1, 0.5 / (labels == 1).mean(), 0.5 / (labels == 0).mean())
    a, b = 1.0, 0.0
    for _ in range(100):  # Newton's method
        p = 1 / (1 + np.exp(-np.clip(a * logits + b, -40, 40)))
        error, curve = weight * (p - labels), weight * p * (1 - p) + 1e-9
        gradient = np.array([(error * logits).sum(), error.sum()])
        hessian = np.array(
            [[(curve * logits**2).sum(), (curve * logits).sum()],
             [(curve * logits).sum(), curve.sum()]]
        )  # fmt: skip
        step = np.linalg.solve(hessian + 1e-6 * np.eye(2), gradient)
        a, b = a - step[0], b - step[1]
        if np.abs(step).max() < 1e-9:
            break
    return float(a)


def measurements(scored: Scored, name: str) -> tuple[Measurement, ...]:
    """AUC by forgery and condition with intervals over people; shares above 0 of genuine clips."""
    out: list[Measurement] = []
    how = "95 %, bootstrap over people"
    for condition in CONDITIONS:
        where = condition_name(condition)
        for method in VALIDATING:
            chosen = scored.where(compression=where, method=(None, method))
            value, interval = auc_with_interval(scored, name, chosen)
            unseen = ", a forgery that training never shows" if method in UNSEEN else ""
            out.append(
                Measurement(
                    "video-level AUC",
                    value,
                    f"clips of people who did not train, genuine and {method}{unseen}, {condition}",
                    int(chosen.sum()),
                    interval,
                    how,
                )
            )
        for film, what in ((False, "stills set in motion"), (True, "film, one person")):
            genuine = scored.logits[name][scored.where(compression=where, method=None, film=film)]
            on = f"genuine clips of people who did not train ({what}), {condition}"
            if not len(genuine):  # nobody was filmed: there is no share
                continue
            out.append(Measurement("share above 0", float((genuine > 0).mean()), on, len(genuine)))
    out.append(
        Measurement("clips without a score", scored.unscored, "all clips that were measured",
                    len(scored.rows) + scored.unscored)
    )  # fmt: skip
    return tuple(out)


def reference(scored: Scored, name: str) -> GenuineReference:
    """The genuine clips of full size."""
    conditions = [c for c in CONDITIONS if c.scale == 1]
    chosen = scored.where(compression=tuple(condition_name(c) for c in conditions), method=None)
    people = {r["group"] for r, c in zip(scored.rows, chosen, strict=True) if c}
    return GenuineReference(
        "held-out genuine clips, " + " and ".join(str(c) for c in conditions),
        f"video-level logits of genuine clips of {len(people)} people, none of them in training: "
        f"official portraits ({PORTRAITS}) set in motion, and one filmed person; 10 frames each, 4 of "
        "them scored",
        tuple(scored.logits[name][chosen].tolist()),
    )


def make_card(
    recipe: ShippingRecipe,
    people: Mapping[str, int],
    *,
    measured: tuple[Measurement, ...] = (),
    genuine: GenuineReference | None = None,
    notes: tuple[str, ...] = (),
) -> Card:
    """The card of a detector that was trained by `recipe`. `people`: by split."""
    films = people["train"] - 1
    return Card(
        name=recipe.name,
        version=recipe.version,
        summary=recipe.summary,
        licence=(
            "Apache-2.0 for the code and the starting weights; the licences of the photographs and "
            "of the filmed clips trained on are not stated: whether that suits a use is for its user "
            "to decide"
        ),
        command=f"unswap train {recipe.name} --out RUN",
        training_data=(
            TrainingData(
                f"PyPI {PORTRAITS}",
                films,
                "package MIT; the photographs' licence is not stated",
                f"official portraits, one a person, forged in {len(TRAINING)} ways "
                f"({', '.join(TRAINING)}); of the others {people['val'] - 1} people choose and "
                f"{people['test'] - 1} are reported on",
            ),
            TrainingData(
                f"npm {FILMS_PACKAGE}",
                1,
                "package MIT; where the film comes from is not stated",
                "one filmed person trains, one chooses",
            ),
            TrainingData(
                f"the weights of {recipe.start_from}",
                1,
                "Apache-2.0; see its card",
                "that training began with",
            ),
        ),
        measured=measured,
        limits=(*LIMITS, *notes),
        recipe={
            "clips": recipe.clips,
            "train": recipe.train,
            "stages": recipe.stages,
            "unswap": importlib.metadata.version("unswap"),
        },
        genuine=genuine,
    )


def log_look(path: Path, weights: Path) -> int:
    """Notes that the set that is reported on is looked at, by which weights; how often it was."""
    line = {"looked_with": weights.name, "sha256": file_sha256(weights)}
    with path.open("a") as log:
        log.write(json.dumps(line) + "\n")
    return len(path.read_text().splitlines())


def _rows(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = PreparedCrops(folder).videos.to_pylist()
    return rows
