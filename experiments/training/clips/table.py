"""Detectors side by side on made clips, as Markdown.

python -m unswap.experiments.training.clips.table CROPS first=A.safetensors second=B.safetensors
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ....detectors.pretrained import locate
from .forging import UNSEEN, VALIDATING
from .measuring import Scored, auc_with_interval, difference, score_crops
from .plans import CONDITIONS, condition_name


def table(scored: Scored) -> str:
    """AUC by forgery and condition, each with its 95 % interval, and the last column's difference
    from the first: people resampled, both on the same resamples."""
    names = list(scored.logits)
    head = ["forgery", "encoding", "n", *names]
    head += [f"{names[-1]} less {names[0]}"] if len(names) > 1 else []
    lines = [head, ["---"] * len(head)]
    for methods in (*((m,) for m in VALIDATING), UNSEEN):
        for condition in CONDITIONS:
            chosen = scored.where(compression=condition_name(condition), method=(None, *methods))
            lines.append([" + ".join(methods), str(condition), _counts(scored, chosen)])
            lines[-1] += [_cell(*auc_with_interval(scored, name, chosen)) for name in names]
            if len(names) > 1:
                lines[-1].append(_cell(*difference(scored, names[-1], names[0], chosen), sign="+"))
    return _markdown(lines) + "\n\n" + _markdown(false_positives(scored))


def false_positives(scored: Scored) -> list[list[str]]:
    """Shares of genuine clips above 0, film apart, where each detector's 0 is its own threshold."""
    names = list(scored.logits)
    lines = [["genuine clips above 0", "encoding", "n", *names], ["---"] * (3 + len(names))]
    for film, what in ((False, "stills set in motion"), (True, "film (one person)")):
        for condition in CONDITIONS:
            chosen = scored.where(compression=condition_name(condition), method=None, film=film)
            if chosen.any():
                shares = [f"{(scored.logits[n][chosen] > 0).mean():.0%}" for n in names]
                lines.append([what, str(condition), str(int(chosen.sum())), *shares])
    return lines


def _counts(scored: Scored, chosen: NDArray[np.bool_]) -> str:
    labels = scored.labels[chosen]
    return f"{int((labels == 0).sum())} + {int((labels == 1).sum())}"


def _cell(value: float, interval: tuple[float, float] | None, sign: str = "") -> str:
    told = f"{value:{sign}.3f}"
    return told + (f" ({interval[0]:{sign}.3f} to {interval[1]:{sign}.3f})" if interval else "")


def _markdown(lines: Sequence[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("crops", type=Path)
    parser.add_argument("detectors", nargs="+", metavar="NAME[=FILE]")
    given = parser.parse_args()
    detectors = {}
    for text in given.detectors:
        name, _, file = text.partition("=")
        detectors[name] = locate(file or name)
    scored = score_crops(detectors, given.crops)
    print(table(scored))
    print(f"\nClips without a score: {scored.unscored} of {scored.unscored + len(scored.rows)}.")


if __name__ == "__main__":
    main()
