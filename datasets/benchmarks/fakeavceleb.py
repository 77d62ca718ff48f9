"""FakeAVCeleb: videos whose picture, sound or both were faked."""

import re
from dataclasses import replace
from pathlib import Path, PurePosixPath

from ..manifests import Video, video_id
from .base import (
    BENCHMARKS,
    BadBenchmark,
    Card,
    Expected,
    Problem,
    Reading,
    Trees,
    require_layout,
)
from .csv_lists import read_csv
from .file_trees import is_usable, walk

CARD = Card(
    name="fakeavceleb",
    title="FakeAVCeleb v1.2",
    paper="Khalid, Tariq, Kim, Woo: FakeAVCeleb: A Novel Audio-Video Multimodal Deepfake Dataset, "
    "NeurIPS 2021 Datasets and Benchmarks",
    bibtex="""@inproceedings{khalid2021fakeavceleb,
  title     = {{FakeAVCeleb}: A Novel Audio-Video Multimodal Deepfake Dataset},
  author    = {Khalid, Hasam and Tariq, Shahroz and Kim, Minha and Woo, Simon S.},
  booktitle = {Proceedings of the Neural Information Processing Systems Track on Datasets and
               Benchmarks},
  year      = {2021}
}""",
    url="https://github.com/DASH-Lab/FakeAVCeleb",
    licence="by the request form: research only, no passing on",
    access="ask by the form at https://github.com/DASH-Lab/FakeAVCeleb; a download script comes",
    trees={"favc": "the folder that holds meta_data.csv (FakeAVCeleb_v1.2)"},
    layout="""meta_data.csv
RealVideo-RealAudio/<race>/<gender>/<person>/*.mp4
RealVideo-FakeAudio/<race>/<gender>/<person>/*.mp4
FakeVideo-RealAudio/<race>/<gender>/<person>/*.mp4
FakeVideo-FakeAudio/<race>/<gender>/<person>/*.mp4
(also with a folder FakeAVCeleb/ above these four)""",
    expected=(Expected(None, 1_000),),
    split="none: all is for testing",
    notes=(
        "RealVideo-FakeAudio is real here: its pictures are untouched, only the voice is cloned",
        "real are 500 videos with their own and 500 with a cloned voice: the same pictures twice",
        "kinds: wav2lip is lip_sync; faceswap, fsgan and both followed by wav2lip are swaps",
        "in meta_data.csv `source` is the person whose video it was (here target_id), `target1` "
        "the one whose face or voice was put in (here source_id)",
        "in meta_data.csv the column `path` holds the file's name, and the last column, without a "
        "name, its folder; copies with a column `filename` are read too",
        "a fake's original is the real video of the same person whose name begins the fake's; "
        "where that is not there `original` is empty",
        "every person stands in real and fake videos, and each has another as source: a split by "
        "folder leaks people",
    ),
)
_TYPES = {
    "RealVideo-RealAudio": 0,
    "RealVideo-FakeAudio": 0,
    "FakeVideo-RealAudio": 1,
    "FakeVideo-FakeAudio": 1,
}
_KINDS = {
    "faceswap": "swap",
    "fsgan": "swap",
    "wav2lip": "lip_sync",
    "faceswap-wav2lip": "swap",
    "fsgan-wav2lip": "swap",
}
_PERSON = re.compile(r"id\d+")


class _FakeAVCeleb:
    card = CARD

    def read(self, trees: Trees, *, compression: str | None = None) -> Reading:
        """See `Benchmark.read`."""
        root = trees.folder("favc")
        require_layout(root, ("meta_data.csv", "FakeAVCeleb", *_TYPES), CARD)
        path = root / "meta_data.csv"
        rows = read_csv(
            path, "list of videos", ("source", "method", "type", "path"), "it comes in the archive"
        )
        reading = Reading([])
        videos: dict[str, Video] = {}
        named: set[str] = set()
        for number, row in rows:
            if row["type"] not in _TYPES:
                raise BadBenchmark(
                    f"{path}: line {number}: expected the type {', '.join(_TYPES)}, "
                    f"got {row['type']!r}"
                )
            name = _name(row)
            where = next((p for p in (name, f"FakeAVCeleb/{name}") if _is_there(root / p)), None)
            named.add(where or name)
            problem = _wrong(name, where, row, number, name in videos)
            if problem is not None:
                reading.problems.append(problem)
            elif where is not None:
                videos[name] = _video(name, where, row)
        reading.videos.extend(_with_original(name, v, videos) for name, v in videos.items())
        for top in (*_TYPES, *(f"FakeAVCeleb/{kind}" for kind in _TYPES)):
            for folder, _, files in walk(root / top):
                for file in (f for f in files if f.lower().endswith(".mp4")):
                    there = (folder / file).relative_to(root).as_posix()
                    if there not in named:
                        text = "meta_data.csv does not name it"
                        reading.problems.append(Problem("split", there, text))
        return reading


def _is_there(path: Path) -> bool:
    return ".." not in path.parts and (path.is_file() or path.is_symlink())


def _name(row: dict[str, str]) -> str:
    """Where a file lies below the four folders' parent."""
    if row.get("filename"):
        folder, file = row["path"], row["filename"]
    else:
        folder, file = row.get("", ""), row["path"]
    place = PurePosixPath(f"{folder}/{file}".replace("\\", "/").lstrip("/"))
    if place.parts[-2:-1] == (file,):  # a folder that repeats the file's name
        place = place.parent
    return str(place).removeprefix("FakeAVCeleb/")


def _wrong(
    name: str, where: str | None, row: dict[str, str], number: int, again: bool
) -> Problem | None:
    line = f"line {number} of meta_data.csv"
    top = name.partition("/")[0]
    if not is_usable(name) or top not in _TYPES or not _PERSON.fullmatch(row["source"]):
        return Problem("name", name, f"{line} names it, of {row['source']!r}: not as the layout is")
    if _TYPES[top] != _TYPES[row["type"]]:
        return Problem("polarity", name, f"{line} says {row['type']}, the folder {top}")
    if again:
        return Problem("name", name, f"{line} names it a second time")
    if _TYPES[row["type"]] and row["method"] not in _KINDS:
        known = ", ".join(_KINDS)
        return Problem("name", name, f"{line}: unknown method {row['method']!r}; known: {known}")
    if where is None:
        return Problem("missing", name, f"{line} names it, and it is not there")
    return None


def _video(name: str, where: str, row: dict[str, str]) -> Video:
    fake = bool(_TYPES[row["type"]])
    method = row["method"] if fake else None
    target = f"favc-{row['source']}"
    giver = row.get("target1", "")
    source = f"favc-{giver}" if _PERSON.fullmatch(giver) else None
    return Video(
        video_id=_id(method, name),
        root="favc",
        path=where,
        label=int(fake),
        kind=_KINDS[method] if method else None,
        method=method,
        split="test",
        source_id=source if fake else target,
        target_id=target,
        group=target,
    )


def _id(method: str | None, name: str) -> str:
    return video_id("fakeavceleb", method, None, PurePosixPath(name).with_suffix("").as_posix())


def _with_original(name: str, video: Video, videos: dict[str, Video]) -> Video:
    path = PurePosixPath(name)
    number = path.stem.partition("_")[0]
    original = PurePosixPath("RealVideo-RealAudio", *path.parts[1:-1], f"{number}.mp4").as_posix()
    if not video.label or original not in videos or videos[original].label:
        return video
    return replace(video, original=videos[original].video_id)


BENCHMARKS.register("fakeavceleb")(_FakeAVCeleb())
