"""Faults that are planted in a small benchmark are found, and a clean one has none."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from audit_trees import PEOPLE, Toy, card, changed, videos, write_table, write_tree
from clips import numbered_frames, write_video
from PIL import Image

from unswap.datasets import benchmarks
from unswap.datasets.benchmarks import Expected, Problem
from unswap.datasets.benchmarks.base import BENCHMARKS
from unswap.datasets.manifests import Manifest, Video
from unswap.experiments.audits import files
from unswap.experiments.audits.check import CheckResult, check
from unswap.experiments.audits.files import look_at, probe_all
from unswap.experiments.audits.findings import Finding, finding
from unswap.experiments.audits.polarity import said_by_folders
from unswap.experiments.audits.report import render_check_report, write_check_report


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tree(tmp_path_factory.mktemp("clean"), lambda label: 23)


@pytest.fixture
def audit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Checks a list of videos by their table alone, or a folder with its files."""

    def run(rows: list[Video] | None = None, root: Path = tmp_path, toy: Toy | None = None, **more):
        monkeypatch.setitem(BENCHMARKS._entries, "toy", toy or Toy())
        if rows is not None:
            write_table(root, rows)
        return check("toy", root, **{"probe": False, **more})

    return run


def wrong(result: CheckResult) -> dict[str, Finding]:
    return {found.kind: found for found in result.of("wrong")}


def test_a_clean_copy_has_no_finding(audit, clean: Path) -> None:
    seen = []
    result = audit(root=clean, probe=True, jobs=2, on_progress=lambda *now: seen.append(now))
    assert result.findings == ()
    assert not result.wrong
    assert result.verdict == "nothing wrong found in 40 videos"
    assert seen == [(n, 40) for n in range(1, 41)]
    overall = result.shortcut.overall
    assert (overall.real, overall.fake) == (20, 20)
    assert overall.interval.low < 0.5 < overall.interval.high
    assert [e.what for e in result.shortcut.by_method] == ["Swap"]


def test_files_that_are_broken_or_the_same_are_found(audit, clean: Path, tmp_path: Path) -> None:
    root = tmp_path / "copy"
    shutil.copytree(clean, root)
    (root / "real/03.mp4").write_bytes((clean / "real/03.mp4").read_bytes()[:400])
    (root / "real/04.mp4").write_text("no video")
    shutil.copy(root / "real/05.mp4", root / "fake/06.mp4")  # both in train
    shutil.copy(root / "real/07.mp4", root / "real/19.mp4")  # train and test
    shutil.copy(root / "fake/08.mp4", root / "fake/09.mp4")
    result = audit(root=root, probe=True)
    found = wrong(result)
    assert set(found) == {"unreadable", "duplicate-label", "leak-bytes"}
    assert found["unreadable"].count == 2
    assert set(result.unreadable) == {"toy/real/-/03", "toy/real/-/04"}
    assert all("04.mp4" in result.unreadable[n] for n in ["toy/real/-/04"])
    assert found["duplicate-label"].examples == ("toy/Swap/-/06 = toy/real/-/05",)
    assert found["leak-bytes"].examples == ("train: toy/real/-/07, test: toy/real/-/19",)
    twice = result.of("note")
    assert [f.kind for f in twice] == ["duplicate"]
    assert twice[0].count == 2
    # 38 can be read, and the shortcut audit takes 40: no pass
    assert result.shortcut.left_out == 2
    assert "not examined: shortcut" in result.verdict
    assert any("2 videos" in line for line in result.lines() if "left out" in line)


def test_a_file_without_its_end_is_found(clean: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.mp4"
    write_video(path, numbered_frames(60), container_options={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    fact = look_at("cut", str(path))
    assert fact.info is not None
    assert fact.cut is not None
    [found] = files.file_findings([fact, look_at("whole", str(clean / "real/00.mp4"))])
    assert found.kind == "truncated"
    assert "of 60 frames lie behind the file's end" in found.examples[0]


def test_a_missing_file_and_a_folder_of_pictures(clean: Path, tmp_path: Path) -> None:
    for number in range(3):
        Image.new("RGB", (32, 24), (number, 0, 0)).save(tmp_path / f"{number}.png")
    fact = look_at("pictures", str(tmp_path))
    assert (fact.info.width, fact.info.height, fact.info.num_frames) == (32, 24, 3)
    gone = look_at("gone", str(tmp_path / "gone.mp4"))
    assert gone.info is None
    assert "gone.mp4" in gone.reason
    for one in (fact, gone, look_at("clip", str(clean / "real/00.mp4"))):
        assert files.FileFacts.from_dict(json.loads(json.dumps(one.to_dict()))) == one


DEADLY = """
import json, os, signal, sys
sys.stdin.readline()
print(json.dumps({"answer": "ready"}), flush=True)
from unswap.experiments.audits.files import look_at
for line in sys.stdin:
    job = json.loads(line)
    if "05" in job["path"]:
        os.kill(os.getpid(), signal.SIGSEGV)
    facts = look_at(job["video_id"], job["path"]).to_dict()
    print(json.dumps({"answer": "facts", "facts": facts}), flush=True)
"""


def test_a_process_that_dies_costs_one_file(
    clean: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "deadly_probe.py").write_text(DEADLY)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(files, "_WORKER", "deadly_probe")
    manifest = Manifest.from_videos(videos()[:10])
    facts = probe_all(manifest, {"": clean}, 2)
    assert [fact.video_id for fact in facts] == manifest.column("video_id")
    assert [fact.video_id for fact in facts if fact.info is None] == ["toy/real/-/05"]
    assert "signal 11" in facts[5].reason
    assert "05.mp4" in facts[5].reason
    with pytest.raises(ValueError, match="at least 1 job, got 0"):
        probe_all(manifest, {"": clean}, 0)


def test_without_probing_it_says_what_was_not_examined(audit) -> None:
    result = audit(videos())
    assert not result.wrong
    assert result.verdict == (
        "nothing wrong found in 40 videos; not examined: files, duplicates, shortcut"
    )
    loose = [
        replace(v, split=None if v.label else "test", source_id=None, target_id=None)
        for v in videos()
    ]
    toy = Toy(card(expected=()))
    names = {s.what for s in audit(loose, toy=toy).skipped}
    assert names == {"files", "duplicates", "shortcut", "leaks of people", "counts"}
    unsplit = [replace(v, split=None) for v in loose]
    assert "leaks" in {s.what for s in audit(unsplit, toy=toy).skipped}


def test_a_person_in_two_splits_is_found(audit) -> None:
    # a test person's face on a training video
    found = wrong(audit(changed("toy/Swap/-/00", source_id="p19")))
    assert set(found) == {"leak-person"}
    assert found["leak-person"].count == 1
    [example] = found["leak-person"].examples
    assert "p19" in example
    assert "train: toy/Swap/-/00" in example
    assert "test: toy/Swap/-/19" in example


def test_an_original_in_two_splits_is_found(audit) -> None:
    rows = changed("toy/Swap/-/00", split="test", target_id=None, source_id=None, group=None)
    found = wrong(audit(rows))
    assert set(found) == {"leak-original"}
    assert "toy/real/-/00" in found["leak-original"].examples[0]


def test_a_group_in_two_splits_is_found(audit) -> None:
    rows = changed("toy/real/-/00", group="g19")
    found = wrong(audit(rows))
    assert set(found) == {"leak-group"}
    assert found["leak-group"].examples[0].startswith("g19")


def test_a_youtube_source_in_two_splits_is_found(audit) -> None:
    same = {"p00": "abc", "p19": "abc", "p01": "xyz", "toy/real/-/02": "xyz"}
    found = wrong(audit(videos(), toy=Toy(youtube=same)))
    assert set(found) == {"leak-youtube"}
    assert found["leak-youtube"].count == 1
    assert found["leak-youtube"].examples[0].startswith("abc")


def test_a_leak_beside_the_published_ones_is_wrong(audit) -> None:
    told = card(
        known_leaks={"youtube": "p02 and p18"}, known_leak_people={"youtube": (("p02", "p18"),)}
    )
    links = {"p02": "abc", "p18": "abc", "p03": "new", "p19": "new"}
    result = audit(videos(), toy=Toy(told, youtube=links))
    [known] = result.of("known")
    assert [e.split(" ")[0] for e in known.examples] == ["abc"]
    assert [e.split(" ")[0] for e in wrong(result)["leak-youtube"].examples] == ["new"]
    ffpp = benchmarks.get("faceforensics++").card
    for pair in ffpp.known_leak_people["youtube"]:  # the two statements are of one thing
        first, second = (name.removeprefix("ffpp-") for name in pair)
        assert f"{first} and {second}" in ffpp.known_leaks["youtube"]
    with pytest.raises(ValueError, match=r"not told: \['person'\]"):
        card(known_leak_people={"person": ()})


def test_leaks_that_are_published_are_known_and_not_wrong(audit) -> None:
    told = {"person": "Somebody (2021) counted 1", "youtube": "Somebody else (2022)"}
    toy = Toy(card(known_leaks=told), youtube={"p02": "abc", "p18": "abc"})
    result = audit(changed("toy/Swap/-/00", source_id="p19"), toy=toy)
    assert not result.wrong
    known = {f.kind: f for f in result.of("known")}
    assert set(known) == {"leak-person", "leak-youtube"}
    assert "Somebody (2021) counted 1" in known["leak-person"].what
    # another kind is still wrong
    rows = changed("toy/Swap/-/00", split="test", target_id=None, source_id=None, group=None)
    assert set(wrong(audit(rows, toy=toy))) == {"leak-original"}


def test_an_inverted_label_is_found(audit) -> None:
    rows = changed("toy/real/-/02", label=1)
    found = wrong(audit(rows, toy=Toy(card(expected=()))))
    assert set(found) == {"polarity-folders", "polarity-original"}
    assert "1 of the 40" in found["polarity-folders"].what
    assert found["polarity-folders"].examples == ("real/02.mp4: labelled manipulated",)
    assert found["polarity-original"].examples == ("toy/real/-/02 (of toy/Swap/-/02)",)


def test_inverted_tables_are_told_from_single_slips(audit) -> None:
    rows = [replace(v, label=1 - v.label, method=None, kind=None, original=None) for v in videos()]
    found = wrong(audit(rows, toy=Toy(card(expected=()))))
    assert set(found) == {"polarity-folders"}
    assert "the labels look inverted: 40 of the 40" in found["polarity-folders"].what


def test_a_real_video_with_an_original_and_a_list_that_disagrees(audit) -> None:
    rows = changed("toy/real/-/02", original="toy/real/-/03")
    problem = Problem("polarity", "real/09.mp4", "the list says fake")
    found = wrong(audit(rows, toy=Toy(problems=(problem,))))
    assert set(found) == {"polarity-real-with-original", "polarity-lists"}
    assert found["polarity-lists"].examples == ("real/09.mp4: the list says fake",)


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("original_sequences/youtube/c23/videos/001.mp4", 0),
        ("manipulated_sequences/Deepfakes/c23/videos/001_002.mp4", 1),
        ("Real/a.mp4", 0),
        ("Celeb-synthesis/a.mp4", None),
        ("unreal/a.mp4", None),
        ("real/fake/a.mp4", None),
        ("clips/1.tar!/fake/7", 1),
        ("original.mp4", None),
        ("", None),
    ],
)
def test_what_folders_say(path: str, label: int | None) -> None:
    assert said_by_folders(path) == label


@pytest.mark.parametrize("kind", ["missing", "name", "split", "pair", "mask"])
def test_what_the_adapter_reports_is_wrong(audit, kind) -> None:
    problems = tuple(Problem(kind, f"real/{n}.mp4", "not as it should be") for n in range(8))
    found = wrong(audit(videos(), toy=Toy(problems=problems)))
    assert set(found) == {kind}
    assert found[kind].count == 8
    assert len(found[kind].examples) == 5


def test_too_few_and_too_many_videos_are_wrong_and_absent_ones_are_not(audit) -> None:
    expected = (
        Expected(None, PEOPLE),
        Expected("Swap", PEOPLE + 1),
        Expected("Swap", 5, "val"),
        Expected("Swap", 3, "test"),
        Expected("Lips", 7),
    )
    result = audit(videos(), toy=Toy(card(expected=expected)))
    found = wrong(result)
    assert found["count-short"].examples == ("Swap: 20 of 21 (val 4 of 5)",)
    assert found["count-more"].examples == ("Swap: test 4 of 3",)
    assert [(f.kind, f.examples) for f in result.of("note")] == [("count-absent", ("Lips",))]
    lines = result.lines()
    row = next(line for line in lines if line.startswith("Swap"))
    assert " ".join(row.split()) == "Swap 20 of 21 4 of 5 4 of 3 short and more"
    assert lines[-1] == "not there: Lips"  # one line, and no row of the table
    assert not any(line.startswith("Lips") for line in lines)
    assert [row.status for row in result.counts] == [
        "as stated", "short", "short", "more", "absent",
    ]  # fmt: skip


def test_methods_that_nobody_stated_and_nothing_of_what_was(audit) -> None:
    swaps = [v for v in videos() if v.label]
    rows = [replace(v, original=None) for v in swaps]
    result = audit(rows, toy=Toy(card(expected=(Expected(None, 20), Expected("Lips", 5)))))
    assert wrong(result)["count-absent"].examples == ("real, Lips",)
    assert [f.examples for f in result.of("note")] == [("Swap: 20",)]


def test_each_compression_is_counted(audit) -> None:
    rows = [
        replace(v, video_id=f"{v.video_id}/{c}", original=None, compression=c, path=f"{c}/{v.path}")
        for c in ("c23", "c40")
        for v in videos()
        if c == "c23" or v.video_id != "toy/Swap/-/07"
    ]
    toy = Toy(card(compressions=("c23", "c40")))
    result = audit(rows, toy=toy)
    assert wrong(result)["count-short"].examples == ("Swap, c40: 19 of 20",)
    assert len(result.counts) == 4

    expected = tuple(Expected(method, 20) for method in (None, "Swap", "Lips", "Hair"))
    toy = Toy(card(compressions=("c23", "c40"), expected=expected))
    result = audit([v for v in rows if v.label == 0 or v.compression == "c23"], toy=toy)
    [note] = result.of("note")
    assert note.examples == ("Lips, Hair", "in c40: Swap")
    page = render_check_report(result, version="1", generated_at="now")
    assert "Not there: Lips, Hair." in page
    assert '<th scope="row">Lips</th>' not in page


def test_what_spoils_every_result_is_told_first(audit) -> None:
    toy = Toy(card(expected=(Expected(None, 999),)), (Problem("missing", "x.mp4", "gone"),))
    result = audit(changed("toy/Swap/-/00", source_id="p19"), toy=toy)
    assert [f.kind.split("-")[0] for f in result.of("wrong")] == ["leak", "missing", "count"]


def test_the_screen_tells_all_and_keeps_to_its_width(audit) -> None:
    rows = changed("toy/Swap/-/00", source_id="p19")
    toy = Toy(problems=tuple(Problem("missing", f"{n}", "gone") for n in range(7)))
    result = audit(rows, toy=toy)
    lines = result.lines(70)
    assert max(map(len, lines)) <= 70
    text = "\n".join(lines)
    assert lines[0].startswith("wrong: 2 findings in 40 videos; not examined: files,")
    assert "and 2 more" in text
    assert "p19" in text
    assert "as stated" in text
    told = json.loads(json.dumps(result.to_dict()))
    assert told["wrong"] is True
    assert {f["kind"]: f["count"] for f in told["findings"]} == {"missing": 7, "leak-person": 1}
    assert [s["what"] for s in told["not_examined"]] == ["files", "duplicates", "shortcut"]


def test_the_report_stands_alone_and_shows_what_is_hidden(audit, tmp_path: Path) -> None:
    problem = Problem("missing", "<script>alert(1)</script>\u202egnp.exe", "gone")
    result = audit(videos(), toy=Toy(problems=(problem,)))
    path = write_check_report(result, tmp_path / "out", "1.2.3", "2020-01-02")
    page = path.read_text(encoding="utf-8")
    assert path.name == "check-toy.html"
    assert list(path.parent.iterdir()) == [path]
    assert "<script" not in page
    assert "\u202e" not in page
    assert "\\u202e" in page
    assert "http://" not in page
    assert "https://" not in page
    for words in ("Toy Forensics", "Wrong", "1.2.3", "2020-01-02", "the files were not opened"):
        assert words in page
    assert page == render_check_report(result, version="1.2.3", generated_at="2020-01-02")
    with pytest.raises(ValueError, match="expected a name of letters"):
        write_check_report(replace(result, name="../x"), tmp_path, "1", "2020")


def test_a_finding_checks_itself() -> None:
    assert finding("x", "wrong", "none", []) == []
    with pytest.raises(ValueError, match="expected wrong, known, note, got 'bad'"):
        Finding("x", "bad", "what", (), 1)
    with pytest.raises(ValueError, match="at most 1 examples of 1, got 2"):
        Finding("x", "wrong", "what", ("a", "b"), 1)
    with pytest.raises(ValueError, match="a reason for an unreadable file"):
        files.FileFacts("a", "b", None)
