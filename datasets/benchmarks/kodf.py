"""KoDF: the Korean deepfake detection data set."""

import unicodedata
from pathlib import Path, PurePosixPath

from ..manifests import Video, video_id
from .base import BENCHMARKS, BadBenchmark, Card, Problem, Reading, Trees, require_file
from .csv_lists import read_csv
from .file_trees import is_usable, walk

CARD = Card(
    name="kodf",
    title="KoDF",
    paper="Kwon, You, Nam, Park, Chae: KoDF: A Large-Scale Korean DeepFake Detection Dataset, "
    "ICCV 2021",
    bibtex="""@inproceedings{kwon2021kodf,
  title     = {{KoDF}: A Large-Scale Korean {DeepFake} Detection Dataset},
  author    = {Kwon, Patrick and You, Jaeseong and Nam, Gyuhyeon and Park, Sungwoo
               and Chae, Gyeongsu},
  booktitle = {Proceedings of the IEEE/CVF International Conference on Computer Vision},
  pages     = {10744--10753},
  year      = {2021}
}""",
    url="https://deepbrainai-research.github.io/kodf/",
    licence="by the request form (or AI Hub's terms): research only",
    access="by the form at https://deepbrainai-research.github.io/kodf/; in Korea from AI Hub "
    "(aihub.or.kr, data set 55)",
    trees={"kodf": "the folder that holds the lists and the unpacked videos, at any depth"},
    layout="""**/원본영상_{training,validation}_메타데이터.csv (real)
**/변조영상_{training,validation}_메타데이터.csv (fake)
**/<파일>.mp4, found by the file names that the lists give (영상ID), as
  .../train_원본/원본1/<person>/<person>_001.mp4
  .../train_변조/dfl1/<person>/<target>_<source>_<model>_<number>.mp4""",
    expected=(),
    split="by the lists' names: training is train, validation is val. The paper's test videos are "
    "not handed out there",
    notes=(
        "this is the layout of AI Hub, as public code that reads it describes it; that of the "
        "download by the authors' form could not be seen",
        "the paper counts 62,166 real and 175,776 fake videos, with its test set",
        "the lists must be UTF-8",
        "methods: dfl (DeepFaceLab), dffs (FaceSwap) and fsgan are swaps, fo (FOMM) is reenactment, "
        "audio-driven (ATFHP and Wav2Lip, not told apart) is lip_sync",
        "videos with adversarial noise (folders 탐지방해) repeat other videos' names and are left out",
        "real videos last about 90 s, fakes about 20 s, and their codecs differ",
    ),
)
_SPLITS = {"training": "train", "validation": "val"}
_REAL, _FAKE = "원본영상_{}_메타데이터.csv", "변조영상_{}_메타데이터.csv"
_NOISY = "탐지방해"
_KINDS = {
    "dfl": "swap",
    "dffs": "swap",
    "fsgan": "swap",
    "fo": "reenactment",
    "audio-driven": "lip_sync",
}
_ID, _PERSON = "영상ID", "UUID"
_ORIGINAL, _TARGET, _SOURCE, _METHOD = "타겟영상", "타겟UUID", "소스UUID", "변조모델"


class _Kodf:
    card = CARD

    def read(self, trees: Trees, *, compression: str | None = None) -> Reading:
        """See `Benchmark.read`."""
        root = trees.folder("kodf")
        reading = Reading([])
        lists, files = _find(root, reading)
        if not lists:
            names = ", ".join(p.format(s) for s in _SPLITS for p in (_REAL, _FAKE))
            raise BadBenchmark(
                f"{root}: this is not KoDF: none of {names} lies there or below; unpack the "
                "archives of metadata, and give the folder that holds them as --root"
            )
        named: set[str] = set()
        for key, split in _SPLITS.items():
            real, fake = lists.get(_REAL.format(key)), lists.get(_FAKE.format(key))
            if real is None and fake is None:
                continue
            beside = (real or fake or root).parent
            _read_real(real or beside / _REAL.format(key), split, root, files, reading, named)
            _read_fake(fake or beside / _FAKE.format(key), split, root, files, reading, named)
        for name in sorted(set(files) - named):
            place = files[name].relative_to(root).as_posix()
            reading.problems.append(Problem("split", place, "none of the lists names it"))
        return reading


def _find(root: Path, reading: Reading) -> tuple[dict[str, Path], dict[str, Path]]:
    """The lists and the videos below the root, by file name (composed Hangul, as the lists are)."""
    wanted = {pattern.format(key) for key in _SPLITS for pattern in (_REAL, _FAKE)}
    lists: dict[str, Path] = {}
    files: dict[str, Path] = {}
    for folder, _, names in walk(root):
        if any(_NOISY in unicodedata.normalize("NFC", p) for p in folder.relative_to(root).parts):
            continue
        for name in names:
            composed = unicodedata.normalize("NFC", name)
            kept = lists if composed in wanted else files
            if kept is files and not composed.lower().endswith(".mp4"):
                continue
            place = (folder / name).relative_to(root).as_posix()
            if not is_usable(place):
                text = "its path has backslashes or is not UTF-8"
                reading.problems.append(Problem("name", repr(place), text))
            elif kept.setdefault(composed, folder / name) != folder / name:
                other = kept[composed].relative_to(root).as_posix()
                text = f"a file of this name lies at {other} too; that one is taken"
                reading.problems.append(Problem("name", place, text))
    return lists, files


def _read_real(
    path: Path, split: str, root: Path, files: dict[str, Path], reading: Reading, named: set[str]
) -> None:
    for number, row in _rows(path, (_ID, _PERSON)):
        name = _found(row[_ID], path, number, files, reading, named)
        if name is None:
            continue
        person = f"kodf-{row[_PERSON]}" if row[_PERSON] else None
        reading.videos.append(
            Video(
                video_id=_id(None, name),
                root="kodf",
                path=files[name].relative_to(root).as_posix(),
                label=0,
                split=split,
                source_id=person,
                target_id=person,
                group=person or f"kodf-{name}",
            )
        )


def _read_fake(
    path: Path, split: str, root: Path, files: dict[str, Path], reading: Reading, named: set[str]
) -> None:
    real = {v.video_id for v in reading.videos if not v.label}
    for number, row in _rows(path, (_ID, _ORIGINAL, _TARGET, _SOURCE, _METHOD)):
        name = _found(row[_ID], path, number, files, reading, named)
        if name is None:
            continue
        place = files[name].relative_to(root).as_posix()
        method = row[_METHOD].lower().replace("_", "-")
        if method not in _KINDS:
            text = f"{path.name} says the model {row[_METHOD]!r}; known: {', '.join(_KINDS)}"
            reading.problems.append(Problem("name", place, text))
            continue
        original = _id(None, _file(row[_ORIGINAL])) if row[_ORIGINAL] else None
        if original not in real:
            text = f"its original {row[_ORIGINAL] or '(none named)'} is not there"
            reading.problems.append(Problem("pair", place, text))
            original = None
        target = f"kodf-{row[_TARGET]}" if row[_TARGET] else None
        reading.videos.append(
            Video(
                video_id=_id(method, name),
                root="kodf",
                path=place,
                label=1,
                kind=_KINDS[method],
                method=method,
                split=split,
                source_id=f"kodf-{row[_SOURCE]}" if row[_SOURCE] else None,
                target_id=target,
                original=original,
                group=target or f"kodf-{name}",
            )
        )


def _rows(path: Path, columns: tuple[str, ...]) -> list[tuple[int, dict[str, str]]]:
    where = "it comes in the archive of metadata, with the other list of its split"
    require_file(path, "list of videos", where)
    return read_csv(path, "list of videos", columns, where)


def _found(
    name: str, path: Path, number: int, files: dict[str, Path], reading: Reading, named: set[str]
) -> str | None:
    """The file that a list's line means, or None with a Problem."""
    file = _file(name)
    if not name or file in named:
        text = f"line {number} of {path.name} " + ("names it again" if name else "names no file")
        reading.problems.append(Problem("name", file, text))
        return None
    named.add(file)
    if file not in files:
        text = f"line {number} of {path.name} names it, and it is not there"
        reading.problems.append(Problem("missing", file, text))
        return None
    return file


def _file(name: str) -> str:
    """The file's name; some lists leave its ending out."""
    name = unicodedata.normalize("NFC", name)
    return name if name.lower().endswith(".mp4") else f"{name}.mp4"


def _id(method: str | None, name: str) -> str:
    return video_id("kodf", method, None, PurePosixPath(name).stem)


BENCHMARKS.register("kodf")(_Kodf())
