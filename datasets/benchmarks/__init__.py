"""Public benchmarks: each adapter, one file here, turns a folder into a manifest."""

import importlib
import pkgutil
from collections.abc import Mapping
from pathlib import Path

from ..manifests import Manifest
from .base import BENCHMARKS, BadBenchmark, Benchmark, Card, Expected, Problem, Reading, Trees

__all__ = [
    "BadBenchmark",
    "Benchmark",
    "Card",
    "Expected",
    "Problem",
    "Reading",
    "Trees",
    "get",
    "names",
    "read",
    "read_with_problems",
]

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")


def names() -> list[str]:
    """All benchmarks' names, sorted."""
    return BENCHMARKS.names()


def get(name: str) -> Benchmark:
    """A benchmark's adapter; an unknown name raises KeyError and lists the known ones."""
    return BENCHMARKS.get(name)


def read(
    name: str, root: Path | str | Mapping[str, Path], *, compression: str | None = None
) -> Manifest:
    """A benchmark's folder as a manifest, with the official split.

    Args:
        name: as registered, `faceforensics++`.
        root: its folder, or folders by tree name (`{"dfo": ..., "ffpp": ...}`).
        compression: only this one; all that are there by default.

    Raises:
        KeyError: unknown name. BadBenchmark: a wrong root, a missing or damaged split file, no
            video at all, a compression that the benchmark does not come in.
    """
    return read_with_problems(name, root, compression=compression)[0]


def read_with_problems(
    name: str, root: Path | str | Mapping[str, Path], *, compression: str | None = None
) -> tuple[Manifest, Reading]:
    """As `read`, with what was found wrong on the way."""
    benchmark = get(name)
    known = benchmark.card.compressions
    if compression is not None and compression not in known:
        raise BadBenchmark(
            f"{name} does not come in compression {compression!r}; "
            + (f"it comes in {', '.join(known)}" if known else "leave --compression out")
        )
    roots = root if isinstance(root, Mapping) else {"": Path(root)}
    trees = Trees(roots)
    for given in roots:
        if given and given not in benchmark.card.trees:
            raise BadBenchmark(
                f"--root {given}=...: {name} has no tree of that name; "
                f"it has {', '.join(benchmark.card.trees)}"
            )
    reading = benchmark.read(trees, compression=compression)
    if not reading.videos:
        found = f" in compression {compression}" if compression else ""
        number = len(reading.problems)
        first = "".join(f"\nnot read: {p.path}: {p.text}" for p in reading.problems[:3])
        more = f"\nand {number - 3} more" if number > 3 else ""
        raise BadBenchmark(
            f"{trees.folder(next(iter(benchmark.card.trees)))}: no video of "
            f"{benchmark.card.title} lies there{found}; expected:\n{benchmark.card.layout}"
            f"{first}{more}"
        )
    return Manifest.from_videos(reading.videos, name), reading
