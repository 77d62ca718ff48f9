"""Reading the small trees with the adapters, for the tests of their traps."""

import json
from collections.abc import Callable
from pathlib import Path

from trees import Tree

from unswap.datasets import benchmarks
from unswap.datasets.benchmarks import Reading
from unswap.datasets.manifests import Video

Make = Callable[[str], Tree]


def read(name: str, tree: Tree | Path | dict[str, Path], compression: str | None = None) -> Reading:
    roots = tree.roots if isinstance(tree, Tree) else tree
    return benchmarks.read_with_problems(name, roots, compression=compression)[1]


def root_of(tree: Tree) -> Path:
    return next(iter(tree.roots.values()))


def found(reading: Reading) -> list[tuple[str, str]]:
    return sorted((p.kind, p.path) for p in reading.problems)


def change_json(path: Path, change: Callable[[dict], None]) -> None:
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def ids(reading: Reading) -> set[str]:
    return {v.video_id for v in reading.videos}


def told(reading: Reading) -> list[tuple[str, str]]:
    """The problems in the order in which they were told."""
    return [(problem.kind, problem.path) for problem in reading.problems]


def one(reading: Reading, video_id: str) -> Video:
    (video,) = [v for v in reading.videos if v.video_id == video_id]
    return video
