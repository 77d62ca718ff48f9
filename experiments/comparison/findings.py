"""The ladder: from "this is the same recording" to "the face is another person's".

Each rung is a proposition with figures and reasons. What follows from them in law is not said.
"""

from __future__ import annotations

from collections.abc import Sequence

from .types import Figures, Finding, HeadMotion, Identity, Region, Stretch, Verdict

AGREES = 0.9  # share outside changed regions that must agree with the reference
HARDLY_AGREES = 0.75  # below this, the alignment itself is in doubt
CONFINED = 0.97  # share of changed cells that must lie in named regions
FACE_SEEN = 0.5  # share of the pairs with the face in which it must be seen to have changed
FACE_COVERED = 0.3  # share of the inner face
IN_FACES = 0.5  # share of the change that must lie in faces, for the change to be one of a face
MOVES = 0.04  # face sizes: a head that moves less has no course to compare
ALIKE = 0.95  # correlation of the courses
NEAR = 0.06  # face sizes, median distance of the courses
UNLIKE = 0.6  # correlation below which they are other courses

TITLES = {
    "a": "The suspect derives from this recording",
    "b": "The changes are confined to named regions",
    "c": "The changed region is a face",
    "d": "The head moves as it does in the reference",
    "e": "The face is another person's",
}


def ladder(
    stretches: Sequence[Stretch],
    figures: Figures,
    regions: Sequence[Region],
    unnamed_share: float | None,
    identity: Sequence[Identity],
    identity_given: bool,
) -> tuple[Finding, ...]:
    """The five findings of a comparison that found shared stretches.

    Args:
        stretches: at least one.
        figures: the four figures.
        regions: what changed.
        unnamed_share: of the changed cells, those outside named regions; None without a change.
        identity: one entry for each person that could be examined.
        identity_given: whether weights were given.
    """
    face = [r for r in regions if r.kind == "face"]
    return (
        _derives(stretches, figures),
        _confined(regions, unnamed_share),
        _is_face(face, regions, figures),
        _head(face, figures.heads),
        _whose(face, identity, identity_given),
    )


def without_match(reason: str, verdict: Verdict) -> tuple[Finding, ...]:
    """The ladder where no shared stretch was found: the first rung's verdict, and nothing above."""
    first = Finding("a", TITLES["a"], verdict, (reason,))
    rest = "there is no shared stretch to examine"
    return (
        first,
        *(Finding(k, TITLES[k], Verdict.NOT_EXAMINED, (rest,)) for k in "bcde"),
    )


def same_file() -> tuple[Finding, ...]:
    """The ladder of two equal files."""
    first = Finding(
        "a", TITLES["a"], Verdict.SUPPORTED, ("the two files are equal, byte for byte",)
    )
    rest = "nothing differs between the two files"
    return (
        first,
        *(Finding(k, TITLES[k], Verdict.NOT_SUPPORTED, (rest,)) for k in "bc"),
        *(Finding(k, TITLES[k], Verdict.NOT_EXAMINED, (rest,)) for k in "de"),
    )


def _derives(stretches: Sequence[Stretch], figures: Figures) -> Finding:
    seconds = sum(s.suspect_seconds[1] - s.suspect_seconds[0] for s in stretches)
    best = max(stretches, key=lambda s: s.suspect_last - s.suspect_first)
    share = figures.agree_outside
    numbers: dict[str, float | int | str | None] = {
        "aligned_seconds": round(seconds, 3),
        "agreement": round(best.agreement, 3),
        "rival": round(best.rival, 3),
        "agree_outside": share,
    }
    reasons = [
        f"{len(stretches)} shared stretch{'es' if len(stretches) > 1 else ''}, {seconds:.2f} s in all; "
        f"what moves agrees to {best.agreement:.2f}, at the best other place to {best.rival:.2f}"
    ]
    if share is None:
        return _finding(
            "a", Verdict.INCONCLUSIVE, [*reasons, "nothing outside could be judged"], numbers
        )
    reasons.append(f"{share:.1%} of what lies outside changed regions agrees within the null model")
    if share >= AGREES:
        return _finding("a", Verdict.SUPPORTED, reasons, numbers)
    if share >= HARDLY_AGREES:
        return _finding(
            "a", Verdict.INCONCLUSIVE, [*reasons, f"less than the {AGREES:.0%} asked for"], numbers
        )
    reasons.append("the pictures differ in too many places to be one recording re-encoded")
    return _finding("a", Verdict.INCONCLUSIVE, reasons, numbers)


def _confined(regions: Sequence[Region], unnamed_share: float | None) -> Finding:
    named = [r for r in regions if r.kind != "other"]
    if not regions or unnamed_share is None:
        reason = "no change was found beyond what encoding does: there is no region to name"
        return _finding("b", Verdict.NOT_SUPPORTED, [reason], {"regions": len(regions)})
    figures: dict[str, float | int | str | None] = {
        "regions": len(regions), "named": len(named), "changed_in_named": 1 - unnamed_share,
    }  # fmt: skip
    reasons = [f"{1 - unnamed_share:.1%} of the change lies in {len(named)} named region(s)"]
    verdict = Verdict.SUPPORTED if 1 - unnamed_share >= CONFINED else Verdict.NOT_SUPPORTED
    return _finding("b", verdict, reasons, figures)


def _is_face(face: Sequence[Region], regions: Sequence[Region], figures: Figures) -> Finding:
    if not regions:
        reason = "no change was found beyond what encoding does"
        return _finding("c", Verdict.NOT_SUPPORTED, [reason], {})
    numbers: dict[str, float | int | str | None] = {
        "face_changed": figures.face_changed,
        "change_in_face": figures.change_in_face,
        "pairs_with_face": figures.num_pairs_with_face,
    }
    if not figures.num_pairs_with_face:
        return _finding(
            "c", Verdict.INCONCLUSIVE, ["no face was found in the aligned frames"], numbers
        )
    if not face:
        return _finding("c", Verdict.NOT_SUPPORTED, ["no changed region lies on a face"], numbers)
    reasons = [
        f"{r.name}: seen in {r.persistence:.0%} of the frames, covers {r.inner_face_share or 0:.0%} of "
        "the inner face"
        for r in face
    ]
    seen = figures.num_pairs_with_face / max(1, figures.num_pairs)
    strong = any(
        r.persistence >= FACE_SEEN * seen and (r.inner_face_share or 0) >= FACE_COVERED
        for r in face
    )
    if not strong:
        return _finding("c", Verdict.INCONCLUSIVE, [*reasons, "too little or too seldom"], numbers)
    if figures.change_in_face is not None and figures.change_in_face < IN_FACES:
        reasons.append(
            f"{figures.change_in_face:.0%} of all change lies in faces: more lies elsewhere"
        )
    return _finding("c", Verdict.SUPPORTED, reasons, numbers)


def _head(face: Sequence[Region], heads: Sequence[HeadMotion]) -> Finding:
    if not face:
        return _finding("d", Verdict.NOT_EXAMINED, ["no changed face"], {})
    changed = {r.person for r in face}
    chosen = [h for h in heads if h.person in changed]
    if not chosen:
        reason = "the face was not found in both videos in enough frames"
        return _finding("d", Verdict.INCONCLUSIVE, [reason], {})
    verdicts, reasons = [], []
    numbers: dict[str, float | int | str | None] = {}
    for head in chosen:
        size = head.distance_px / max(head.distance_faces, 1e-9)
        numbers |= {
            f"person_{head.person}_distance_px": round(head.distance_px, 2),
            f"person_{head.person}_correlation": round(head.correlation, 3),
            f"person_{head.person}_lag_frames": head.lag_frames,
        }
        text = (
            f"person {head.person}: over {head.num_frames} frames the heads' courses differ by "
            f"{head.distance_px:.1f} px ({head.distance_faces:.1%} of the face), correlation "
            f"{head.correlation:.2f}, lag {head.lag_frames} frames"
        )
        if head.moved_px < MOVES * size:
            verdicts.append(Verdict.INCONCLUSIVE)
            text += f"; the head hardly moves ({head.moved_px:.1f} px)"
        elif (
            head.correlation >= ALIKE and head.distance_faces <= NEAR and abs(head.lag_frames) <= 1
        ):
            verdicts.append(Verdict.SUPPORTED)
        elif head.correlation < UNLIKE:
            verdicts.append(Verdict.NOT_SUPPORTED)
        else:
            verdicts.append(Verdict.INCONCLUSIVE)
        reasons.append(text)
    if all(v is Verdict.SUPPORTED for v in verdicts):
        return _finding("d", Verdict.SUPPORTED, reasons, numbers)
    verdict = Verdict.INCONCLUSIVE
    if any(v is Verdict.NOT_SUPPORTED for v in verdicts):
        verdict = Verdict.NOT_SUPPORTED
    return _finding("d", verdict, reasons, numbers)


def _whose(face: Sequence[Region], identity: Sequence[Identity], given: bool) -> Finding:
    if not given:
        reason = "no face-embedding weights were given (--identity-weights): it was not examined"
        return _finding("e", Verdict.NOT_EXAMINED, [reason], {})
    if not face:
        return _finding("e", Verdict.NOT_EXAMINED, ["no changed face"], {})
    changed = {r.person for r in face}
    chosen = [i for i in identity if i.person in changed]
    if not chosen:
        reason = "the changed face was not found in both videos"
        return _finding("e", Verdict.INCONCLUSIVE, [reason], {})
    verdicts = [_judged(i) for i in chosen]
    reasons = [
        f"person {i.person}: similarity {i.similarity:.2f} (5th to 95th percentile {i.interval[0]:.2f} to "
        f"{i.interval[1]:.2f}) over {i.num_frames} frames; one person: {_range(i.same_range)}; two: "
        f"{_range(i.different_range)}"
        for i in chosen
    ]
    numbers: dict[str, float | int | str | None] = {
        f"person_{i.person}_similarity": round(i.similarity, 3) for i in chosen
    }
    for verdict in (Verdict.SUPPORTED, Verdict.INCONCLUSIVE):
        if verdict in verdicts:
            return _finding("e", verdict, reasons, numbers)
    return _finding("e", Verdict.NOT_SUPPORTED, reasons, numbers)


def _judged(identity: Identity) -> Verdict:
    """Only where both ranges are known, and the similarity lies in one and not in the other."""
    same, different = identity.same_range, identity.different_range
    if same is None or different is None:
        return Verdict.INCONCLUSIVE
    as_same = identity.similarity >= same[0]
    as_different = identity.similarity <= different[1]
    if as_different and not as_same:
        return Verdict.SUPPORTED
    if as_same and not as_different:
        return Verdict.NOT_SUPPORTED
    return Verdict.INCONCLUSIVE


def _range(values: tuple[float, float] | None) -> str:
    return f"{values[0]:.2f} to {values[1]:.2f}" if values else "not known for this model"


def _finding(
    key: str,
    verdict: Verdict,
    reasons: Sequence[str],
    figures: dict[str, float | int | str | None],
) -> Finding:
    return Finding(key, TITLES[key], verdict, tuple(reasons), figures)
