"""Small trees in the benchmarks' documented layouts, one module each, for the adapters' tests."""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Tree:
    """What a maker made. `roots`: as for `--root`. `num_real`, `num_fake`: videos that the adapter
    should find. `split_files`: each is needed, and its absence must be an error that names it.
    `examples`: some rows that must come out so, column by column."""

    roots: dict[str, Path]
    num_real: int
    num_fake: int
    split_files: tuple[Path, ...] = ()
    examples: tuple[dict[str, object], ...] = field(default=())


Maker = Callable[[Path], Tree]
TREES: dict[str, Maker] = {}


def tree(name: str) -> Callable[[Maker], Maker]:
    """Decorator: this function makes a tree for the benchmark `name` below an empty folder."""

    def add(maker: Maker) -> Maker:
        TREES[name] = maker
        return maker

    return add


def put(path: Path, content: bytes | str | None = None) -> Path:
    """Writes a file and its folders; by default bytes that no other file has."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if content is None:
        content = f"not a real video, but unlike all others: {path}".encode()
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
