"""DeepFakeDetection, in a FaceForensics++ folder, two compressions."""

from pathlib import Path

from . import Tree, put, tree

REALS = ("01__exit_phone_room", "02__exit_phone_room", "02__walking_outside_cafe_disgusted")
FAKES = (
    "01_02__exit_phone_room__YVGY8LOK",
    "02_01__exit_phone_room__0XUW13RW",
    "02_06__walking_outside_cafe_disgusted__22UBC0BS",
)


@tree("dfd")
def make(root: Path) -> Tree:
    """Three originals, three fakes with masks; and a FaceForensics++ original, which is not DFD."""
    manipulated = root / "manipulated_sequences" / "DeepFakeDetection"
    for level in ("raw", "c23"):
        for name in REALS:
            put(root / "original_sequences" / "actors" / level / "videos" / f"{name}.mp4")
        for name in FAKES:
            put(manipulated / level / "videos" / f"{name}.mp4")
    for name in FAKES:
        put(manipulated / "masks" / "videos" / f"{name}.mp4")
    put(root / "original_sequences" / "youtube" / "c23" / "videos" / "001.mp4")
    put(manipulated / "c23" / "videos" / "Thumbs.db")
    folder = "manipulated_sequences/DeepFakeDetection"
    return Tree(
        {"ffpp": root},
        2 * len(REALS),
        2 * len(FAKES),
        (),
        (
            {
                "video_id": "dfd/real/raw/02__walking_outside_cafe_disgusted",
                "root": "ffpp",
                "path": (
                    "original_sequences/actors/raw/videos/02__walking_outside_cafe_disgusted.mp4"
                ),
                "label": 0,
                "split": "test",
                "source_id": "dfd-actor-02",
                "target_id": "dfd-actor-02",
                "group": "dfd-actor-02",
            },
            {
                "video_id": f"dfd/DeepFakeDetection/c23/{FAKES[2]}",
                "path": f"{folder}/c23/videos/{FAKES[2]}.mp4",
                "label": 1,
                "kind": "swap",
                "method": "DeepFakeDetection",
                "compression": "c23",
                "split": "test",
                "source_id": "dfd-actor-06",
                "target_id": "dfd-actor-02",
                "original": "dfd/real/c23/02__walking_outside_cafe_disgusted",
                "group": "dfd-actor-02",
                "mask": f"{folder}/masks/videos/{FAKES[2]}.mp4",
            },
        ),
    )
