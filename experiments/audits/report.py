"""A check's result as one self-contained HTML page."""

import os
import re
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from ..report import facts
from .check import HEADINGS, CheckResult
from .counts import absent
from .findings import SEVERITIES
from .shortcut import LIMIT

TEMPLATE = "check.html.j2"


def render_check_report(result: CheckResult, *, version: str, generated_at: str) -> str:
    """The page; it loads nothing from anywhere and runs no script.

    Args:
        result: of `check`.
        version: of this software. `generated_at`: when, as it shall be printed.
    """
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_seen,
    )
    environment.globals |= {"counted": facts.count}
    environment.filters |= {"num": facts.number}
    style = resources.files(facts.__package__).joinpath("report.css").read_text(encoding="utf-8")
    page = resources.files(__package__).joinpath(TEMPLATE).read_text(encoding="utf-8")
    return environment.from_string(page).render(
        result=result,
        severities=[(severity, HEADINGS[severity]) for severity in SEVERITIES],
        absent=absent(result.counts),
        limit=LIMIT,
        version=version,
        generated_at=generated_at,
        style=Markup(style),
    )


def write_check_report(result: CheckResult, folder: Path, version: str, generated_at: str) -> Path:
    """Writes `folder/check-NAME.html` whole or not at all; an older one is replaced.

    Raises:
        ValueError: the benchmark's name can't be a file's. OSError: it can't be written.
    """
    if not re.fullmatch(r"[\w.+-]+", result.name):
        raise ValueError(f"expected a name of letters, digits and . + - _, got {result.name!r}")
    page = render_check_report(result, version=version, generated_at=generated_at)
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"check-{result.name}.html"
    draft = folder / f".{target.name}.{os.getpid()}.tmp"
    try:
        draft.write_text(page, encoding="utf-8", errors="backslashreplace")
        os.replace(draft, target)
    finally:
        draft.unlink(missing_ok=True)
    return target


def _seen(value: Any) -> Any:
    """Every text that enters the page shows its hidden characters; ready markup is left alone."""
    return facts.visible(value) if type(value) is str else value
