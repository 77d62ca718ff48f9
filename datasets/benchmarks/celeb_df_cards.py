"""What the three versions of Celeb-DF are, and what they hold."""

from .base import Card, Expected

TEST_LIST = "List_of_testing_videos.txt"
FAKE_FOLDER = "Celeb-synthesis"
KIND_OF_SCENARIO = {"FaceSwap": "swap", "FaceReenact": "reenactment", "TalkingFace": "lip_sync"}
METHODS_OF_SCENARIO = {
    "FaceSwap": (
        "Celeb-DF",
        "BlendFace",
        "GHOST",
        "HifiFace",
        "InSwapper",
        "MobileFaceSwap",
        "SimSwap",
        "UniFace",
    ),
    "FaceReenact": ("DaGAN", "FSRT", "HyperReenact", "LIA", "LivePortrait", "MCNET", "TPSMM"),
    "TalkingFace": (
        "AniTalker",
        "EchoMimic",
        "EDTalk",
        "FLOAT",
        "IP_LAP",
        "Real3DPortrait",
        "SadTalker",
    ),
}

_LAYOUT = """Celeb-real/id0_0000.mp4
YouTube-real/00170.mp4
Celeb-synthesis/id0_id1_0000.mp4
List_of_testing_videos.txt
(each folder's videos may also lie in a folder `videos` below it)"""
_LAYOUT_PP = """Celeb-real/id0_0000.mp4
YouTube-real/00170.mp4
Celeb-synthesis/{FaceSwap,FaceReenact,TalkingFace}/METHOD/id0_id1_0000.mp4
List_of_testing_videos.txt
(each folder's videos may also lie in a folder `videos` below it)"""
_BIBTEX = """@inproceedings{li2020celebdf,
  author    = {Yuezun Li and Xin Yang and Pu Sun and Honggang Qi and Siwei Lyu},
  title     = {Celeb-DF: A Large-scale Challenging Dataset for DeepFake Forensics},
  booktitle = {IEEE Conference on Computer Vision and Pattern Recognition (CVPR)},
  year      = {2020}
}"""
_PAPER = (
    "Li, Yang, Sun, Qi, Lyu: Celeb-DF: A Large-scale Challenging Dataset for DeepFake Forensics. "
    "CVPR 2020"
)
_URL = "https://github.com/yuezunli/celeb-deepfakeforensics"
_LICENCE = "Terms to Use Celeb-DF: research only, as it is; the videos are not the authors' own"
_SPLIT = (
    f"official test list only: {TEST_LIST}; every video that it does not name is train, and there "
    "is no val"
)
_NOTES = (
    "in the test list, 1 means real and 0 fake: the reverse of this project's labels; the folder "
    "decides, and a line that disagrees with it is told",
    "a fake id0_id1_0000 is the video id0_0000 with the face of id1",
    "people are swapped among each other and stand in train and test: for results on people "
    "unseen make an identity-disjoint split of your own",
    "each YouTube-real video counts as its own person",
    "v1 was a preview of v2, from the same sources: don't train on one and test on the other",
)
_LEAKS = {
    kind: (
        f"the test list is drawn from videos, not from people: the ids in the names (the authors: "
        f"{_URL}/issues/6) show the same {what} in train and test"
    )
    for kind, what in (("person", "people"), ("original", "originals, under different fakes,"))
}


def _card(
    version: str, number: str, expected: tuple[Expected, ...], notes: tuple[str, ...] = ()
) -> Card:
    return Card(
        name=f"celeb-df-v{version}",
        title=f"Celeb-DF (v{version})",
        paper=_PAPER,
        bibtex=_BIBTEX,
        url=_URL if version == "2" else f"{_URL}/tree/master/Celeb-DF-v1",
        licence=_LICENCE,
        access=f"fill out the form that {_URL} links to",
        trees={f"cdf{version}": f"the Celeb-DF-v{version} folder"},
        layout=_LAYOUT,
        expected=expected,
        split=f"{_SPLIT} ({number})",
        notes=(*_NOTES, *notes),
        known_leaks=_LEAKS,
    )


CARD_V1 = _card(
    "1",
    "how many it names is not stated by the authors",
    (Expected(None, 408), Expected(FAKE_FOLDER, 795)),
    ("the 408 real videos are 158 of 13 celebrities and 250 others",),
)
CARD_V2 = _card(
    "2",
    "518 videos: 178 real, 340 fake",
    (
        Expected(None, 890),
        Expected(None, 712, "train"),
        Expected(None, 178, "test"),
        Expected(FAKE_FOLDER, 5639),
        Expected(FAKE_FOLDER, 5299, "train"),
        Expected(FAKE_FOLDER, 340, "test"),
    ),
    ("the 890 real videos are 590 of 59 celebrities and 300 others",),
)
CARD_PP = Card(
    name="celeb-df++",
    title="Celeb-DF++",
    paper=(
        "Li, Zhu, Cui, Lyu: Celeb-DF++: A Large-scale Challenging Video DeepFake Benchmark for "
        "Generalizable Forensics. arXiv:2507.18015, 2025"
    ),
    bibtex="""@article{li2025celebdfpp,
  author  = {Yuezun Li and Delong Zhu and Xinjie Cui and Siwei Lyu},
  title   = {Celeb-DF++: A Large-scale Challenging Video DeepFake Benchmark for Generalizable
             Forensics},
  journal = {arXiv preprint arXiv:2507.18015},
  year    = {2025}
}""",
    url="https://github.com/OUC-VAS/Celeb-DF-PP",
    licence="Terms to Use Celeb-DF++: research only, as it is; the videos are not the authors' own",
    access="fill out the form that https://github.com/OUC-VAS/Celeb-DF-PP links to",
    trees={"cdfpp": "the Celeb-DF++ folder (Celeb-DF-v3 in some copies)"},
    layout=_LAYOUT_PP,
    expected=(
        Expected(None, 890),
        Expected(None, 712, "train"),
        Expected(None, 178, "test"),
        Expected("Celeb-DF", 5639),
        *(
            Expected(method, 300 if scenario == "TalkingFace" else 200, "test")
            for scenario, methods in METHODS_OF_SCENARIO.items()
            for method in methods
        ),
    ),
    split=(
        f"{_SPLIT} (178 real; 200 fakes for each method of FaceSwap and FaceReenact, 300 for each "
        "of TalkingFace)"
    ),
    notes=(
        *_NOTES,
        "the real videos are those of v2, and so is FaceSwap/Celeb-DF (in some copies "
        "FaceSwap/Celeb-DF-v2): don't train on one and test on the other",
        "the authors' public pages don't say how many fakes a method has in all, nor how they are "
        "named: here FaceReenact is read as FaceSwap (target, source, clip), and TalkingFace as "
        "target and clip (id0_0000_...), driven by a voice whose person is not named",
        "TalkingFace is filed as lip_sync; several of its methods move the whole head",
    ),
    known_leaks=_LEAKS,
)
