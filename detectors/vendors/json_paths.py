"""Where in a JSON answer a value stands: a small language of paths.

`a.b` goes into objects, `a[0]` into lists, `a[*]` into all of a list's entries, and
`a[label=spoofed]` into those whose `label` is that.
"""

import re
from typing import Any

_STEP = re.compile(r"\.?([^.\[\]]+)|\[([^\]]*)\]")


class NotThere(Exception):
    """An answer without what the path leads to; the message says how far it went."""


def check_path(path: str) -> str:
    """The path itself. Raises ValueError for one that can't be read.

    >>> check_path("segments[task=deepfake].prediction[0].posterior")
    'segments[task=deepfake].prediction[0].posterior'
    """
    _steps(path)
    return path


def is_many(path: str) -> bool:
    """Whether a path can lead to several values.

    >>> is_many("a[*].b"), is_many("a[0].b")
    (True, False)
    """
    return any(kind in ("all", "where") for kind, *_ in _steps(path))


def find(answer: Any, path: str) -> Any:
    """What the path leads to: one value, or a list of them where it `is_many`.

    >>> find({"a": [{"b": 1}, {"b": 2}]}, "a[1].b")
    2
    >>> find({"a": [{"b": 1}, {"b": 2}]}, "a[*].b")
    [1, 2]

    Raises:
        NotThere: a key or place that is not there, or a list without the entry.
    """
    found, done = [answer], ""
    for kind, name, value in _steps(path):
        step: list[Any] = []
        for here in found:
            step += _go(here, kind, name, value, done)
        label = f"[{name}={value}]" if kind == "where" else f"[{name}]"
        done += f".{name}".lstrip("." if not done else "") if kind == "key" else label
        if not step:
            raise NotThere(f"there is nothing at {done!r}")
        found = step
    return found if is_many(path) else found[0]


def maybe(answer: Any, path: str | None) -> Any:
    """As `find`; None where there is nothing, or no path."""
    if path is None:
        return None
    try:
        return find(answer, path)
    except NotThere:
        return None


def _go(here: Any, kind: str, name: str, value: str, done: str) -> list[Any]:
    place = f"at {done!r}" if done else "at the top"
    if kind == "key":
        if not isinstance(here, dict):
            raise NotThere(f"expected an object with {name!r} {place}, got {_sort(here)}")
        if name not in here:
            keys = ", ".join(sorted(map(str, here))[:12]) or "no keys"
            raise NotThere(f"no {name!r} {place}; there is {keys}")
        return [here[name]]
    if not isinstance(here, list):
        raise NotThere(f"expected a list {place}, got {_sort(here)}")
    if kind == "all":
        return here
    if kind == "where":
        return [e for e in here if isinstance(e, dict) and str(e.get(name)) == value]
    place_in_list = int(name)
    if not -len(here) <= place_in_list < len(here):
        raise NotThere(f"no entry {name} {place}: the list has {len(here)}")
    return [here[place_in_list]]


def _sort(value: Any) -> str:
    if value is None:
        return "null"
    return {dict: "an object", list: "a list", str: "text", bool: "a boolean"}.get(
        type(value), "a number"
    )


def _steps(path: str) -> list[tuple[str, str, str]]:
    """(kind, name, value) a step; kind: key, place, all, where."""
    steps, at = [], 0
    while at < len(path):
        match = _STEP.match(path, at)
        if not match:
            raise ValueError(f"can't read the path {path!r} from {path[at:]!r} on")
        key, bracket = match.groups()
        if key is not None:
            steps.append(("key", key, ""))
        elif bracket == "*":
            steps.append(("all", "*", ""))
        elif re.fullmatch(r"-?\d+", bracket):
            steps.append(("place", bracket, ""))
        elif "=" in bracket:
            name, _, value = bracket.partition("=")
            steps.append(("where", name, value))
        else:
            raise ValueError(f"path {path!r}: expected [0], [*] or [key=value], got [{bracket}]")
        at = match.end()
    if not steps:
        raise ValueError("expected a path, got nothing")
    return steps
