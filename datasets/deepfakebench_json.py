"""DeepfakeBench's JSON lists of frames: from the document to entries and back.

The form is that of DeepfakeBench (Yan et al., NeurIPS 2023 Datasets and Benchmarks), as its
preprocessing writes it:
`{dataset: {label name: {split: {[compression: ]{video: {"label": ..., "frames": [...]}}}}}}`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


class BadDocument(ValueError):
    """A document that does not have the form; the message says where."""


@dataclass(frozen=True)
class Entry:
    """One video. `dataset`, `label_name`, `split`, `compression`, `video`: the keys on the way to
    it (`compression` is None where there is no such level). `label`: what its own entry says,
    `FF-real`. `frames`: paths as they stand there, in that order."""

    dataset: str
    label_name: str
    split: str
    compression: str | None
    video: str
    label: str
    frames: tuple[str, ...]


def parse(document: object) -> list[Entry]:
    """The videos of a document, in its order. Other keys of a video (`masks`) are left out.

    DeepfakeBench's own list of DFDC has, by a slip, a single video's `label` and `frames` in place
    of names of videos in its split `val`; that video stands in `test` too, so these two are passed
    over.

    Raises:
        BadDocument: it is not of the form.
    """
    entries: list[Entry] = []
    for dataset, labels in _level(document, "the document", "data sets"):
        for label_name, splits in _level(labels, dataset, "label names"):
            for split, videos in _level(splits, f"{dataset}/{label_name}", "splits"):
                where = f"{dataset}/{label_name}/{split}"
                for name, value in _level(videos, where, "videos"):
                    if _is_video(value):
                        place = (dataset, label_name, split, None)
                        entries.append(_entry(place, name, value))
                    elif name in ("label", "frames") and not isinstance(value, dict):
                        continue
                    else:
                        place_in = (dataset, label_name, split, name)
                        inner = _level(value, f"{where}/{name}", "videos of one compression")
                        entries.extend(_entry(place_in, video, its) for video, its in inner)
    return entries


def build(entries: Iterable[Entry]) -> dict[str, Any]:
    """The document with these videos, each in its place; `parse` gives them back.

    Raises:
        ValueError: two entries have the same place, or a video without compression is called what
            a compression beside it is called.
    """
    document: dict[str, Any] = {}
    for entry in entries:
        where = [entry.dataset, entry.label_name, entry.split]
        where += [] if entry.compression is None else [entry.compression]
        videos = document
        for key in where:
            videos = videos.setdefault(key, {})
        if _is_video(videos) or entry.video in videos:
            raise ValueError(f"two entries have the place {'/'.join([*where, entry.video])}")
        videos[entry.video] = {"label": entry.label, "frames": list(entry.frames)}
    return document


def _level(value: object, where: str, what: str) -> list[tuple[str, Any]]:
    if not isinstance(value, dict):
        raise BadDocument(f"{where}: expected an object of {what}, got {_shown(value)}")
    return list(value.items())


def _is_video(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("frames"), list)


def _entry(place: tuple[str, str, str, str | None], video: str, value: object) -> Entry:
    where = "/".join([*(key for key in place if key is not None), video])
    if not isinstance(value, dict) or not isinstance(value.get("frames"), list):
        raise BadDocument(f"{where}: expected a video with frames, got {_shown(value)}")
    label, frames = value.get("label"), value["frames"]
    if not isinstance(label, str):
        raise BadDocument(f"{where}: expected a label, got {_shown(label)}")
    wrong = [f for f in frames if not isinstance(f, str)]
    if wrong:
        raise BadDocument(f"{where}: expected paths of frames, got {_shown(wrong[0])}")
    return Entry(*place, video, label, tuple(frames))


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
