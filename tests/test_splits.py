"""Splits by people: nobody on two sides, nothing lost but what crosses, the seed decides."""

from collections import Counter, defaultdict
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unswap.datasets.manifests import SPLITS, BadManifest, Manifest, Video
from unswap.datasets.splits import identity_disjoint


def real(person: str, number: int = 0, compression: str = "c23") -> Video:
    name = f"toy/real/{compression}/{person}_{number}"
    return Video(
        name,
        f"{name}.mp4",
        0,
        compression=compression,
        source_id=person,
        target_id=person,
        group=f"g{person}",
    )


def fake(target: str, source: str, number: int = 0, compression: str = "c23") -> Video:
    name = f"toy/Swap/{compression}/{target}_{source}_{number}"
    return Video(
        name,
        f"{name}.mp4",
        1,
        kind="swap",
        method="Swap",
        compression=compression,
        source_id=source,
        target_id=target,
        original=f"toy/real/{compression}/{target}_{number}",
        group=f"g{target}",
    )


def society(people: int, each: int = 2, compressions: tuple[str, ...] = ("c23",)) -> list[Video]:
    """Everybody's real videos, and each face on the next three people's videos."""
    videos = []
    for c in compressions:
        for p in range(people):
            videos += [real(f"{p:03d}", n, c) for n in range(each)]
            videos += [fake(f"{p:03d}", f"{(p + d) % people:03d}", 0, c) for d in (1, 2, 3)]
    return videos


def people_of(manifest: Manifest) -> dict[str, set[str]]:
    found = defaultdict(set)
    for video in manifest.videos():
        found[video.split] |= {video.source_id, video.target_id} - {None}
    return found


def split_of(manifest: Manifest) -> dict[str, str | None]:
    return dict(zip(manifest.column("video_id"), manifest.column("split"), strict=True))


def nobody_twice(manifest: Manifest) -> bool:
    found = people_of(manifest)
    return not any(found[a] & found[b] for a in SPLITS for b in SPLITS if a < b)


def test_people_are_parted_and_only_what_crosses_is_dropped() -> None:
    manifest = Manifest.from_videos(society(100))
    kept, summary = identity_disjoint(manifest, seed=1)
    assert nobody_twice(kept)
    split_of_person = {v.target_id: v.split for v in kept.videos() if v.label == 0}
    crossing = {
        v.video_id
        for v in manifest.videos()
        if v.label and split_of_person[v.source_id] != split_of_person[v.target_id]
    }
    assert set(manifest.column("video_id")) - set(kept.column("video_id")) == crossing
    assert summary.dropped == {"Swap": len(crossing)}
    assert summary.kept == len(kept) == len(manifest) - len(crossing)
    counted = Counter((v.split, v.method or "real") for v in kept.videos())
    assert {(s, m): n for s, c in summary.counts.items() for m, n in c.items()} == counted
    assert summary.units == {"train": 72, "val": 14, "test": 14}
    assert [summary.counts[s]["real"] for s in SPLITS] == [144, 28, 28]


def test_uneven_people_are_balanced_by_their_real_videos() -> None:
    rng = np.random.default_rng(0)
    videos = [real(f"{p}", n) for p in range(60) for n in range(int(rng.integers(1, 12)))]
    _, summary = identity_disjoint(Manifest.from_videos(videos), seed=3, shares=(0.6, 0.2, 0.2))
    found = summary.real_shares()
    assert [found[s] for s in SPLITS] == pytest.approx([0.6, 0.2, 0.2], abs=0.01)


def test_those_with_many_videos_stand_in_every_part() -> None:
    videos = [real(f"{p}", n) for p in range(100) for n in range(10 if p < 50 else 1)]
    kept, _ = identity_disjoint(Manifest.from_videos(videos), seed=0)
    videos_of = Counter((v.split, v.target_id) for v in kept.videos())
    many = Counter(split for (split, _), n in videos_of.items() if n == 10)
    assert many["train"] == pytest.approx(36, abs=2)
    assert many["val"] == pytest.approx(7, abs=2)


def test_three_people_are_enough() -> None:
    kept, summary = identity_disjoint(Manifest.from_videos([real(p) for p in "abc"]), seed=0)
    assert summary.units == {"train": 1, "val": 1, "test": 1}
    assert nobody_twice(kept)


def test_all_compressions_of_a_video_go_together() -> None:
    manifest = Manifest.from_videos(society(30, 1, ("raw", "c23", "c40")))
    found = defaultdict(set)
    kept, _ = identity_disjoint(manifest, seed=0)
    for name, split in split_of(kept).items():
        found[name.rpartition("/")[2]].add(split)
    assert all(len(splits) == 1 for splits in found.values())
    assert (
        Counter(kept.column("compression")).values() == {len(kept) // 3}
        or len(set(Counter(kept.column("compression")).values())) == 1
    )


def test_the_seed_decides_and_the_order_of_rows_does_not() -> None:
    videos = society(40)
    turned = [videos[i] for i in np.random.default_rng(0).permutation(len(videos))]
    first = split_of(identity_disjoint(Manifest.from_videos(videos), seed=5)[0])
    assert first == split_of(identity_disjoint(Manifest.from_videos(turned), seed=5)[0])
    assert first != split_of(identity_disjoint(Manifest.from_videos(videos), seed=6)[0])


def test_ties_keep_people_together() -> None:
    manifest = Manifest.from_videos([real(f"{p:02d}", n) for p in range(30) for n in range(2)])
    tie = {"03", "11", "27", "not there"}
    for seed in range(8):
        kept, summary = identity_disjoint(manifest, seed=seed, ties=[tie, {"27", "29"}])
        parts = {v.split for v in kept.videos() if v.target_id in tie | {"29"}}
        assert len(parts) == 1
        assert sum(summary.units.values()) == 27


def test_without_a_person_the_group_decides_and_then_the_video() -> None:
    loose = [
        Video(f"toy/real/-/{g}_{n}", f"{g}_{n}.mp4", 0, group=f"loose{g}")
        for g in range(20)
        for n in range(2)
    ]
    alone = [Video(f"toy/real/-/alone{n}", f"alone{n}.mp4", 0) for n in range(20)]
    made = [
        Video(f"toy/Swap/-/{v.video_id[-6:]}", v.path, 1, method="Swap", original=v.video_id)
        for v in alone
    ]
    known = [real(f"{p}") for p in range(10)]
    # of an unknown person, in a group with a known one
    with_known = Video("toy/real/-/x", "x.mp4", 0, group="g3")
    kept, summary = identity_disjoint(
        Manifest.from_videos([*loose, *alone, *made, *known, with_known]), seed=2
    )
    found = split_of(kept)
    assert summary.num_dropped == 0
    for g in range(20):
        assert found[f"toy/real/-/{g}_0"] == found[f"toy/real/-/{g}_1"]
    for v in made:
        assert found[v.video_id] == found[v.original]
    assert found["toy/real/-/x"] == found["toy/real/c23/3_0"]
    assert len({found[v.video_id] for v in loose}) == 3


def test_videos_of_an_original_that_is_not_there_go_together() -> None:
    made = [
        Video(f"toy/Swap/-/{i}_{n}", f"{i}_{n}.mp4", 1, method="Swap", original=f"toy/real/-/{i}")
        for i in range(20)
        for n in range(2)
    ]
    kept, _ = identity_disjoint(Manifest.from_videos([*made, *map(real, "123")]), seed=0)
    found = split_of(kept)
    assert all(found[f"toy/Swap/-/{i}_0"] == found[f"toy/Swap/-/{i}_1"] for i in range(20))


def test_a_fake_stays_with_its_original_even_if_the_names_disagree() -> None:
    videos = society(30)
    strange = [
        replace(fake(f"{p:03d}", f"{p:03d}", 1), original=f"toy/real/c23/{(p + 7) % 30:03d}_0")
        for p in range(30)
    ]
    kept, _ = identity_disjoint(Manifest.from_videos([*videos, *strange]), seed=0)
    found = split_of(kept)
    for video in kept.videos():
        if video.original in found:
            assert video.split == found[video.original]


def test_the_table_tells_every_count() -> None:
    kept, summary = identity_disjoint(Manifest.from_videos(society(50)), seed=0)
    lines = summary.lines()
    assert lines[0].split() == ["videos", "train", "val", "test", "dropped"]
    assert lines[1].split() == ["real", "72", "14", "14", "0"]
    per_split = Counter(kept.column("split"))
    assert lines[3].split()[1:4] == [str(per_split[s]) for s in SPLITS]
    assert lines[-2].split()[-3:] == ["72.0%", "14.0%", "14.0%"]
    assert summary.to_dict()["dropped"] == {"Swap": summary.num_dropped}


def test_errors() -> None:
    manifest = Manifest.from_videos(society(20), "toy.csv")
    with pytest.raises(ValueError, match=r"expected 3 shares \(train, val, test\), got 2"):
        identity_disjoint(manifest, seed=0, shares=(0.5, 0.5))
    with pytest.raises(ValueError, match=r"of sum 1, got .* of sum 0.9"):
        identity_disjoint(manifest, seed=0, shares=(0.7, 0.1, 0.1))
    with pytest.raises(ValueError, match="above 0"):
        identity_disjoint(manifest, seed=0, shares=(1.2, -0.1, -0.1))
    with pytest.raises(ValueError, match="above 0"):
        identity_disjoint(manifest, seed=0, shares=(1, 0, 0))
    with pytest.raises(ValueError, match=r"toy.csv: 2 people with real videos .*too few"):
        identity_disjoint(Manifest.from_videos(society(2, 1)[:8:4], "toy.csv"), seed=0)
    with pytest.raises(ValueError, match="1 people"):
        identity_disjoint(manifest, seed=0, ties=[{f"{p:03d}" for p in range(20)}])
    nobody = [Video(f"a{i}", f"{i}.mp4", 0, group=str(i)) for i in range(9)]
    with pytest.raises(ValueError, match="not one of its 9 videos names a person"):
        identity_disjoint(Manifest.from_videos(nobody), seed=0)
    crossing = [replace(fake(p, q), original=None) for p, q in ("ab", "bc", "ca")]
    with pytest.raises(BadManifest, match="all 3 videos have people on two sides"):
        identity_disjoint(Manifest.from_videos(crossing), seed=0, shares=(0.34, 0.33, 0.33))


people = st.sampled_from([None, *"abcdefghijkl"])


@st.composite
def manifests(draw: st.DrawFn) -> list[Video]:
    videos = [real(p) for p in "abcdefgh"]
    for i in range(draw(st.integers(0, 30))):
        label = draw(st.integers(0, 1))
        target = draw(people)
        videos.append(
            Video(
                f"v{i}",
                f"v{i}.mp4",
                label,
                method=draw(st.sampled_from(["A", "B", None])) if label else None,
                source_id=draw(people) if label else target,
                target_id=target,
                group=draw(st.sampled_from([None, "ga", "gb", "gz"])),
                original=draw(st.sampled_from([None, "toy/real/c23/a_0", "v0", "lost"]))
                if label
                else None,
            )
        )
    return videos


@settings(max_examples=150, deadline=None)
@given(manifests(), st.integers(0, 5), st.randoms(use_true_random=False))
def test_the_promises_hold_for_any_manifest(videos, seed, random) -> None:
    manifest = Manifest.from_videos(videos)
    try:
        kept, summary = identity_disjoint(manifest, seed=seed, shares=(0.5, 0.25, 0.25))
    except ValueError:
        # Only for this reason: groups can tie nearly everybody to everybody.
        with pytest.raises(ValueError, match="too few for 3 parts"):
            identity_disjoint(manifest, seed=seed, shares=(0.5, 0.25, 0.25))
        return
    assert nobody_twice(kept)
    lost = set(manifest.column("video_id")) - set(kept.column("video_id"))
    assert all(v.label == 1 for v in videos if v.video_id in lost)
    assert summary.kept + summary.num_dropped == len(videos)
    assert (summary.kept, summary.num_dropped) == (len(kept), len(lost))
    assert None not in kept.column("split")
    found = split_of(kept)
    for video in kept.videos():
        if video.original in found:
            assert video.split == found[video.original]
    order = list(videos)
    random.shuffle(order)
    again, same = identity_disjoint(
        Manifest.from_videos(order), seed=seed, shares=(0.5, 0.25, 0.25)
    )
    assert split_of(again) == found
    assert same == summary
