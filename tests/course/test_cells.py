"""The five public notebooks' own cells run, with their import lines replaced and training cut short.

The notebooks are not part of the project: they are read from RESIDUAL_NOTEBOOKS or ../shared/notebooks.
"""

import os
from pathlib import Path

import pytest

from tests.backends import run_on
from tests.support import cells

FOLDER = Path(os.environ.get("RESIDUAL_NOTEBOOKS", Path(__file__).parents[2] / "../shared/notebooks"))

# Numbers that the cell prints as the notebook did, from the first on, by the cell's place among the code cells.
AGREEING = {
    "A": {1: 50, 4: 14},
    "B": {4: 83, 6: 60},
    "C": {},
    "D": {2: 10, 4: 10, 8: 14},
    "E": {2: 6, 7: 1},
}


@pytest.fixture(params=sorted(AGREEING))
def notebook(request):
    path = FOLDER / f"{request.param}.txt"
    if not path.is_file():
        pytest.skip(f"{path} is not here: set RESIDUAL_NOTEBOOKS to the folder with the notebooks")
    return request.param, path.resolve()


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_every_cell_runs_and_prints_what_the_notebook_printed(notebook, backend, tmp_path, monkeypatch):
    name, path = notebook
    monkeypatch.chdir(tmp_path)
    results = run_on(backend, f"{cells.__file__}", name, str(path))["cells"]
    stopped = {i: result["error"] for i, result in enumerate(results) if result["error"]}
    assert stopped == {}
    agreeing = {i: results[i]["agreeing"] for i in AGREEING[name]}
    assert agreeing == AGREEING[name]


def test_import_lines_go_and_everything_else_stays():
    code = "import os\nfrom a import (b,\n    c)\nx = 1\nif x:\n    import d; y = 2"
    assert cells.drop_imports(code).split("\n")[:4] == ["", "", "", "x = 1"]


def test_numbers_agree_up_to_the_first_that_differs():
    assert cells.count_agreeing("loss 1.5, 2 and 3", "loss = 1.5 [2. 4.]") == 2
    assert cells.list_numbers("\x1b[1m(3, 4) -1e-05 x2\x1b[0m") == [3, 4, -1e-05]
