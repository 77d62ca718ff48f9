"""What `unswap prepare` does: progress, a line for each video that gave nothing, a summary."""

import argparse
import sys
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ...datasets.manifests import Manifest
from ...datasets.shards.layout import PrepareSpec
from ...datasets.types import SamplingSpec
from ..scoring.tables import one_line
from .run import prepare


def prepare_command(options: argparse.Namespace, roots: dict[str, Path], version: str) -> bool:
    """Runs it. Returns whether every video was prepared.

    Raises:
        ValueError: options that do not go together. Others: see `prepare`.
    """
    margin = options.margin
    if options.faces == "whole":
        if margin not in (None, 1.0):
            raise ValueError(
                f"--faces whole takes pictures as they are; leave --margin {margin} out"
            )
        margin = 1.0
    if options.ray_address and options.engine != "ray":
        raise ValueError("--ray-address goes with --engine ray")
    sampling = SamplingSpec(options.num_frames, options.clip_length, options.stride)
    spec = PrepareSpec(sampling, margin or 2.0, options.max_size, options.faces)
    manifest = Manifest.read(options.manifest)
    with tqdm(total=len(manifest), unit="video", disable=None, file=sys.stderr) as bar:

        def show(record: dict[str, Any]) -> None:
            if record["reason"]:
                bar.write(one_line(f"{record['status']:<10} {record['reason']}"), file=sys.stdout)
                sys.stdout.flush()
            bar.update()

        summary = prepare(
            manifest,
            roots,
            options.out,
            spec,
            version=version,
            engine=options.engine,
            jobs=options.jobs,
            address=options.ray_address,
            time_limit_seconds=float(options.time_limit),
            resume=options.resume,
            on_record=show,
        )
    for line in summary.lines():
        print(line)
    if summary.kept:
        print(f"{summary.kept} of these videos are in shards that were finished before this run")
    if summary.damaged:
        print(f"damaged, and made again: {', '.join(summary.damaged)}")
    print(one_line(f"wrote {options.out}"))
    return summary.all_prepared
