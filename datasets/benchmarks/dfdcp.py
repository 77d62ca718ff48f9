"""The preview of the DeepFake Detection Challenge data set (DFDCP)."""

from pathlib import Path, PurePosixPath
from typing import Any

from ..image_sources import natural_key
from ..manifests import Video, video_id
from .base import (
    BENCHMARKS,
    BadBenchmark,
    Card,
    Expected,
    Problem,
    Reading,
    Trees,
    read_json,
    require_file,
    require_layout,
)
from .file_trees import is_usable, walk

CARD = Card(
    name="dfdcp",
    title="DeepFake Detection Challenge Preview (DFDCP)",
    paper="Dolhansky, Howes, Pflaum, Baram, Canton Ferrer: The Deepfake Detection Challenge (DFDC) "
    "Preview Dataset, arXiv:1910.08854, 2019",
    bibtex="""@article{dolhansky2019dfdcp,
  title   = {The Deepfake Detection Challenge ({DFDC}) Preview Dataset},
  author  = {Dolhansky, Brian and Howes, Russ and Pflaum, Ben and Baram, Nicole
             and Canton Ferrer, Cristian},
  journal = {arXiv preprint arXiv:1910.08854},
  year    = {2019}
}""",
    url="https://ai.meta.com/datasets/dfdc/",
    licence="the DFDC data set licence, accepted when it is requested; research only",
    access="accept the terms at https://ai.meta.com/datasets/dfdc/; the archive is called "
    "dfdc_preview_set.zip",
    trees={"dfdcp": "the folder that holds dataset.json (dfdc_preview_set)"},
    layout="""dataset.json
method_A/<person>/<person>_<clip>/*.mp4
method_B/<person>/<person>_<clip>/*.mp4
original_videos/<person>/*.mp4
(as dataset.json names them; also with videos/ below each of the three)""",
    expected=(Expected(None, 276, "test"),),
    split="`set` in dataset.json: train or test; no validation set. Of the test set 276 are real "
    "and 501 fake",
    notes=(
        "an original is the same recording as a fake's, but dataset.json does not name the file: "
        "`original` stays empty, and the person ties them",
        "`target_id` is taken as the person whose video it is, `swapped_id` as the one whose face "
        "was put in, as public code that reads dataset.json does; the paper does not say it",
        "the same people stand in real and fake videos",
    ),
)
_FOLDERS = {"original_videos": False, "method_A": True, "method_B": True}


class _Dfdcp:
    card = CARD

    def read(self, trees: Trees, *, compression: str | None = None) -> Reading:
        """See `Benchmark.read`."""
        root = trees.folder("dfdcp")
        require_layout(root, ("dataset.json", *_FOLDERS), CARD)
        path = require_file(root / "dataset.json", "list of videos", "it comes in the archive")
        data = read_json(path, "list of videos")
        if not isinstance(data, dict) or not data:
            raise BadBenchmark(f"{path}: expected an object of videos, got {str(data)[:40]!r}")
        reading = Reading([])
        named: set[str] = set()
        for name, entry in sorted(data.items(), key=lambda item: natural_key(item[0])):
            place = name.replace("\\", "/")
            if not isinstance(entry, dict) or entry.get("label") not in ("real", "fake"):
                label = entry.get("label") if isinstance(entry, dict) else entry
                raise BadBenchmark(
                    f"{path}: {name}: expected the label real or fake, got {label!r}"
                )
            found = _place(root, place)
            named.add(found or place)
            problem = _wrong(place, entry, found)
            if problem is not None:
                reading.problems.append(problem)
            elif found is not None:
                reading.videos.append(_video(place, entry, found))
        for top in _FOLDERS:
            for folder, _, files in walk(root / top):
                for file in (f for f in files if f.lower().endswith(".mp4")):
                    there = (folder / file).relative_to(root).as_posix()
                    if there not in named:
                        text = "dataset.json does not name it"
                        reading.problems.append(Problem("split", there, text))
        return reading


def _place(root: Path, name: str) -> str | None:
    """Where a file of dataset.json lies below the root."""
    top, _, rest = name.partition("/")
    for place in (name, f"{top}/videos/{rest}", f"{top}/videos/{PurePosixPath(name).name}"):
        path = root / place
        if ".." not in PurePosixPath(place).parts and (path.is_file() or path.is_symlink()):
            return place
    return None


def _wrong(name: str, entry: dict[str, Any], found: str | None) -> Problem | None:
    top = name.partition("/")[0]
    if top not in _FOLDERS or not is_usable(name):
        text = f"dataset.json names it in none of {', '.join(_FOLDERS)}"
        return Problem("name", name, text)
    if _FOLDERS[top] != (entry["label"] == "fake"):
        return Problem("polarity", name, f"dataset.json calls it {entry['label']}, in {top}")
    if entry.get("set") not in ("train", "test"):
        text = f"dataset.json says the set {entry.get('set')!r}; expected 'train' or 'test'"
        return Problem("split", name, text)
    if found is None:
        return Problem("missing", name, "dataset.json names it, and it is not there")
    return None


def _video(name: str, entry: dict[str, Any], found: str) -> Video:
    fake = entry["label"] == "fake"
    top, _, rest = name.partition("/")
    target = _person(entry.get("target_id"))
    stem = PurePosixPath(rest).with_suffix("").as_posix()
    return Video(
        video_id=video_id("dfdcp", top if fake else None, None, stem),
        root="dfdcp",
        path=found,
        label=int(fake),
        kind="swap" if fake else None,
        method=top if fake else None,
        split=entry["set"],
        source_id=_person(entry.get("swapped_id")) if fake else target,
        target_id=target,
        group=target or f"dfdcp-{stem}",
    )


def _person(value: object) -> str | None:
    return None if value in (None, "") else f"dfdcp-{value}"


BENCHMARKS.register("dfdcp")(_Dfdcp())
