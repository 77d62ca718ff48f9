"""A run's figures: the AUC of every forgery, with intervals over people."""

from pathlib import Path
from typing import Any

from ..clips.measuring import Scored, auc_with_interval, score_crops

HELD_OUT, VALIDATION = "held-out", "val"
_NAME = "run"


def figures(
    checkpoint: Path, held_out: Path, validation: Path, conditions: tuple[str, ...]
) -> list[dict[str, Any]]:
    """One row a forgery and condition.

    Args:
        checkpoint: the run's.
        held_out: clips as in the training, of people who did not train; encodings as drawn.
        validation: clips of other people.
        conditions: of the validation's.

    Returns:
        Rows of `set`, `forgery`, `condition` (None: as drawn), `real`, `forged` (videos), `people`
        (with forged ones), `auc`, `interval` (95 %, people resampled; None where there is none).
    """
    rows = []
    for name, folder in ((HELD_OUT, held_out), (VALIDATION, validation)):
        scored = score_crops({_NAME: checkpoint}, folder)
        forgeries = sorted({str(r["method"]) for r in scored.rows if r["label"] == 1})
        for condition in conditions if name == VALIDATION else (None,):
            rows += [_row(scored, name, forgery, condition) for forgery in forgeries]
    return rows


def _row(scored: Scored, name: str, forgery: str, condition: str | None) -> dict[str, Any]:
    wanted = {} if condition is None else {"compression": condition}
    chosen = scored.where(method=(None, forgery), **wanted)
    forged = scored.where(method=forgery, **wanted)
    value, interval = auc_with_interval(scored, _NAME, chosen)
    groups = {r["group"] for r, f in zip(scored.rows, forged, strict=True) if f}
    return {
        "set": name,
        "forgery": forgery,
        "condition": condition,
        "real": int(chosen.sum() - forged.sum()),
        "forged": int(forged.sum()),
        "people": len(groups),
        "auc": value,
        "interval": interval,
    }
