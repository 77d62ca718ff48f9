"""What `unswap datasets` and `unswap degrade` do. Each returns whether all was as it should be."""

import argparse
import datetime
import json
import os
import shutil
import sys
from pathlib import Path

from ..datasets import benchmarks
from ..datasets.manifests import Manifest
from ..datasets.splits import identity_disjoint
from .scoring.tables import one_line


def list_command(options: argparse.Namespace, version: str) -> bool:
    """A table of all benchmarks; how to ask for each, and its layout, are on its card."""
    lines: list[tuple[str, ...]] = [("name", "real", "manipulated", "split", "licence")]
    for name in benchmarks.names():
        card = benchmarks.get(name).card
        real, fake = (
            sum(e.count for e in card.expected if e.split is None and (e.method is None) is is_real)
            for is_real in (True, False)
        )
        counts = (str(real) if real else "-", str(fake) if fake else "-")
        lines.append((name, *counts, _first_sentence(card.split), _first_sentence(card.licence)))
    widths = [max(len(line[i]) for line in lines) for i in range(3)]
    columns = shutil.get_terminal_size((120, 24)).columns
    for line in lines:
        head = f"{line[0]:{widths[0]}}  {line[1]:>{widths[1]}}  {line[2]:>{widths[2]}}  "
        print((head + f"{_short(line[3], 34):34}  {line[4]}")[: max(columns, 80)])
    print("how to ask for one, its layout, how to cite it: unswap datasets show NAME")
    return True


def show_command(options: argparse.Namespace, version: str) -> bool:
    """One benchmark's card."""
    card = benchmarks.get(options.name).card
    print(f"{card.title}\n{card.paper}\n{card.url}\n")
    print(f"licence   {card.licence}\naccess    {card.access}\nsplit     {card.split}")
    if card.compressions:
        print(f"comes in  {', '.join(card.compressions)}")
    for tree, what in card.trees.items():
        print(f"--root {tree}=FOLDER: {what}")
    print(f"\nlayout\n{_indented(card.layout)}")
    if card.expected:
        per = " in each compression" if card.compressions else ""
        print(f"\nvideos{per}")
        for e in card.expected:
            split = f", {e.split}" if e.split else ""
            print(f"  {e.count:7} {e.method or 'real'}{split}")
    for note in card.notes:
        print(f"\nnote: {note}")
    for kind, text in card.known_leaks.items():
        print(f"\nknown leak ({kind}): {text}")
    print(f"\n{card.bibtex}")
    return True


def check_command(options: argparse.Namespace, version: str) -> bool:
    """Checks a copy of a benchmark."""
    from tqdm import tqdm

    from .audits.check import check
    from .audits.report import write_check_report
    from .preparing.engines import processors

    for path in (options.json, options.report):
        if path is not None and not path.absolute().parent.is_dir():
            raise ValueError(f"{path}: there is no folder {path.absolute().parent}")
    with tqdm(unit="video", disable=None, file=sys.stderr) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        result = check(
            options.name,
            options.root,
            compression=options.compression,
            jobs=options.jobs or processors(),
            seed=options.seed,
            probe=not options.no_probe,
            on_progress=progress,
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
    done = perturbations.degrade(options.video, options.out, options.conditions, seed=options.seed)
    size = f"{done.width}x{done.height}, {done.bytes} bytes, audio {done.audio}"
    print(one_line(f"wrote {done.path}: {done.frames} frames, {size}; {' '.join(done.steps)}"))
    for note in done.notes:
        print(one_line(note))
    if done.lost:
        print(f"{done.lost} frames of the input could not be decoded, and are missing")
    return not done.lost


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


def _write_json(path: Path, value: object) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(json.dumps(value, indent=2, allow_nan=False) + "\n", encoding="utf-8")
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _first_sentence(text: str) -> str:
    return " ".join(text.split()).split(". ")[0].rstrip(".")


def _short(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1].rstrip() + "…"


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.strip("\n").splitlines())
