"""KoDF as AI Hub packs it, both splits, and a copy with adversarial noise."""

from pathlib import Path

from . import Tree, put, tree

REAL_HEADER = "영상ID,UUID,인물성별,촬영장소,촬영시작,스크립트파일,시나리오번호"
FAKE_HEADER = "영상ID,타겟영상,타겟UUID,소스UUID,변조모델,촬영시작,인물성별"


@tree("kodf")
def kodf(root: Path) -> Tree:
    lists = []
    for top, tag, key, people in (
        ("1.Training", "train", "training", ("aaa", "bbb")),
        ("2.Validation", "validate", "validation", ("ccc", "ddd")),
    ):
        source, labels = root / top / "원천데이터", root / top / "라벨링데이터" / f"{tag}_meta_data"
        real, fake = [REAL_HEADER], [FAKE_HEADER]
        for person in people:
            put(source / f"{tag}_원본" / "원본1" / person / f"{person}_001.mp4")
            real.append(f"{person}_001.mp4,{person},여성,실내,2020,,1")
        one, other = people
        for model, folder in (("dfl", "dfl1"), ("fo", "fo2"), ("audio-driven", "audio_driven1")):
            name = f"{one}_{other}_{model}_1.mp4"
            put(source / f"{tag}_변조" / folder / one / name)
            fake.append(f"{name},{one}_001.mp4,{one},{other},{model},2020,여성")
        put(source / f"{tag}_탐지방해" / "원본영상" / "01_x" / f"{one}_001.mp4")
        lists.append(put(labels / f"원본영상_{key}_메타데이터.csv", "\n".join(real)))
        lists.append(put(labels / f"변조영상_{key}_메타데이터.csv", "\n".join(fake)))
    return Tree(
        {"": root},
        num_real=4,
        num_fake=6,
        split_files=tuple(lists),
        examples=(
            {
                "video_id": "kodf/dfl/-/aaa_bbb_dfl_1",
                "path": "1.Training/원천데이터/train_변조/dfl1/aaa/aaa_bbb_dfl_1.mp4",
                "label": 1,
                "kind": "swap",
                "split": "train",
                "source_id": "kodf-bbb",
                "target_id": "kodf-aaa",
                "original": "kodf/real/-/aaa_001",
                "group": "kodf-aaa",
            },
            {"video_id": "kodf/audio-driven/-/ccc_ddd_audio-driven_1", "kind": "lip_sync"},
            {"video_id": "kodf/real/-/ddd_001", "label": 0, "split": "val"},
        ),
    )
