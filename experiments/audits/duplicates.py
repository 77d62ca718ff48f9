"""Files that are the same byte for byte, under more than one name."""

from collections import defaultdict
from collections.abc import Sequence

from ...datasets.manifests import Manifest
from .files import FileFacts
from .findings import Finding, finding


def identical(facts: Sequence[FileFacts]) -> list[list[str]]:
    """The ids of videos whose files are the same, one list for each such file; by SHA-256."""
    same: defaultdict[str, list[str]] = defaultdict(list)
    for fact in facts:
        if fact.info is not None:
            same[fact.info.sha256].append(fact.video_id)
    return sorted(sorted(ids) for ids in same.values() if len(ids) > 1)


def duplicate_findings(manifest: Manifest, facts: Sequence[FileFacts]) -> list[Finding]:
    """The same file as real and as manipulated is wrong; the same file twice is to be known.

    That it stands in two splits is a leak (see `leakage`).
    """
    label_of = dict(zip(manifest.column("video_id"), manifest.column("label"), strict=True))
    opposed: list[str] = []
    other: list[str] = []
    for ids in identical(facts):
        labels = {label_of[name] for name in ids}
        (opposed if len(labels) > 1 else other).append(" = ".join(ids))
    return [
        *finding(
            "duplicate-label",
            "wrong",
            "files are the same byte for byte, and labelled real as well as manipulated",
            opposed,
        ),
        *finding("duplicate", "note", "files stand there under more than one name", other),
    ]
