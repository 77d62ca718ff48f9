"""WildDeepfake: face sequences from deepfakes found on the internet."""

from pathlib import Path, PurePosixPath

from ..image_sources import archive_folders, natural_key
from ..manifests import ARCHIVE_MARK, Video, video_id
from .base import BENCHMARKS, Card, Expected, Problem, Reading, Trees, require_layout
from .file_trees import image_folders, is_usable

_SIDES = tuple(f"{side}_{split}" for side in ("real", "fake") for split in ("train", "test"))

CARD = Card(
    name="wilddeepfake",
    title="WildDeepfake",
    paper="Zi, Chang, Chen, Ma, Jiang: WildDeepfake: A Challenging Real-World Dataset for Deepfake "
    "Detection, ACM Multimedia 2020",
    bibtex="""@inproceedings{zi2020wilddeepfake,
  title     = {{WildDeepfake}: A Challenging Real-World Dataset for Deepfake Detection},
  author    = {Zi, Bojia and Chang, Minghao and Chen, Jingjing and Ma, Xingjun
               and Jiang, Yu-Gang},
  booktitle = {Proceedings of the 28th ACM International Conference on Multimedia},
  pages     = {2382--2390},
  year      = {2020}
}""",
    url="https://github.com/OpenTAI/wild-deepfake",
    licence="research only; the videos are their uploaders'",
    access="ask by the form at https://github.com/OpenTAI/wild-deepfake; archives on Hugging Face "
    "(xingjunm/WildDeepfake)",
    trees={"wdf": "the folder that holds the four folders (deepfake_in_the_wild)"},
    layout="""{real,fake}_{train,test}/N.tar.gz (or .tar), in each: N/{real,fake}/M/*.png
(also unpacked: {real,fake}_{train,test}/N/{real,fake}/M/*.png; where both are there, the folder is
read)""",
    expected=(Expected(None, 3_805), Expected("wilddeepfake", 3_509)),
    split="by folder: train and test; no validation set",
    notes=(
        "there are no videos: one row is one sequence of face crops (224 px), at unknown times",
        "how the fakes were made is unknown: all have the method 'wilddeepfake' and the kind "
        "'swap'; the people are unknown too",
        "sequences of one archive come from one video: they form a group",
        "every sequence was cropped by the authors, so other crop margins can't be had",
        "to list an archive it has to be unpacked once, and reading a sequence from a .tar.gz "
        "unpacks it again: unpack them to disk before training",
    ),
)


class _WildDeepfake:
    card = CARD

    def read(self, trees: Trees, *, compression: str | None = None) -> Reading:
        """See `Benchmark.read`."""
        root = trees.folder("wdf")
        base = root / "deepfake_in_the_wild"
        base = base if base.is_dir() else root
        require_layout(base, _SIDES, CARD)
        reading = Reading([])
        seen: set[str] = set()
        for side in _SIDES:
            if (base / side).is_dir():
                _read_side(reading, root, base / side, seen)
        return reading


def _read_side(reading: Reading, root: Path, folder: Path, seen: set[str]) -> None:
    unpacked = {p.name for p in folder.iterdir() if p.is_dir()}
    for path in sorted(folder.iterdir(), key=lambda p: natural_key(p.name)):
        place = path.relative_to(root).as_posix()
        stem = path.name.removesuffix(".gz").removesuffix(".tar")
        if path.name.startswith("."):
            continue
        if path.is_dir():
            found = image_folders(path)
            sequences = {
                f.relative_to(folder).as_posix(): f"{place}/{_below(f, path)}" for f in found
            }
        elif stem == path.name or not path.name.endswith((".tar", ".tar.gz")):
            reading.problems.append(Problem("name", place, "it is no .tar or .tar.gz archive"))
            continue
        elif stem in unpacked:
            continue
        else:
            try:
                inside = archive_folders(path)
            except OSError as error:
                text = f"the archive can't be read: {error}; get it again"
                reading.problems.append(Problem("missing", place, text))
                continue
            sequences = {name: f"{place}{ARCHIVE_MARK}{name}" for name in inside}
        if not sequences:
            reading.problems.append(Problem("missing", place, "no pictures lie in it"))
        for name, where in sequences.items():
            _add(reading, folder.name, stem, name, where, seen)


def _below(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _add(reading: Reading, side: str, archive: str, name: str, path: str, seen: set[str]) -> None:
    """One sequence: `name` is its folder, N/{real,fake}/M."""
    fake, split = side.startswith("fake"), side.partition("_")[2]
    parts = PurePosixPath(name).parts
    if len(parts) < 2 or parts[-2] not in ("real", "fake") or not is_usable(path):
        text = "expected sequences as N/real/M or N/fake/M"
        reading.problems.append(Problem("name", path, text))
        return
    if (parts[-2] == "fake") != fake:
        text = f"a sequence called {parts[-2]} lies in {side}"
        reading.problems.append(Problem("polarity", path, text))
        return
    inner = name if parts[0] == archive else f"{archive}/{name}"
    identity = video_id("wilddeepfake", "wilddeepfake" if fake else None, None, f"{side}/{inner}")
    if identity in seen:
        text = f"another archive of {side} has a sequence {inner} too"
        reading.problems.append(Problem("name", path, text))
        return
    seen.add(identity)
    reading.videos.append(
        Video(
            video_id=identity,
            root="wdf",
            path=path,
            label=int(fake),
            kind="swap" if fake else None,
            method="wilddeepfake" if fake else None,
            split=split,
            group=f"wdf-{side}-{archive}",
        )
    )


BENCHMARKS.register("wilddeepfake")(_WildDeepfake())
