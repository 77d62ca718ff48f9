"""The package as it is shipped: its rooms, its doctests, its wheel."""

import doctest
import importlib
import os
import pkgutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

import unswap

CHECKOUT = Path(__file__).parent.parent


def module_names():
    """Of all rooms: installed editable, they do not lie below `unswap`'s own folder."""
    rooms = [
        importlib.import_module(f"unswap.{r}") for r in ("datasets", "detectors", "experiments")
    ]
    found = {
        m.name
        for package in (unswap, *rooms)
        for m in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    }
    return sorted(name for name in found if ".__main__" not in name)


def test_modules_of_every_room_are_found():
    rooms = {name.split(".")[1] for name in module_names()}
    assert {"cli", "datasets", "detectors", "experiments"} <= rooms


@pytest.mark.parametrize("name", module_names())
def test_every_module_imports_and_its_examples_hold(name):
    results = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert results.failed == 0


def test_an_unknown_attribute_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'scores'"):
        unswap.scores  # noqa: B018


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(CHECKOUT)],
        check=True,
        capture_output=True,
    )
    (path,) = folder.glob("unswap-*.whl")
    return path


def test_the_wheel_holds_every_file_of_the_rooms_and_is_small(wheel):
    assert wheel.stat().st_size < 30_000_000
    with zipfile.ZipFile(wheel) as archive:
        held = {n for n in archive.namelist() if ".dist-info" not in n}
    tracked = subprocess.run(
        ["git", "ls-files", "unswap", "datasets", "detectors", "experiments"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    wanted = {n if n.startswith("unswap/") else f"unswap/{n}" for n in tracked}
    assert wanted - held == set()
    assert held - wanted == set()


def test_imports_run_one_way_only(wheel, tmp_path):
    """On the package as it is installed: import-linter looks for the rooms below `unswap`."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    done = subprocess.run(
        [
            str(Path(sys.executable).parent / "lint-imports"),
            "--no-cache",
            "--config",
            str(CHECKOUT / "pyproject.toml"),
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_wheel_works_where_the_checkout_is_not(wheel, face_clip, tmp_path):
    """Installed elsewhere (sharing this environment's libraries): imports all, scores one clip."""
    venv.create(tmp_path / "env", with_pip=False)
    python = tmp_path / "env" / "bin" / "python"
    (site,) = (tmp_path / "env" / "lib").glob("python*/site-packages")
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--target",
            str(site),
            str(wheel),
        ],
        check=True,
    )
    # after the wheel on the path, and without this environment's .pth files: not the editable one
    (shared,) = {
        str(Path(importlib.import_module(m).__file__).parent.parent) for m in ("torch", "av")
    }
    (site / "shared.pth").write_text(shared + "\n")
    code = """
import importlib, pkgutil, sys, unswap
assert unswap.__file__.startswith(sys.prefix), unswap.__file__
for module in pkgutil.walk_packages(unswap.__path__, "unswap."):
    if not module.name.startswith("unswap.experiments.training"):
        importlib.import_module(module.name)
score = unswap.score(sys.argv[1], num_frames=4)
assert score.status == "scored", score
assert score.detector.name == "sbi-lite0"
"""
    subprocess.run(
        [str(python), "-P", "-c", code, str(face_clip)], check=True, cwd=tmp_path, env={"PATH": ""}
    )
