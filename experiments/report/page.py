"""What every report's page is made with: parts, hashes for its policy, safe names, whole files."""

import base64
import hashlib
import os
import re
from collections.abc import Sequence
from functools import cache
from importlib import resources
from pathlib import Path, PurePath
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined

from . import facts

STEM_BYTES = 80
MARK = "unswap-report"  # the name of the meta element that holds a report's key
SHARED_SCRIPT = "//= page.js\n"


def part(package: str, name: str) -> str:
    """The text of a template, style sheet or script of `package`, or else of this one.

    A script's line `//= page.js` stands for what the reports' scripts have in common.

    Raises:
        FileNotFoundError: neither has such a file.
    """
    text = _read(package, name)
    if text is None:
        text = _read(__package__, name)
    if text is None:
        raise FileNotFoundError(f"no part {name!r} in {package} or {__package__}")
    return text.replace(SHARED_SCRIPT, _read(__package__, "page.js") or "")


@cache
def _read(package: str, name: str) -> str | None:
    file = resources.files(package).joinpath(name)
    return file.read_text(encoding="utf-8") if file.is_file() else None


def csp_hash(text: str) -> str:
    """What a content security policy lets this very text in by."""
    digest = base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
    return f"sha256-{digest}"


def environment(package: str) -> Environment:
    """A Jinja environment for the templates of `package`: all that enters a page is escaped."""
    made = Environment(
        loader=FunctionLoader(lambda name: part(package, name)),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_seen,
    )
    made.filters["num"] = facts.number
    made.globals |= {"counted": facts.count}
    return made


def _seen(value: Any) -> Any:
    """Every text that enters the page shows its hidden characters; ready markup is left alone."""
    return facts.visible(value) if type(value) is str else value


def safe_stem(name: str) -> str:
    """A file name's stem with letters (of any script), digits, `.`, `_` and `-` only.

    >>> safe_stem("../a b<c>.mp4")
    'a_b_c'
    """
    stem = re.sub(r"[^\w.-]+", "_", PurePath(name).stem, flags=re.UNICODE).strip("._-")
    return stem.encode("utf-8", "ignore")[:STEM_BYTES].decode("utf-8", "ignore") or "video"


def write_page(page: str, folder: Path, names: Sequence[str], key: str) -> Path:
    """Writes `folder/<name>.html` whole or not at all; returns its path.

    Args:
        page: The HTML, which names its `key` in a meta element.
        folder: Made if it is not there.
        names: The first that is free, or taken by an earlier report of the same key, is used.
        key: What the report is about.

    Raises:
        FileExistsError: all the names are taken.
    """
    folder.mkdir(parents=True, exist_ok=True)
    free = (folder / f"{name}.html" for name in names)
    target = next((path for path in free if _is_ours(path, key)), None)
    if target is None:
        raise FileExistsError(f"expected a free name of {tuple(names)} in {folder}, all are taken")
    draft = folder / f".{target.name}.{os.getpid()}.tmp"
    try:
        draft.write_text(page, encoding="utf-8")
        os.replace(draft, target)
    finally:
        draft.unlink(missing_ok=True)
    return target


def _is_ours(path: Path, key: str) -> bool:
    """Whether the name is free, or taken by an earlier report of the same key."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return f'name="{MARK}" content="{key}"' in file.read(2000)
    except FileNotFoundError:
        return True
