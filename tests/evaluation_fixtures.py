"""Made-up benchmarks and scores, for the evaluation's tests."""

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from unswap.datasets.manifests import Manifest, Video

METHODS = ("Deepfakes", "FaceSwap")


def forged_manifest(
    people: int = 24, *, splits: Sequence[str | None] = (None,), sets: str = "b"
) -> list[Video]:
    """A real video and one fake a method for each person; the face is the next person's."""
    rows = []
    for i in range(people):
        me, other = f"p{i}", f"p{(i + 1) % people}"
        split = splits[i % len(splits)]
        real = f"{sets}/real/c23/{i:03d}"
        rows.append(
            Video(real, f"real/{i:03d}.mp4", 0, compression="c23" if i % 3 else "c40", split=split,
                  source_id=me, target_id=me)
        )  # fmt: skip
        for method in METHODS:
            rows.append(
                Video(
                    f"{sets}/{method}/c23/{i:03d}", f"{method}/{i:03d}.mp4", 1, kind="swap",
                    method=method, compression="c23" if i % 3 else "c40", split=split,
                    source_id=other, target_id=me, original=real,
                )
            )  # fmt: skip
    return rows


def write_manifest(folder: Path, rows: Sequence[Video], name: str = "manifest.csv") -> Path:
    path = folder / name
    Manifest.from_videos(rows).write(path)
    return path


Row = dict[str, Any]


def scores_of(
    rows: Sequence[Video],
    detector: str = "ours@00",
    *,
    skill: float = 1.5,
    seed: int = 0,
    condition: str = "none",
    kind: str = "logit",
    status: Callable[[Video], str] = lambda video: "scored",
    of_person: float = 0.5,
) -> list[Row]:
    """Normal scores, `skill` apart, with a part that a person's videos share."""
    rng = np.random.default_rng(seed)
    shared: dict[str, float] = {}
    out = []
    for video in rows:
        person = shared.setdefault(str(video.target_id), float(rng.normal() * of_person))
        value = float(rng.normal()) + skill * video.label + person
        if kind == "probability":
            value = float(1 / (1 + np.exp(-value + skill / 2)))
        its = status(video)
        scored = its == "scored"
        out.append(
            {
                "video_id": video.video_id,
                "condition": condition,
                "detector": detector,
                "status": its,
                "score": value if scored else None,
                "score_kind": kind,
                "aggregation": "mean-logit/max-track",
                "reason": None if scored else f"made up: {its}",
                "seconds": round(float(rng.uniform(1, 3)), 3),
                "cost": 0.01 if detector.startswith("vendor") else None,
            }
        )
    return out


def write_scores(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    names = list(dict.fromkeys(name for row in rows for name in row))
    if path.suffix == ".parquet":
        import pyarrow as pa
        from pyarrow import parquet

        parquet.write_table(pa.table({n: [r.get(n) for r in rows] for n in names}), path)
        return path
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=names)
        writer.writeheader()
        writer.writerows(rows)
    return path


def three_detectors(folder: Path, **options: Any) -> Any:
    """An Evaluation of three detectors: one with failures, one under perturbations, one that is weak."""
    from unswap.experiments.evaluation.evaluate import evaluate
    from unswap.experiments.evaluation.measuring import Settings
    from unswap.experiments.evaluation.options import Options
    from unswap.experiments.evaluation.policies import Policy
    from unswap.experiments.evaluation.thresholds import Rule

    rows = forged_manifest(75, splits=("val", "test", "test"))
    ours = scores_of(rows, "ours@0011", skill=1.6, seed=1)
    for level in (1, 3, 5):
        worse = scores_of(
            rows, "ours@0011", skill=1.6 - 0.3 * level, seed=9, condition=f"VC:{level}"
        )
        ours += worse
    vendor = scores_of(
        rows, "vendor@22", skill=2.4, seed=2, kind="probability",
        status=lambda v: "no_face" if v.method == "FaceSwap" and v.video_id[-1] in "147" else "scored",
    )  # fmt: skip
    weak = scores_of(rows, "weak@33", skill=0.3, seed=3)
    tables = [
        write_scores(folder / f"{name}.csv", table)
        for name, table in (("ours", ours), ("vendor", vendor), ("weak", weak))
    ]
    given: dict[str, Any] = {
        "split": "test",
        "dev_split": "val",
        "rules": (Rule.parse("fpr=0.1"),),
        "policy": Policy.parse(["all=real"]),
        "settings": Settings(resamples=40),
        "title": "made up",
        "min_slice": 10,
    }
    return evaluate(tables, write_manifest(folder, rows), Options(**{**given, **options}))
