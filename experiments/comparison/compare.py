"""`compare`: a suspect video held against the original, from two files to findings."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ...datasets.faces import create_face_detector
from ...datasets.probing import probe
from ...datasets.types import Float32, Float64, Int64, VideoInfo
from .aligning import Alignment, align
from .canvas import Canvas, make_canvas
from .describing import (
    describe_geometry,
    figures_of,
    outside_faces,
    pair_rows,
    stretches_of,
    unnamed_share,
)
from .faces import Person
from .findings import ladder, same_file, without_match
from .heads import head_motion
from .identity import Embedder, compare_faces, load_embedder
from .masks import mark
from .measuring import Measured, colours_of, measure, null_of
from .null_model import FDR, inflate
from .pairing import AlignedStretch
from .regions import border_region, find_regions
from .scanning import Scan, scan
from .types import Comparison, NullModel, Photometry, Status, Verdict

MOST_PAIRS = 6000  # pairs that are measured; of more, every second, third, ... one
A = TypeVar("A")
B = TypeVar("B")
STILL_LEVELS = 0.06  # small pictures that change less from beginning to end show nothing that moves
LIMITS = (
    "It compares two files. Whether the reference is the original, and who made what, it can't tell.",
    "Changes smaller than what encoding does at the suspect's quality are not seen.",
    "Faces smaller than about 24 px after shrinking to 640 px are not found.",
    "A verdict is about the aligned stretches only; what lies outside of them was not compared.",
    "What the findings mean in law is not for this comparison to say.",
)


def compare(
    reference: str | Path,
    suspect: str | Path,
    *,
    identity_weights: str | Path | None = None,
    fdr: float = FDR,
    device: str = "cpu",
    options: tuple[str, ...] = (),
) -> Comparison:
    """Says what of a suspect video agrees with a reference, what does not, and how sure that is.

    Args:
        reference: the original, or what is taken for it.
        suspect: the video that may derive from it.
        identity_weights: a face-embedding model's file, see `load_embedder`; without, whose face
            it is is not examined.
        fdr: share of the cells called changed that may be wrongly so.
        device: torch's, for finding faces.
        options: as on the command line, to be repeated in the report.

    Raises:
        UnreadableVideo: one of the files can't be read; names it.
        BadIdentityWeights: the file is no such model.
        ValueError: `fdr` is not between 0 and 1.
    """
    if not 0 < fdr < 1:
        raise ValueError(f"expected a false-discovery rate between 0 and 1, got {fdr}")
    began = time.monotonic()
    embedder = load_embedder(identity_weights) if identity_weights else None
    settings: dict[str, Any] = {
        "fdr": fdr,
        "identity_weights": embedder.name if embedder else None,
        "options": list(options),
    }
    infos = probe(reference), probe(suspect)
    if infos[0].sha256 == infos[1].sha256:
        result = Comparison(
            status=Status.SAME_FILE,
            reason="the two files are equal, byte for byte (same SHA-256)",
            reference=infos[0], suspect=infos[1], findings=same_file(), limits=LIMITS,
        )  # fmt: skip
    else:
        scans = _at_once(lambda: scan(reference), lambda: scan(suspect))
        result = _compared(*scans, embedder, fdr, device)
    return replace(result, settings=settings, seconds=time.monotonic() - began)


def _compared(
    reference: Scan, suspect: Scan, embedder: Embedder | None, fdr: float, device: str
) -> Comparison:
    notes = _notes(reference, suspect)
    still = [_still(s) for s in (reference, suspect)]
    if any(still):
        reason = " and ".join(s for s in still if s)
        return _ended(Status.UNDECIDED, reason, reference.info, suspect.info, notes)
    alignment = align(suspect, reference)
    if not alignment.stretches or alignment.refined is None:
        reason = f"no stretch of the suspect was found in the reference: {alignment.why}"
        return _ended(Status.NO_MATCH, reason, reference.info, suspect.info, notes)
    return _measured(
        reference, suspect, alignment, alignment.refined.matrix, embedder, fdr, device, notes
    )


def _measured(
    reference: Scan,
    suspect: Scan,
    alignment: Alignment,
    matrix: Float64,
    embedder: Embedder | None,
    fdr: float,
    device: str,
    notes: list[str],
) -> Comparison:
    every = max(1, -(-sum(len(s.paired.suspect) for s in alignment.stretches) // MOST_PAIRS))
    pairs, stretch_of = _pairs(reference, suspect, alignment.stretches, every)
    if every > 1:
        notes.append(f"of the aligned frames every {every}th pair was measured")
    canvas = make_canvas(suspect.size, reference.size, matrix)
    colours = colours_of(suspect, reference, canvas, pairs)
    detector = create_face_detector(device=device)
    null, cells = _at_once(
        lambda: null_of(suspect, reference, canvas, colours, pairs),
        lambda: measure(suspect, reference, canvas, colours, pairs, detector),
    )
    if not null.known_codec:
        notes.append(
            f"{suspect.info.codec} is not imitated as itself: the null model is {null.settings.encoder}'s"
        )
    measured = cells.classed(null.table)
    people = measured.people
    table, inflation = inflate(null.table, *_calm_cells(measured, canvas, people))
    marked = mark(measured, canvas, table, people, fdr)
    frames = np.array([pairs[p][0] for p in measured.places], dtype=np.int64)
    regions, masks = find_regions(marked.masks, canvas, people, measured.places, frames)
    rows = pair_rows(measured, masks, marked.flagged_outside, canvas, people, pairs, stretch_of,
                     suspect, reference)  # fmt: skip
    figures = figures_of(rows, head_motion(people, every))
    geometry = describe_geometry(matrix, alignment.refined, suspect.size, reference.size)
    border = border_region(geometry, suspect.size, frames)
    stretches = stretches_of(alignment, suspect, reference)
    identity = (
        compare_faces(embedder, suspect, reference, matrix, people, pairs) if embedder else ()
    )
    unnamed = unnamed_share(masks, regions, canvas, frames)
    return Comparison(
        status=Status.COMPARED,
        reason=f"{len(stretches)} shared stretch{'es' if len(stretches) > 1 else ''} found",
        reference=reference.info,
        suspect=suspect.info,
        stretches=stretches,
        geometry=geometry,
        photometry=Photometry(
            colours.gamma,
            tuple((float(r), float(g), float(b)) for r, g, b in colours.matrix),
            (float(colours.offset[0]), float(colours.offset[1]), float(colours.offset[2])),
            colours.residual,
        ),
        null_model=NullModel(
            settings=null.settings,
            curve=null.points,
            inflation=inflation.factor,
            fdr=fdr,
            p_threshold=marked.p_value,
            false_share=float(np.mean(null.held_out >= marked.threshold))
            if len(null.held_out)
            else None,
        ),
        regions=(*regions, *(replace(b, region_id=len(regions) + 1) for b in border)),
        figures=figures,
        identity=identity,
        findings=ladder(stretches, figures, regions, unnamed, identity, embedder is not None),
        pairs=rows,
        masks=masks,
        notes=tuple(notes),
        limits=LIMITS,
    )


def _at_once(first: Callable[[], A], second: Callable[[], B]) -> tuple[A, B]:
    """Both results; each has a thread, since decoding, coding and OpenCV let others run."""
    with ThreadPoolExecutor(2) as pool:
        results = pool.submit(first), pool.submit(second)
        return results[0].result(), results[1].result()


def _ended(
    status: Status, reason: str, reference: VideoInfo, suspect: VideoInfo, notes: list[str]
) -> Comparison:
    verdict = Verdict.NOT_SUPPORTED if status is Status.NO_MATCH else Verdict.INCONCLUSIVE
    return Comparison(
        status=status,
        reason=reason,
        reference=reference,
        suspect=suspect,
        findings=without_match(reason, verdict),
        notes=tuple(notes),
        limits=LIMITS,
    )


def _pairs(
    reference: Scan, suspect: Scan, stretches: tuple[AlignedStretch, ...], every: int
) -> tuple[list[tuple[int, int]], list[int]]:
    """All pairs as frame numbers, rising by suspect frame, and each one's stretch."""
    found: dict[int, tuple[int, int]] = {}
    for number, stretch in enumerate(stretches):
        for s, r in zip(stretch.paired.suspect, stretch.paired.reference, strict=True):
            found.setdefault(int(suspect.frames[s]), (int(reference.frames[r]), number))
    chosen = sorted(found)[::every]
    return [(s, found[s][0]) for s in chosen], [found[s][1] for s in chosen]


def _calm_cells(
    measured: Measured, canvas: Canvas, people: tuple[Person, ...]
) -> tuple[Float32, Int64]:
    """Cells by which the null is inflated: those outside of faces, where these are enough."""
    count = len(measured.places)
    chosen = np.unique(np.linspace(0, count - 1, min(count, 120)).astype(int))
    logs, classes = [], []
    for k in chosen:
        where = outside_faces(canvas, people, int(measured.places[k]))
        logs.append(measured.pooled(int(k))[where])
        classes.append(np.asarray(measured.classes[k], dtype=np.int64)[where])
    return np.concatenate(logs), np.concatenate(classes)


def _still(video: Scan) -> str:
    """Why a video shows too little to be placed in time; empty if it does not."""
    name = video.info.path
    if len(video.frames) < 3:
        return f"{name} has {len(video.frames)} frame(s): there is no time to be told from it"
    places = np.unique(np.linspace(0, len(video.frames) - 1, 40).astype(int))
    small = np.asarray(video.thumbs[places], dtype=np.float32) / 256
    if small.std(axis=(1, 2)).max() < 2.0:
        return f"{name} shows nothing but one even tone"
    change = np.abs(small - small.mean(axis=0)).mean()
    if change < STILL_LEVELS:
        return f"{name} is still from beginning to end: nothing tells one moment from another"
    return ""


def _notes(reference: Scan, suspect: Scan) -> list[str]:
    notes = []
    for video in (reference, suspect):
        if video.lost:
            notes.append(
                f"{video.info.path}: {video.lost} of {video.info.num_frames} frames can't be decoded"
            )
    return notes
