"""WildDeepfake: archives of face sequences, one of them unpacked."""

import io
import tarfile
from pathlib import Path

from . import Tree, put, tree


def archive(path: Path, names: list[str]) -> Path:
    """An archive (by its ending compressed or not) with such pictures in it, which are none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as tar:
        for name in names:
            data = f"{path.parent.name}/{path.name}/{name}".encode()
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


@tree("wilddeepfake")
def wilddeepfake(root: Path) -> Tree:
    archive(root / "real_train" / "1.tar.gz", ["./1/real/3/0.png", "./1/real/3/1.png"])
    archive(root / "real_test" / "2.tar", ["2/real/9/5.png"])
    archive(root / "fake_train" / "1.tar.gz", ["1/fake/7/2.png", "1/fake/8/2.png"])
    put(root / "fake_test" / "12" / "fake" / "4" / "77.png")
    return Tree(
        {"": root},
        num_real=2,
        num_fake=3,
        examples=(
            {
                "video_id": "wilddeepfake/wilddeepfake/-/fake_train/1/fake/7",
                "path": "fake_train/1.tar.gz!/1/fake/7",
                "label": 1,
                "split": "train",
                "group": "wdf-fake_train-1",
                "target_id": None,
            },
            {
                "video_id": "wilddeepfake/wilddeepfake/-/fake_test/12/fake/4",
                "path": "fake_test/12/fake/4",
                "split": "test",
                "group": "wdf-fake_test-12",
            },
            {
                "video_id": "wilddeepfake/real/-/real_train/1/real/3",
                "path": "real_train/1.tar.gz!/1/real/3",
                "label": 0,
            },
        ),
    )
