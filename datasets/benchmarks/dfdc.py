"""The DeepFake Detection Challenge data set (DFDC)."""

import re
from dataclasses import dataclass
from pathlib import Path

from ..image_sources import natural_key
from ..manifests import Video, video_id
from .base import (
    BENCHMARKS,
    BadBenchmark,
    Card,
    Expected,
    Problem,
    ProblemKind,
    Reading,
    Trees,
    files_in,
    read_json,
    require_file,
    require_layout,
)
from .csv_lists import read_csv

CARD = Card(
    name="dfdc",
    title="DeepFake Detection Challenge (DFDC)",
    paper="Dolhansky, Bitton, Pflaum, Lu, Howes, Wang, Canton Ferrer: The DeepFake Detection "
    "Challenge (DFDC) Dataset, arXiv:2006.07397, 2020",
    bibtex="""@article{dolhansky2020dfdc,
  title   = {The {DeepFake} Detection Challenge ({DFDC}) Dataset},
  author  = {Dolhansky, Brian and Bitton, Joanna and Pflaum, Ben and Lu, Jikuo and Howes, Russ
             and Wang, Menglin and Canton Ferrer, Cristian},
  journal = {arXiv preprint arXiv:2006.07397},
  year    = {2020}
}""",
    url="https://ai.meta.com/datasets/dfdc/",
    licence="the DFDC data set licence, accepted when it is requested; research only",
    access="accept the terms at https://ai.meta.com/datasets/dfdc/, or the rules of "
    "https://www.kaggle.com/c/deepfake-detection-challenge; 50 training parts and the test set",
    trees={"dfdc": "the folder that holds the parts and the test set"},
    layout="""dfdc_train_part_{0..49}/metadata.json
dfdc_train_part_{0..49}/*.mp4
test/labels.csv
test/*.mp4
(also with train/ above the parts, and with videos/ above the files; labels.csv and videos/ may lie
at the root)""",
    expected=(
        Expected(None, 19_154, "train"),
        Expected("dfdc", 100_000, "train"),
        Expected(None, 2_500, "test"),
        Expected("dfdc", 2_500, "test"),
    ),
    split="the 50 parts are for training, labels.csv lists the test set; no validation set",
    notes=(
        "it does not say which of its eight methods made a video: all fakes have the method "
        "'dfdc' and the kind 'swap', though some were made by reenactment, and some only have "
        "another voice",
        "the people are not named: an original and all fakes made from it form a group, but one "
        "person may stand in many originals, so an identity-disjoint split can't be made",
        "some videos show two people of whom one was swapped: choose the face by its track",
        "real and fake videos differ in bitrate and resolution: report a baseline on these alone",
        "many test videos are degraded or carry overlays; the training videos are not",
        "labels.csv of the test set does not say the originals",
    ),
)
_PART = re.compile(r"dfdc_train_part_(\d+)")


@dataclass(frozen=True)
class _Listed:
    """One entry of a list: a file's name, what it is said to be, and the name of its original."""

    name: str
    fake: bool
    original: str | None


class _Dfdc:
    card = CARD

    def read(self, trees: Trees, *, compression: str | None = None) -> Reading:
        """See `Benchmark.read`."""
        root = trees.folder("dfdc")
        reading = Reading([])
        parts, test = _parts(root), _test_folder(root)
        if not parts and test is None:
            require_layout(root, ("dfdc_train_part_0", "train", "test", "labels.csv"), CARD)
        for number, folder in sorted(parts.items()):
            listed = _read_metadata(folder / "metadata.json", reading)
            _add(reading, root, folder, f"dfdc_train_part_{number}", listed, "train")
        if test is not None:
            _add(reading, root, test, "test", _read_labels(test / "labels.csv"), "test")
        return reading


def _parts(root: Path) -> dict[int, Path]:
    parts: dict[int, Path] = {}
    for base in (root, root / "train"):
        for path in sorted(base.iterdir()) if base.is_dir() else []:
            # The archives are called _00 and unpack to _0: some copies have one in the other.
            inner = sorted(path.glob("dfdc_train_part_*/")) if _PART.fullmatch(path.name) else []
            for folder in inner or [path]:
                match = _PART.fullmatch(folder.name)
                if match is None or not folder.is_dir():
                    continue
                other = parts.setdefault(int(match[1]), folder)
                if other != folder:
                    raise BadBenchmark(
                        f"{folder}: the part {match[1]} lies in {other} too; remove one of them"
                    )
    return parts


def _test_folder(root: Path) -> Path | None:
    if (root / "test").is_dir():
        return root / "test"
    return root if (root / "labels.csv").is_file() else None


def _read_metadata(path: Path, reading: Reading) -> list[_Listed]:
    data = read_json(
        require_file(path, "metadata of a part", "it comes in the part's own archive"), "metadata"
    )
    if not isinstance(data, dict) or not data:
        raise BadBenchmark(f"{path}: expected an object of videos, got {str(data)[:40]!r}")
    listed: list[_Listed] = []
    for name, entry in sorted(data.items(), key=lambda item: natural_key(item[0])):
        entry = entry if isinstance(entry, dict) else {"label": entry}
        label = entry.get("label")
        if label not in ("REAL", "FAKE"):
            raise BadBenchmark(f"{path}: {name}: expected the label REAL or FAKE, got {label!r}")
        if entry.get("split", "train") != "train":
            text = f"{path.name} says the split {entry['split']!r}; expected 'train' in a part"
            reading.problems.append(Problem("split", f"{path.parent.name}/{name}", text))
            continue
        listed.append(_Listed(name, label == "FAKE", entry.get("original") or None))
    return listed


def _read_labels(path: Path) -> list[_Listed]:
    listed: list[_Listed] = []
    where = "it comes with the test set"
    for number, row in read_csv(path, "list of the test set", ("filename", "label"), where):
        if row["label"] not in ("0", "1"):
            raise BadBenchmark(
                f"{path}: line {number}: expected the label 0 or 1, got {row['label']!r}"
            )
        listed.append(_Listed(row["filename"], row["label"] == "1", row.get("original") or None))
    return listed


def _add(
    reading: Reading, root: Path, folder: Path, name: str, listed: list[_Listed], split: str
) -> None:
    """Adds one part's (or the test set's) videos and what is wrong with them."""
    place = folder / "videos" if (folder / "videos").is_dir() else folder
    base = place.relative_to(root).as_posix()
    here = {p.name: p for p in files_in(place)}
    fakes = {entry.name: entry.fake for entry in listed}

    def problem(kind: ProblemKind, file: str, text: str) -> None:
        reading.problems.append(Problem(kind, f"{base}/{file}", text))

    for entry in listed:
        original = entry.original
        if entry.name not in here:
            problem("missing", entry.name, f"the list of {name} names it, and it is not there")
            continue
        if original is not None and not entry.fake:
            problem("polarity", entry.name, f"it is listed as real, with the original {original}")
            continue
        if original is not None and fakes.get(original, False):
            problem("polarity", entry.name, f"its original {original} is listed as fake")
            continue
        if original is None and entry.fake and split == "train":
            problem("pair", entry.name, "it is listed as fake, without an original")
        elif original is not None and not (original in fakes and original in here):
            problem("pair", entry.name, f"its original {original} is not there")
        person = f"dfdc-{Path(original or entry.name).stem}"
        known = original is not None and original in fakes and original in here
        reading.videos.append(
            Video(
                video_id=_id(entry.fake, name, entry.name),
                root="dfdc",
                path=f"{base}/{entry.name}",
                label=int(entry.fake),
                kind="swap" if entry.fake else None,
                method="dfdc" if entry.fake else None,
                split=split,
                source_id=None if entry.fake else person,
                target_id=person if original is not None or not entry.fake else None,
                original=_id(False, name, original) if known and original else None,
                group=person,
            )
        )
    for file in sorted(set(here) - set(fakes) - {Path(p.path).name for p in reading.problems}):
        problem("split", file, f"the list of {name} does not name it")


def _id(fake: bool, part: str, file: str) -> str:
    return video_id("dfdc", "dfdc" if fake else None, None, f"{part}/{Path(file).stem}")


BENCHMARKS.register("dfdc")(_Dfdc())
