"""DeeperForensics-1.0, with the FaceForensics++ originals in a folder of their own."""

from pathlib import Path

from . import Tree, put, tree
from .faceforensics import originals

LISTS = {
    "train": ("000_M101", "003_W006"),
    "val": ("672_M131",),
    "test": ("953_W101",),
}


@tree("deeperforensics-1.0")
def make(root: Path) -> Tree:
    """Four fakes in two folders; six originals, of which four are targets."""
    dfo, ffpp = root / "dfo", root / "ffpp"
    names = [name for listed in LISTS.values() for name in listed]
    for method in ("end_to_end", "end_to_end_mix_3_distortions"):
        for name in names:
            put(dfo / "manipulated_videos" / method / f"{name}.mp4")
    video = "M101_light_uniform_neutral_camera_front.mp4"
    put(dfo / "source_videos" / "M101" / "light_uniform" / "neutral" / "camera_front" / video)
    splits = tuple(
        put(
            dfo / "lists" / "splits" / f"{split}.txt",
            "".join(f"{name}.mp4\n" for name in listed),
        )
        for split, listed in LISTS.items()
    )
    originals(ffpp, "c23", "c40")
    return Tree(
        {"dfo": dfo, "ffpp": ffpp},
        len(names),
        2 * len(names),
        splits,
        (
            {
                "video_id": "deeperforensics-1.0/real/-/672",
                "root": "ffpp",
                "path": "original_sequences/youtube/c23/videos/672.mp4",
                "label": 0,
                "compression": None,
                "split": "val",
                "source_id": "ffpp-672",
                "target_id": "ffpp-672",
                "group": "ffpp-672",
            },
            {
                "video_id": "deeperforensics-1.0/end_to_end_mix_3_distortions/-/953_W101",
                "root": "dfo",
                "path": "manipulated_videos/end_to_end_mix_3_distortions/953_W101.mp4",
                "label": 1,
                "kind": "swap",
                "method": "end_to_end_mix_3_distortions",
                "split": "test",
                "source_id": "dfo-W101",
                "target_id": "ffpp-953",
                "original": "deeperforensics-1.0/real/-/953",
                "group": "ffpp-953",
            },
        ),
    )
