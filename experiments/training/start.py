"""Which recipes there are, and who trains them."""

import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import yaml

from ...datasets.registry import unknown_name
from .errors import BadRecipe
from .overrides import override
from .recipe import read_recipe, read_yaml

KINDS = ("clips", "detector", "portraits")
_HERE = Path(__file__).parent


def shipped_recipes() -> dict[str, Path]:
    """The recipes that come with the package, by name."""
    files = [*_HERE.glob("*.yaml"), *(_HERE / "recipes").glob("*.yaml")]
    return {file.stem: file for file in sorted(files, key=lambda file: file.stem)}


def find_recipe(name: Path) -> Path:
    """A recipe's file: one's own, or one that ships, by its name. Raises BadRecipe."""
    shipped = shipped_recipes()
    if name.exists() or name.parent != Path("."):
        return name
    stem = name.stem if name.suffix == ".yaml" else name.name
    if stem in shipped:
        return shipped[stem]
    if name.suffix == ".yaml":
        raise BadRecipe(f"{name}: no such file; {unknown_name('recipe', stem, shipped)}")
    raise BadRecipe(unknown_name("recipe", str(name), shipped))


def kind_of(path: Path) -> str:
    """One of KINDS; `portraits` for a recipe that names no kind. Raises BadRecipe."""
    kind = read_yaml(path).get("kind", "portraits")
    if kind not in KINDS:
        raise BadRecipe(f"{path}: {unknown_name('kind of recipe', str(kind), KINDS)}")
    return str(kind)


def start(
    name: Path,
    out: Path,
    *,
    settings: Sequence[str] = (),
    resume: bool = False,
    cache: Path | None = None,
) -> Path:
    """Trains by a recipe of either kind.

    Args:
        name: the recipe's file, or the name of one that ships.
        out: the run's folder.
        settings: `a.b=c`: single values of the recipe replaced.
        resume: go on with the run in `out`.
        cache: of recipes of portraits and of clips: where packages are unpacked.

    Returns:
        The checkpoint.

    Raises:
        BadRecipe, BadShards, FileExistsError, TrainingFailed: see `run.train`, `train_detector`.
    """
    path = find_recipe(name)
    if kind_of(path) == "portraits":
        from .run import train

        return train(path, out, resume=resume, cache=cache, settings=settings)
    if cache is not None and kind_of(path) != "clips":
        raise BadRecipe(f"--cache: {path.name} downloads no packages; leave it out")
    try:
        from .clips.shipping import ship
        from .crops.run import train_detector
    except ModuleNotFoundError as error:
        if error.name not in ("accelerate", "pydantic"):
            raise
        raise BadRecipe(f"training needs {error.name}: pip install 'unswap[train]'") from error
    if kind_of(path) == "clips":
        return ship(path, out, cache, settings=settings, jobs=os.cpu_count() or 1)
    try:
        return train_detector(override(read_yaml(path), settings), out, resume=resume)
    except BadRecipe as error:
        raise BadRecipe(f"{path.name}: {error}") from error


def list_recipes() -> str:
    """The recipes that ship: name and summary, a line each."""
    shipped = shipped_recipes()
    width = max(len(name) for name in shipped)
    lines = []
    for name, path in shipped.items():
        summary = " ".join(str(read_yaml(path)["summary"]).split())
        lines.append(f"{name:{width}}  {summary}")
    return "\n".join(lines)


def describe_recipe(name: Path, settings: Sequence[str] = ()) -> str:
    """A recipe with all its values, defaults included, as YAML that `unswap train` takes.

    Raises BadRecipe.
    """
    path = find_recipe(name)
    if kind_of(path) == "portraits":
        values = read_recipe(path, settings).to_dict()
    elif kind_of(path) == "clips":
        from .clips.shipping import read_shipping

        values = asdict(read_shipping(path, settings))
    else:
        from .crops.recipe import plan

        try:
            values = plan(override(read_yaml(path), settings)).resolved()
        except BadRecipe as error:
            raise BadRecipe(f"{path.name}: {error}") from error
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
