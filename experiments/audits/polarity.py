"""Whether real is called real: labels against originals, against folders' names, against lists."""

from collections.abc import Sequence
from pathlib import PurePosixPath

from ...datasets.benchmarks import Problem
from ...datasets.manifests import ARCHIVE_MARK, Manifest
from .findings import Finding, finding

# Folders' names that say what is in them; whole names only, in lower case.
REAL_NAMES = frozenset(
    {"real", "reals", "genuine", "pristine"}
    | {"original", "originals", "original_videos", "original_sequences"}
)
FAKE_NAMES = frozenset(
    {"fake", "fakes", "forged", "synthesis", "synthesized", "manipulations"}
    | {"manipulated", "manipulated_videos", "manipulated_sequences"}
)
_WORDS = ("real", "manipulated")


def said_by_folders(path: str) -> int | None:
    """The label that the names of a path's folders say; None where they say nothing, or both.

    >>> said_by_folders("train/real/7.mp4"), said_by_folders("Fake/7.mp4")
    (0, 1)
    >>> said_by_folders("real.mp4") is None
    True
    """
    archive, mark, inside = path.partition(ARCHIVE_MARK)
    parts = PurePosixPath(archive).parts if mark else PurePosixPath(path).parts[:-1]
    names = {part.lower() for part in (*parts, *PurePosixPath(inside).parts)}
    said = [label for label, words in enumerate((REAL_NAMES, FAKE_NAMES)) if names & words]
    return said[0] if len(said) == 1 else None


def polarity_findings(manifest: Manifest, problems: Sequence[Problem]) -> list[Finding]:
    """Labels that contradict the adapter's lists, the originals, or the folders' names."""
    label_of = dict(zip(manifest.column("video_id"), manifest.column("label"), strict=True))
    fake_originals, real_with_original, contrary = [], [], []
    said_something = 0
    for video in manifest.videos():
        if video.original is not None:
            if video.label == 0:
                real_with_original.append(f"{video.video_id} (of {video.original})")
            if label_of.get(video.original) == 1:
                fake_originals.append(f"{video.original} (of {video.video_id})")
        said = said_by_folders(video.path)
        said_something += said is not None
        if said is not None and said != video.label:
            contrary.append(f"{video.path}: labelled {_WORDS[video.label]}")
    inverted = 2 * len(contrary) > said_something
    share = f"{len(contrary)} of the {said_something} videos whose folders say what they are"
    return [
        *finding(
            "polarity-lists",
            "wrong",
            "two places disagree on what is real",
            [f"{p.path}: {p.text}" for p in problems if p.kind == "polarity"],
        ),
        *finding(
            "polarity-original",
            "wrong",
            "the original of a manipulated video is itself labelled manipulated",
            fake_originals,
        ),
        *finding(
            "polarity-real-with-original",
            "wrong",
            "a video labelled real is said to be made from another",
            real_with_original,
        ),
        *finding(
            "polarity-folders",
            "wrong",
            f"the labels look inverted: {share} are labelled the contrary (1 is manipulated)"
            if inverted
            else f"the folders' names say the contrary of the label, for {share}",
            contrary,
        ),
    ]
