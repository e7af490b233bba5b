"""The notebooks run from top to bottom, and what is committed of them is clean."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
LARGEST = 600 * 1024
PLACES = re.compile(r"/(?:work|root|home|tmp|Users|usr|var)/|site-packages|ipykernel_\d+|[A-Z]:\\")
CONTROL = re.compile(r"\x1b\[|\r|\x08")

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def code_cells(path: Path) -> list:
    return [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]


def texts(cell) -> list[str]:
    """Everything in the cell's outputs that can be read."""
    found = []
    for output in cell.outputs:
        found += [output.get("text", ""), *map(str, output.get("traceback", []))]
        found += [text for kind, text in output.get("data", {}).items() if not kind.startswith("image/")]
    return found


def test_there_are_five():
    assert [path.stem[0] for path in NOTEBOOKS] == list("12345")


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=path.stem, marks=[pytest.mark.slow] if path.stem[0] != "4" else [])
        for path in NOTEBOOKS
    ],
)
def test_runs_from_top_to_bottom(path, tmp_path, monkeypatch):
    # One epoch of each training: this asks whether the cells run, not what they reach.
    monkeypatch.setenv("RESIDUAL_NOTEBOOK_EPOCHS", "1")
    notebook = nbformat.read(path, 4)
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources=resources).execute()
    assert list(tmp_path.iterdir()) == []  # what a notebook writes, it writes elsewhere


@each_notebook
def test_was_committed_with_the_outputs_of_one_run(path):
    cells = code_cells(path)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert not [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"]


@each_notebook
def test_outputs_name_no_place_and_hold_no_control_codes(path):
    for cell in code_cells(path):
        for text in texts(cell):
            assert not PLACES.search(text), text
            assert not CONTROL.search(text), text
            assert "Warning" not in text, text
            assert "WARNING" not in text, text


@each_notebook
def test_is_tidy(path):
    assert path.stat().st_size < LARGEST
    notebook = nbformat.read(path, 4)
    nbformat.validate(notebook)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert all(not cell.metadata for cell in notebook.cells)
    assert 15 <= len(notebook.cells) <= 25
    assert [cell.id for cell in notebook.cells] == [f"cell-{i:02}" for i in range(1, len(notebook.cells) + 1)]


@each_notebook
def test_begins_with_what_you_will_see_and_ends_with_exercises(path):
    cells = nbformat.read(path, 4).cells
    assert "You will see" in cells[0].source
    assert "## In three lines" in cells[-1].source
    assert "## Exercises" in cells[-1].source


@each_notebook
def test_exercises_have_answers(path):
    exercises, _, answers = nbformat.read(path, 4).cells[-1].source.partition("<details>")
    numbers = re.compile(r"^(\d)\. ", re.MULTILINE)
    assert "<summary>Answers</summary>" in answers
    assert "</details>" in answers
    assert numbers.findall(answers) == numbers.findall(exercises) == ["1", "2", "3"]


@each_notebook
def test_imports_public_names(path):
    """What a reader copies is what the package promises to keep; hands are drawn only in place of photos."""
    source = "\n".join(cell.source for cell in code_cells(path))
    modules = set(re.findall(r"^(?:from|import) (residual[\w.]*)", source, re.MULTILINE))
    assert modules <= {
        "residual",
        "residual.course",
        "residual.course.resnets_utils",
        "residual.data.drawn_hands.hands",
    }
