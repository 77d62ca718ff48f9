"""The forty methods of DF40, under the names that its folders and lists use (in lower case)."""

_SWAP = "blendface deepfacelab e4s facedancer faceswap fsgan inswap mobileswap simswap uniface"
_REENACTMENT = (
    "danet facevid2vid fomm heygen hyperreenact lia mcnet mraa one_shot_free pirender "
    "sadtalker tpsm"
)
_LIP_SYNC = "wav2lip"
_WHOLE_FACE = (
    "ddim dit midjourney pixart rddm sd2.1 sit stylegan2 stylegan3 styleganxl vqgan whichisreal"
)
_EDITED = "collabdiff e4e stargan starganv2 styleclip"
_OTHER_SPELLINGS = "collaborative_diffusion stargan2"  # of two edited ones

# By name in lower case (copies differ in case): the kind of manipulation.
METHODS: dict[str, str] = {
    name: kind
    for kind, names in (
        ("swap", _SWAP),
        ("reenactment", _REENACTMENT),
        ("lip_sync", _LIP_SYNC),
        ("synthesis", f"{_WHOLE_FACE} {_EDITED} {_OTHER_SPELLINGS}"),
    )
    for name in names.split()
}
