"""`--set a.b=c`: single values of a recipe, from the command line."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from .errors import BadRecipe


def override(recipe: Mapping[str, Any], settings: Sequence[str]) -> dict[str, Any]:
    """A recipe with single values replaced; later settings win.

    Args:
        recipe: as read.
        settings: `a.b=c`, where c is YAML.

    Raises:
        BadRecipe: a setting without a name or an equals sign, of no YAML, or below a value that has
            no keys; all are listed.

    >>> override({"optimiser": {"lr": 0.1}, "seed": 0}, ["optimiser.lr=1e-4", "seed=3"])
    {'optimiser': {'lr': '1e-4'}, 'seed': 3}
    """
    out: dict[str, Any] = copy.deepcopy(dict(recipe))
    wrong = []
    for setting in settings:
        name, equals, text = setting.partition("=")
        keys = name.strip().split(".")
        if not equals or not all(keys):
            wrong.append(f"--set {setting}: expected KEY=VALUE, as in optimiser.lr=1e-4")
            continue
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError:
            wrong.append(f"--set {setting}: the value is not YAML; put it in quotes")
            continue
        place: Any = out
        for depth, key in enumerate(keys[:-1], start=1):
            if place.get(key) is None:
                place[key] = {}
            place = place[key]
            if not isinstance(place, dict):
                wrong.append(f"--set {setting}: {'.'.join(keys[:depth])} has no keys of its own")
                break
        else:
            place[keys[-1]] = value
    if wrong:
        raise BadRecipe("; ".join(wrong))
    return out
