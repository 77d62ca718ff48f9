"""What `unswap datasets` and `unswap degrade` do. Each returns whether all was as it should be."""

import argparse
import datetime
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..datasets import benchmarks
from ..datasets.manifests import Manifest
from ..datasets.splits import identity_disjoint
from .benchmark_cards import card_dict, card_lines, table
from .scoring.tables import one_line


def list_command(options: argparse.Namespace, version: str) -> bool:
    """All benchmarks: a table, all cards one after another, or all cards as JSON."""
    cards = [benchmarks.get(name).card for name in benchmarks.names()]
    columns = shutil.get_terminal_size((120, 24)).columns
    if options.json:
        print(json.dumps([card_dict(card) for card in cards], indent=2, ensure_ascii=False))
    elif options.full:
        between = "\n\n" + "=" * min(columns, 80) + "\n\n"
        print(between.join("\n".join(card_lines(card, columns)) for card in cards))
    else:
        print("\n".join(table(cards, columns)))
        print("how to ask for one, its layout, how to cite it: unswap datasets show NAME")
    return True


def show_command(options: argparse.Namespace, version: str) -> bool:
    """One benchmark's card."""
    columns = shutil.get_terminal_size((120, 24)).columns
    print("\n".join(card_lines(benchmarks.get(options.name).card, columns)))
    return True


def check_command(options: argparse.Namespace, version: str) -> bool:
    """Checks a copy of a benchmark."""
    from .audits.check import check
    from .audits.report import write_check_report
    from .preparing.engines import processors

    if options.json is not None:
        _check_target("--json", options.json)
    if options.report is not None:
        _check_report(options.report)
    with _bar("video") as bar:
        result = check(
            options.name,
            options.root,
            compression=options.compression,
            jobs=options.jobs or processors(),
            seed=options.seed,
            probe=not options.no_probe,
            on_progress=bar,
        )
    for line in result.lines(shutil.get_terminal_size((100, 24)).columns):
        print(one_line(line))
    if options.json is not None:
        _write_json(options.json, {**result.to_dict(), "unswap": version})
        print(one_line(f"wrote {options.json}"))
    if options.report is not None:
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        path = write_check_report(result, options.report, version=version, generated_at=now)
        print(one_line(f"wrote {path}"))
    return not result.wrong


def manifest_command(options: argparse.Namespace, version: str) -> bool:
    """Writes a benchmark's manifest."""
    if options.out.suffix.lower() not in (".parquet", ".csv"):
        raise ValueError(f"--out {options.out}: expected a name that ends in .parquet or .csv")
    _check_target("--out", options.out)
    manifest, reading = benchmarks.read_with_problems(
        options.name, options.root, compression=options.compression
    )
    if options.split == "identity-disjoint":
        manifest, summary = identity_disjoint(manifest, seed=options.seed)
        for line in summary.lines():
            print(line)
    elif options.split != "official":
        raise ValueError(f"expected --split official or identity-disjoint, got {options.split!r}")
    else:
        _print_counts(manifest)
    manifest.write(options.out)
    for problem in reading.problems[:20]:
        print(one_line(f"{problem.kind}: {problem.path}: {problem.text}"))
    if len(reading.problems) > 20:
        print(f"and {len(reading.problems) - 20} more; see `unswap datasets check`")
    wrong = f"; {len(reading.problems)} things are not as they should be" * bool(reading.problems)
    print(one_line(f"wrote {options.out}: {len(manifest)} videos{wrong}"))
    return not reading.problems


def export_command(options: argparse.Namespace, version: str) -> bool:
    """Writes prepared crops as DeepfakeBench's folders of images and JSON."""
    from ..datasets.shards.export import export_deepfakebench
    from ..datasets.shards.reader import PreparedCrops
    from ..datasets.types import CropSpec

    path = export_deepfakebench(
        PreparedCrops(options.crops),
        options.out,
        dataset_name=options.name,
        spec=CropSpec(options.size, options.margin),
    )
    print(one_line(f"wrote {path}"))
    return True


def degrade_command(options: argparse.Namespace) -> bool:
    """Puts one video through perturbations, or lists them."""
    from ..datasets import perturbations

    if options.list:
        for code, text in perturbations.CODES.items():
            levels = len(perturbations.get(code).levels)
            print(f"{code:5} {'1' if levels == 1 else f'1-{levels}'}  {text}")
        return True
    if options.video is None or options.out is None or not options.conditions:
        raise ValueError("expected VIDEO --with CODE:LEVEL --out FILE (or --list for the codes)")
    with _bar("frame") as bar:
        done = perturbations.degrade(
            options.video,
            options.out,
            options.conditions,
            seed=options.seed,
            on_progress=bar,
        )
    size = f"{done.width}x{done.height}, {done.bytes} bytes, audio {done.audio}"
    print(one_line(f"wrote {done.path}: {done.frames} frames, {size}; {' '.join(done.steps)}"))
    for note in done.notes:
        print(one_line(note))
    if done.lost:
        print(f"{done.lost} frames of the input could not be decoded, and are missing")
    return not done.lost


@contextmanager
def _bar(unit: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar to be called with (done, in all); on a terminal only."""
    from tqdm import tqdm

    with tqdm(unit=unit, disable=None, file=sys.stderr) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield progress


def _print_counts(manifest: Manifest) -> None:
    counts: dict[tuple[str, str], dict[str, int]] = {}
    for video in manifest.videos():
        row = counts.setdefault((video.method or "real", video.compression or "-"), {})
        row[video.split or "none"] = row.get(video.split or "none", 0) + 1
    splits = [
        s for s in ("train", "val", "test", "none") if any(s in row for row in counts.values())
    ]
    width = max(len(method) for method, _ in counts)
    print(f"{'':{width}}  {'':6}" + "".join(f"{s:>8}" for s in splits))
    for (method, compression), row in sorted(counts.items()):
        cells = "".join(f"{row.get(s, 0):8}" for s in splits)
        print(f"{method:{width}}  {compression:6}{cells}")


def _check_target(option: str, path: Path) -> None:
    """Refuses, before the work, a file that could not be written after it."""
    folder = path.absolute().parent
    if not folder.is_dir():
        raise ValueError(f"{option} {path}: there is no folder {folder}; make it first")
    if path.is_dir():
        raise ValueError(f"{option} {path}: it is a folder; give the path of a file")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ValueError(
            f"{option} {path}: the folder {folder} may not be written to; change its permissions, "
            "or write to another folder"
        )


def _check_report(path: Path) -> None:
    """As `_check_target`, for a folder that is made where it is not there."""
    if not path.is_dir():
        if path.exists():
            raise ValueError(f"--report {path}: it is a file; give the path of a folder")
        _check_target("--report", path)
    elif not os.access(path, os.W_OK | os.X_OK):
        raise ValueError(
            f"--report {path}: this folder may not be written to; change its permissions, or give "
            "another folder"
        )


def _write_json(path: Path, value: object) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(json.dumps(value, indent=2, allow_nan=False) + "\n", encoding="utf-8")
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
