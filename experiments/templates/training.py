"""How `constants.py` was made: from the photographs that scikit-image and scikit-learn carry.

    python -m unswap.experiments.templates.training > experiments/templates/constants.py

Another result is another fingerprint: raise `fingerprint.VERSION` with it. Prints the file.
"""

from __future__ import annotations

import base64
import textwrap
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ...datasets.types import Float32, Uint8
from .fingerprint import describe, root_sift, rotation
from .keyframes import small_grey

PICTURES = (
    "astronaut.png", "camera.png", "chelsea.png", "coffee.png", "coins.png", "color.png",
    "grass.png", "gravel.png", "brick.png", "hubble_deep_field.jpg", "motorcycle_left.png",
    "rocket.jpg", "moon.png", "page.png", "flower.jpg", "china.jpg",
)  # fmt: skip
_CUTS = 16  # of each picture, each also mirrored
_CENTROIDS = 128  # of each half of a code


def histograms(seed: int = 0) -> Float32:
    """(n, 128) SIFT histograms of random cuts of the pictures."""
    rng = np.random.default_rng(seed)
    found = []
    for picture in pictures():
        height, width = picture.shape[:2]
        for _ in range(_CUTS):
            share = rng.uniform(0.35, 1)
            cut_height, cut_width = int(height * share), int(width * share)
            y = rng.integers(0, height - cut_height + 1)
            x = rng.integers(0, width - cut_width + 1)
            grey = small_grey(np.ascontiguousarray(picture[y : y + cut_height, x : x + cut_width]))
            found += [describe(g, 80)[0] for g in (grey, np.ascontiguousarray(grey[:, ::-1]))]
    return np.concatenate(found)


def centroids(signs: Float32, seed: int = 1) -> Uint8:
    """(2, n, 8) uint8: for each half of the codes, the signs of the means of k-means' clusters.

    Args:
        signs: (n, 128) float32, -1 or 1.
    """
    import faiss

    faiss.omp_set_num_threads(1)
    halves = []
    for half in (signs[:, :64], signs[:, 64:]):
        means = faiss.Kmeans(64, _CENTROIDS, niter=25, seed=seed, max_points_per_centroid=2000)
        means.train(np.ascontiguousarray(half))
        middles = np.asarray(means.centroids, dtype=np.float32)
        halves.append(np.packbits(middles > 0, axis=1))
    return np.stack(halves)


def make() -> str:
    """The text of `constants.py`."""
    roots = root_sift(histograms())
    mean = roots.mean(axis=0).astype(np.float32)
    signs = np.where((roots - mean) @ rotation() > 0, 1, -1).astype(np.float32)
    parts = [
        '"""Fixed numbers of the fingerprint, made by `training.py`; not to be edited."""\n',
        "import base64\n",
        "import numpy as np\n",
        _literal("MEAN", mean),
        _literal("CENTROIDS", centroids(signs)),
        "# (128,) float32: the mean RootSIFT of photographs\n"
        'MEAN_ROOT_SIFT = np.frombuffer(base64.b64decode(_MEAN), dtype="<f4")\n'
        f"# (2, {_CENTROIDS}, 8) uint8: cells of each half of a code\n"
        "HALF_CENTROIDS = np.frombuffer(base64.b64decode(_CENTROIDS), dtype=np.uint8).reshape("
        f"2, {_CENTROIDS}, 8)",
    ]
    return "\n".join(parts)


def _literal(name: str, values: np.ndarray[Any, Any]) -> str:
    text = base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()
    return f"_{name} = (\n" + "".join(f'    "{t}"\n' for t in textwrap.wrap(text, 90)) + ")\n"


def pictures() -> list[Uint8]:
    """The photographs, each (H, W, 3) uint8 RGB."""
    import skimage
    import sklearn

    folders = (
        Path(skimage.__file__).parent / "data",
        Path(sklearn.__file__).parent / "datasets" / "images",
    )
    pictures = []
    for name in PICTURES:
        (path,) = (f / name for f in folders if (f / name).is_file())
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        pictures.append(np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8))
    return pictures


if __name__ == "__main__":
    print(make())
