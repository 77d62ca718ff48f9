"""From a recipe to a checkpoint with its card: fetch, prepare, train, measure, save."""

from collections.abc import Sequence
from pathlib import Path

import torch

from ...datasets.faces import create_face_detector
from ...detectors.architectures import create_detector
from .head import head_of
from .loop import fit
from .portraits import PORTRAITS, fetch, load_imagenet_weights, portraits
from .recipe import read_recipe


def train(
    recipe_path: Path,
    out: Path,
    *,
    resume: bool,
    cache: Path | None = None,
    settings: Sequence[str] = (),
) -> Path:
    """Makes a detector from a recipe.

    Args:
        recipe_path: the YAML file, or the name of one that comes with the package.
        out: the run's folder: state, metrics, and the checkpoint in the end.
        resume: go on with a run that was stopped.
        cache: where packages are unpacked; `out/cache` by default.
        settings: `key=value`, single values of the recipe replaced.

    Returns:
        The checkpoint, `out/<name>.safetensors`.

    Raises:
        BadRecipe: see `read_recipe`. FileExistsError: `out` holds a run and `resume` is not set.
        TrainingFailed: see `fit`. RuntimeError: a package could not be fetched.
    """
    if not recipe_path.exists() and recipe_path.parent == Path("."):
        recipe_path = Path(__file__).parent / recipe_path.name
    recipe = read_recipe(recipe_path, settings)
    if (out / "state.pt").exists() and not resume:
        raise FileExistsError(f"{out}: holds a run; go on with --resume, or choose another folder")
    out.mkdir(parents=True, exist_ok=True)
    cache = cache or out / "cache"
    people = portraits(fetch(PORTRAITS, cache, source=True), create_face_detector())
    held_out = recipe.people_choose + recipe.people_report
    choose, report = people[: recipe.people_choose], people[recipe.people_choose : held_out]
    arguments = {"backbone": recipe.backbone}
    detector = create_detector(
        "frame",
        **arguments,
        crop_spec=recipe.crop_spec(),
        sampling_spec=recipe.sampling_spec(),
        drop_rate=recipe.drop_rate,
    )
    backbone = detector.get_submodule("backbone")
    weights = load_imagenet_weights(backbone, recipe.backbone, cache)
    head = head_of(backbone)
    torch.nn.init.zeros_(head.weight)  # every logit begins at 0: timm's own start gives some of 30
    torch.nn.init.zeros_(head.bias)
    trained = fit(detector, people[held_out:], recipe, out, resume=resume)

    from .validation import finish

    counts = (len(people) - held_out, len(choose), len(report))
    path = out / f"{recipe.name}.safetensors"
    finish(trained, recipe, choose, report, path, counts=counts, weights=weights)
    return path
