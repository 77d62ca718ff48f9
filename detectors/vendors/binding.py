"""From a YAML file's keys and values to dataclasses; all of its errors are shown together."""

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import yaml

from ...datasets.registry import unknown_name

T = TypeVar("T")


class BadDescription(Exception):
    """A detector's description that can't be used; the message names the file and every problem."""


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file's keys and values. Raises BadDescription."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadDescription(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadDescription(f"{path}: it can't be read ({error})") from None
    except yaml.YAMLError as error:
        raise BadDescription(f"{path}: not YAML: {error}") from None
    if not isinstance(data, dict):
        raise BadDescription(f"{path}: expected keys and values, got {type(data).__name__}")
    return data


def bind(cls: type[T], data: Mapping[str, Any], source: str) -> T:
    """An instance of a dataclass from plain data, checked whole.

    Args:
        cls: a dataclass; its fields may be dataclasses, tuples of them, and plain values.
        data: by the fields' names.
        source: what the message begins with.

    Raises:
        BadDescription: unknown keys (the known ones are listed), missing ones, values of another
            type, and what the dataclasses themselves refuse: all of it.
    """
    problems: list[str] = []
    made: T = _instance(cls, data, "", problems)
    if problems:
        raise BadDescription(f"{source}: " + "; ".join(problems))
    return made


def _instance(cls: Any, data: Any, where: str, problems: list[str]) -> Any:
    if not isinstance(data, Mapping):
        problems.append(f"{where or 'it'}: expected keys and values, got {data!r}")
        return None
    hints = get_type_hints(cls)
    known = {f.name: f for f in fields(cls) if f.init}
    before = len(problems)
    for key in data:
        if key not in known:
            name = f"key of {where}" if where else "key"
            problems.append(unknown_name(name, str(key), known))
    values = {}
    for name, field in known.items():
        place = f"{where}.{name}" if where else name
        if name in data:
            values[name] = _value(hints[name], data[name], place, problems)
        elif field.default is MISSING and field.default_factory is MISSING:
            problems.append(f"missing key {place!r}")
    if len(problems) > before:
        return None
    try:
        return cls(**values)
    except ValueError as error:
        problems.append(f"{where}: {error}" if where else str(error))
        return None


def _value(hint: Any, value: Any, where: str, problems: list[str]) -> Any:
    """The value as the type says; None, and a problem more, where it is none."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        if value is None and type(None) in inner:
            return None
        (hint,) = (h for h in inner if h is not type(None))
        return _value(hint, value, where, problems)
    if hint is Any:
        return value
    if is_dataclass(hint):
        return _instance(hint, value, where, problems)
    if origin is Literal:
        if value in inner and not isinstance(value, bool):
            return value
        wanted = " or ".join(map(repr, inner))
    elif origin is tuple:
        if isinstance(value, list):
            return tuple(
                _value(inner[0], v, f"{where}[{i}]", problems) for i, v in enumerate(value)
            )
        wanted = "a list"
    elif origin is dict:
        if isinstance(value, dict):
            return {
                _value(inner[0], k, f"a key of {where}", problems): _value(
                    inner[1], v, f"{where}.{k}", problems
                )
                for k, v in value.items()
            }
        wanted = "keys and values"
    elif hint is float:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        wanted = "a number"
    elif hint is int:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        wanted = "a whole number"
    elif hint in (str, bool):
        if isinstance(value, hint):
            return value
        wanted = "text" if hint is str else "true or false"
    else:
        raise TypeError(f"{where}: no rule for a field of type {hint}")
    problems.append(f"{where}: expected {wanted}, got {value!r}")
    return None
