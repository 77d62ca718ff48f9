"""A folder of one's own: real/ and fake/."""

from pathlib import Path

from ..image_sources import is_image
from ..manifests import SPLITS, Video, video_id
from ..suffixes import VIDEO_SUFFIXES
from .base import BENCHMARKS, Card, Problem, Reading, Trees, require_layout
from .file_trees import is_usable, walk

CARD = Card(
    name="folder",
    title="a folder of one's own",
    paper="none: your own data",
    bibtex="",
    url="",
    licence="your own",
    access="put the videos there yourself",
    trees={"folder": "the folder that holds real/ and fake/ (or train/, val/, test/ with these)"},
    layout="""[train/, val/ or test/]
real/**/*.mp4 (any ending of a video), or folders of pictures: each is one video
fake/<method>/**/*.mp4 likewise; what lies in fake/ itself has the method 'fake'""",
    expected=(),
    split="by the folders train/, val/, test/ where they are there; else none",
    notes=(
        "nothing is known of people and originals: for an identity-disjoint split write a manifest "
        "with source_id, target_id and group",
        "the kind of manipulation stays empty",
        "pictures that lie in real/, fake/ or fake/<method>/ beside folders are no video: give "
        "each video's pictures a folder of its own",
    ),
)


class _Folder:
    card = CARD

    def read(self, trees: Trees, *, compression: str | None = None) -> Reading:
        """See `Benchmark.read`."""
        root = trees.folder("folder")
        sides = ("real", "fake")
        require_layout(root, (*sides, *(f"{s}/{side}" for s in SPLITS for side in sides)), CARD)
        reading = Reading([])
        for split in (None, *SPLITS):
            for side in sides:
                _read_side(reading, root, (root / split if split else root) / side, split)
        return reading


def _read_side(reading: Reading, root: Path, top: Path, split: str | None) -> None:
    for folder, below, files in walk(top):
        place = folder.relative_to(root).as_posix()
        parts = folder.relative_to(top).parts
        method = (parts[0] if parts else "fake") if top.name == "fake" else None
        images = [f for f in files if is_image(f)]
        if images and (not parts or below):
            text = f"{len(images)} pictures beside folders, or in {top.name}/ itself, are no video"
            reading.problems.append(Problem("name", place, text))
        elif images:
            # fake/clip/*.png: the folder is the video, not the method.
            _add(reading, place, "fake" if method and len(parts) == 1 else method, split)
        for file in files:
            if is_image(file):
                continue
            if Path(file).suffix.lower() in VIDEO_SUFFIXES:
                _add(reading, f"{place}/{file}", method, split)
            else:
                text = "it is neither a video nor a picture by its name"
                reading.problems.append(Problem("name", f"{place}/{file}", text))


def _add(reading: Reading, place: str, method: str | None, split: str | None) -> None:
    if not is_usable(place) or "/" in (method or ""):
        text = "its path has backslashes or is not UTF-8; rename it"
        reading.problems.append(Problem("name", repr(place), text))
        return
    reading.videos.append(
        Video(
            video_id=video_id("folder", method, None, place),
            root="folder",
            path=place,
            label=int(method is not None),
            method=method,
            split=split,
        )
    )


BENCHMARKS.register("folder")(_Folder())
