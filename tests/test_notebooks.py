"""The notebooks: their cells run here, one after another; in the slow tests as Jupyter runs them."""

import ast
import sys
import tempfile
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from unswap.detectors.protocols import crop_detectors

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))
MINUTES = {"03_compare_with_the_original"}  # what they show takes that on a busy machine


def cells(path):
    return [c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]


def imports(source):
    """A cell's import statements alone."""
    statements = ast.parse(source).body
    kept = [s for s in statements if isinstance(s, ast.Import | ast.ImportFrom)]
    return ast.unparse(ast.Module(kept, []))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_its_cells_are_python_and_what_they_import_is_there(path):
    names = {}
    for source in cells(path):
        exec(imports(source), names)
    assert any("unswap" in str(getattr(v, "__module__", v)) for v in names.values())


@pytest.mark.parametrize(
    "path",
    [pytest.param(p, marks=pytest.mark.slow) if p.stem in MINUTES else p for p in NOTEBOOKS],
    ids=lambda p: p.stem,
)
def test_its_cells_run(path, tmp_path, monkeypatch):
    """In this process, which has loaded the networks already: a kernel would take seconds to."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    # what a notebook registers and imports of its own is gone after it
    monkeypatch.setattr(crop_detectors, "_entries", dict(crop_detectors._entries))
    monkeypatch.setattr(sys, "path", list(sys.path))
    names = {"__name__": "__main__"}
    for source in cells(path):
        exec(compile(source, str(path), "exec"), names)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_it_runs_in_jupyter(path, tmp_path):
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=1200, resources=resources).execute()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_it_is_kept_without_its_outputs(path):
    for cell in nbformat.read(path, as_version=4).cells:
        assert cell.get("outputs", []) == []
        assert cell.get("execution_count") is None


def test_there_are_notebooks():
    assert NOTEBOOKS
