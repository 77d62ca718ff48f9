"""A protocol's run in its folder: what its parts share."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...datasets.manifests import Manifest, file_sha256, read_table
from .measuring import Settings
from .options import Options
from .policies import Policy
from .protocol import BadProtocol, BenchmarkEntry, Protocol, roots_of
from .results import Evaluation
from .slices import SliceSpec
from .steps import Scorer, ScoreStep, as_written
from .thresholds import Rule


@dataclass
class Run:
    """A run in its folder. `folder`: of the protocol, that relative paths start at. `all_scored`: so
    far. `scorer`: makes a table."""

    protocol: Protocol
    source: Path
    out: Path
    consent_upload: bool
    scorer: Scorer
    all_scored: bool = True

    @property
    def folder(self) -> Path:
        return self.source.parent

    def score(self, detector: str, manifest: Path, roots: dict[str, Path], out: Path,
              num_frames: int | None = None) -> Path:  # fmt: skip
        """One table of scores; a relative detector file starts at the protocol's folder."""
        near = self.folder / detector
        step = ScoreStep(
            manifest,
            roots,
            str(near) if near.exists() else detector,
            out,
            num_frames,
            self.protocol.jobs,
            self.consent_upload,
        )
        self.all_scored &= self.scorer(step)
        return out

    def manifest(self, entry: BenchmarkEntry) -> Manifest:
        """A benchmark's videos that are tested and developed on, written into the run's folder."""
        whole = Manifest.read(self.folder / entry.manifest)
        if entry.split is not None:
            wanted = {entry.split, entry.dev_split}
            splits = whole.column("split")
            for split in wanted - {None}:
                if split not in splits:
                    raise BadProtocol(
                        f"{entry.name}: {whole.source} has no video of split {split!r}"
                    )
            whole = whole.select([s in wanted for s in splits])
        return as_written(whole, self.out / "manifests" / f"{entry.name}.parquet")

    def roots(self, entry: BenchmarkEntry) -> dict[str, Path]:
        return dict(roots_of(entry, self.folder))

    def options(self, entry: BenchmarkEntry, title: str) -> Options:
        """How a benchmark is evaluated."""
        p = self.protocol
        options = Options(
            split=entry.split,
            rules=tuple(Rule.parse(text) for text in p.thresholds),
            policy=Policy.parse(p.policy) if p.policy else None,
            slices=tuple(SliceSpec.parse(text) for text in p.slices),
            min_slice=p.min_slice,
            rank_by=p.rank_by,  # type: ignore[arg-type]
            settings=Settings(p.seed, p.resamples, prevalences=p.prevalences),
            title=title,
        )
        source = p.thresholds_from
        if source is not None and source != entry.name:
            dev = p.benchmark(source)
            there = self.manifest(dev)
            chosen = there.select([s == dev.dev_split for s in there.column("split")])
            path = self.out / "manifests" / f"{source}.development.parquet"
            as_written(chosen, path)
            scores = tuple(self.scores_path(source, d.name) for d in p.detectors)
            dev_scores = tuple(_only(s, chosen, self.out / "development") for s in scores)
            return replace(
                options,
                dev_scores=dev_scores,
                dev_names=tuple(d.name for d in p.detectors),
                dev_manifest=path,
                other_manifest=True,
            )
        return replace(options, dev_split=entry.dev_split)

    def scores_path(self, benchmark: str, detector: str) -> Path:
        return self.out / "scores" / benchmark / f"{detector}.parquet"


def told(run: Run, found: Evaluation, notes: list[str], more: dict[str, str]) -> Evaluation:
    """The evaluation with what the protocol knows of it."""
    facts: dict[str, Any] = {
        "Protocol": str(run.source),
        "Protocol's SHA-256": file_sha256(run.source),
        **more,
    }
    return replace(found, protocol={**found.protocol, "more": facts}, notes=(*found.notes, *notes))


def _only(scores: Path, manifest: Manifest, folder: Path) -> Path:
    """A table's rows of some videos, as a file of its own: development scores from another benchmark."""
    from pyarrow import parquet

    table = read_table(scores)
    wanted = set(manifest.column("video_id"))
    keep = [name in wanted for name in table.column("video_id").to_pylist()]
    folder.mkdir(parents=True, exist_ok=True)
    out = folder / scores.name
    parquet.write_table(table.filter(keep), out)
    return out
