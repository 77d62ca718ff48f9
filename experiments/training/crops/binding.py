"""Keys of a recipe held against the signature of what they are passed to."""

import inspect
import typing
from collections.abc import Callable, Collection, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from ....datasets.registry import unknown_name

_STRICT = ConfigDict(extra="forbid", arbitrary_types_allowed=True, protected_namespaces=())
_OPEN = ConfigDict(extra="allow", arbitrary_types_allowed=True, protected_namespaces=())


def bind(
    factory: Callable[..., Any],
    values: Mapping[str, Any],
    where: str,
    *,
    given: Collection[str] = (),
    partial: bool = False,
) -> tuple[dict[str, Any], list[str]]:
    """Checks arguments by the annotations of what takes them.

    Args:
        factory: a function, or a class with its constructor.
        values: the arguments, as read from a recipe.
        where: their place in the recipe, for messages: `optimiser`.
        given: parameters that the caller passes, not the recipe.
        partial: nothing is required, and only what the recipe has is returned.

    Returns:
        All arguments, defaults included, converted to their types; and what is wrong with them, a
        sentence each.

    >>> def adam(parameters: list[float], lr: float, momentum: float = 0.9) -> None: ...
    >>> bind(adam, {"lr": "1e-4"}, "optimiser", given=["parameters"])
    ({'lr': 0.0001, 'momentum': 0.9}, [])
    >>> bind(adam, {"lr": "fast", "momentun": 1}, "optimiser", given=["parameters"])[1]
    ["optimiser.lr: expected a number, got 'fast'", "unknown key 'optimiser.momentun'; \
did you mean 'momentum'? known: lr, momentum"]
    """
    model = _model_of(factory, frozenset(given), partial)
    try:
        checked = model.model_validate(dict(values))
    except ValidationError as error:
        return {}, problems(error, where, model)
    names = [*model.model_fields, *(checked.model_extra or {})]
    told = [n for n in names if not partial or n in checked.model_fields_set]
    return {name: getattr(checked, name) for name in told}, []


def problems(error: ValidationError, where: str, model: type[BaseModel]) -> list[str]:
    """What pydantic found, a sentence each, with the place in the recipe."""
    return [_sentence(dict(e), where, model) for e in error.errors()]


def _sentence(error: dict[str, Any], where: str, model: type[BaseModel]) -> str:
    loc = [str(part) for part in error["loc"]]
    place = ".".join([where, *loc] if where else loc)
    if error["type"] == "extra_forbidden":
        known = _fields_at(model, loc[:-1])
        return unknown_name("key", loc[-1], known).replace(repr(loc[-1]), repr(place), 1)
    if error["type"] == "missing":
        return f"missing key {place!r}"
    if error["type"] in ("value_error", "assertion_error"):
        return f"{place}: {error['ctx']['error']}"
    told = str(error["msg"])
    if told.startswith("Input should be a valid number"):
        told = "expected a number"
    elif told.startswith("Input should be a valid integer"):
        told = "expected a whole number"
    else:
        told = told.replace("Input should be", "expected")
    return f"{place}: {told}, got {error['input']!r}"


def _fields_at(model: type[BaseModel], path: list[str]) -> list[str]:
    """The keys that a recipe may have at a place."""
    for part in path:
        kinds = typing.get_args(model.model_fields[part].annotation) or (
            model.model_fields[part].annotation,
        )
        (model,) = (k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel))
    return list(model.model_fields)


def _model_of(factory: Callable[..., Any], given: frozenset[str], partial: bool) -> type[BaseModel]:
    target = factory.__init__ if inspect.isclass(factory) else factory
    hints = typing.get_type_hints(target)
    fields: dict[str, Any] = {}
    config = _STRICT
    for name, parameter in inspect.signature(factory).parameters.items():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            config = _OPEN
        elif parameter.kind is not inspect.Parameter.VAR_POSITIONAL and name not in given:
            required = parameter.default is inspect.Parameter.empty
            default = parameter.default
            if required:
                default = None if partial else ...
            fields[name] = (hints.get(name, Any), default)
    return create_model("Arguments", __config__=config, **fields)
