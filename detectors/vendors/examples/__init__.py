"""Descriptions of vendors' services, from their public client code; not tried against them."""

from pathlib import Path

from ....datasets.registry import unknown_name


def names() -> list[str]:
    """The examples there are."""
    return sorted(p.stem for p in Path(__file__).parent.glob("*.yaml"))


def locate(name: str) -> Path:
    """An example's file. Raises KeyError, which lists the known ones."""
    if name not in names():
        raise KeyError(unknown_name("example", name, names()))
    return Path(__file__).parent / f"{name}.yaml"
