"""FakeAVCeleb, with its list's last column, which has no name."""

from pathlib import Path

from . import Tree, put, tree

HEADER = "source,target1,target2,method,category,type,race,gender,path,"


def row(source: str, target: str, method: str, kind: str, file: str) -> str:
    """A line of the list, for an African man."""
    category = {"RR": "A", "RF": "B", "FR": "C", "FF": "D"}[kind]
    words = {"R": "Real", "F": "Fake"}
    top = f"{words[kind[0]]}Video-{words[kind[1]]}Audio"
    folder = f"FakeAVCeleb/{top}/African/men/{source}"
    return f"{source},{target},-,{method},{category},{top},African,men,{file},{folder}"


@tree("fakeavceleb")
def fakeavceleb(root: Path) -> Tree:
    rows = [
        row("id00076", "-", "real", "RR", "00109.mp4"),
        row("id00166", "-", "real", "RR", "00010.mp4"),
        row("id00076", "-", "rtvc", "RF", "00109_fake.mp4"),
        row("id00076", "id00166", "faceswap", "FR", "00109_id00166.mp4"),
        row("id00076", "id00166", "wav2lip", "FF", "00109_10_id00166_wavtolip.mp4"),
        row("id00166", "id00076", "fsgan-wav2lip", "FF", "00010_0_id00076_wavtolip.mp4"),
    ]
    for line in rows:
        folder, file = line.split(",")[-1], line.split(",")[-2]
        put(root / folder.removeprefix("FakeAVCeleb/") / file)
    original = "fakeavceleb/real/-/RealVideo-RealAudio/African/men/id00076/00109"
    fake = "FakeVideo-FakeAudio/African/men/id00076/00109_10_id00166_wavtolip"
    cloned = "fakeavceleb/real/-/RealVideo-FakeAudio/African/men/id00076/00109_fake"
    return Tree(
        {"": root},
        num_real=3,
        num_fake=3,
        split_files=(put(root / "meta_data.csv", "\n".join([HEADER, *rows]) + "\n"),),
        examples=(
            {
                "video_id": f"fakeavceleb/wav2lip/-/{fake}",
                "path": f"{fake}.mp4",
                "label": 1,
                "kind": "lip_sync",
                "split": "test",
                "source_id": "favc-id00166",
                "target_id": "favc-id00076",
                "group": "favc-id00076",
                "original": original,
            },
            {"video_id": cloned, "label": 0, "method": None, "original": None},
            {
                "video_id": "fakeavceleb/fsgan-wav2lip/-/FakeVideo-FakeAudio/African/men/id00166/"
                "00010_0_id00076_wavtolip",
                "kind": "swap",
            },
        ),
    )
