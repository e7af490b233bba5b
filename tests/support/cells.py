"""The code cells of a notebook that was saved as text, and what they printed: "In [3]:" begins a cell.

Run as a script, it runs the cells of one notebook in a process of its own and prints what came of each as JSON.
"""

import ast
import contextlib
import io
import json
import os
import re
import sys
import traceback
from pathlib import Path
from typing import NamedTuple

_PROMPT = re.compile(r"^In \[(?:\d+|None| )\]:\s*$", re.MULTILINE)
_NUMBER = re.compile(r"(?<![\w.])-?\d+\.?\d*(?:e[-+]?\d+)?")
_IMAGES = 8  # that a shortened training, evaluation or prediction sees

# What takes the place of a notebook's import lines.
IMPORTS = {
    "A": "from residual.course import *",
    "B": "from residual.course.tf2 import *\nfrom residual.course.resnets_utils import *",
    "C": "from residual.course.tf2 import *",
    "D": "from residual.course.tf1 import *",
    "E": "from residual.course.tf2 import *",
}


class Cell(NamedTuple):
    """A code cell: its code, and the text that follows it, which begins with what it printed."""

    code: str
    output: str


def read_cells(path: Path) -> list[Cell]:
    """The cells of a notebook. Code ends where the text no longer parses."""
    chunks = _PROMPT.split(path.read_text("utf-8"))[1:]
    return [_split(chunk.strip("\n")) for chunk in chunks]


def _split(chunk: str) -> Cell:
    # A rule of underscores is output, and would pass for a name.
    lines = [re.sub(r"^(?=%|__+$)", "# ", line) for line in chunk.split("\n")]
    for end in range(len(lines), 0, -1):
        with contextlib.suppress(SyntaxError):
            ast.parse("\n".join(lines[:end]))
            return Cell("\n".join(lines[:end]), "\n".join(lines[end:]))
    return Cell("", chunk)


def drop_imports(code: str) -> str:
    """The code without its import statements."""
    lines = code.split("\n")
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for i in range(node.lineno - 1, node.end_lineno):
                lines[i] = ""
    return "\n".join(lines)


def list_numbers(text: str) -> list[float]:
    """The numbers in a text, in their order."""
    return [float(number) for number in _NUMBER.findall(re.sub(r"\x1b\[[0-9;]*m", "", text))]


def count_agreeing(printed: str, stored: str) -> int:
    """How many numbers of two texts agree from the start: rtol 1e-6 plus atol 1e-5."""
    count = 0
    for ours, theirs in zip(list_numbers(printed), list_numbers(stored), strict=False):
        if abs(ours - theirs) > 1e-5 + 1e-6 * abs(theirs):
            break
        count += 1
    return count


def _shorten_training() -> None:
    """Make Keras train, evaluate and predict on a few images: the cells stay as they are."""
    import keras

    fit, evaluate = keras.Model.fit, keras.Model.evaluate

    def short_fit(self, x=None, y=None, **options):
        options |= {"epochs": 1, "verbose": 0}
        if y is None:
            x, y = x[0]
        for name in ("steps_per_epoch", "batch_size"):
            options.pop(name, None)
        if options.get("validation_data"):
            options["validation_data"] = tuple(part[:_IMAGES] for part in options["validation_data"])
        return fit(self, x[:_IMAGES], y[:_IMAGES], **options)

    def short_evaluate(self, x=None, y=None, **options):
        return evaluate(self, x[:_IMAGES], y[:_IMAGES], verbose=0, **options)

    keras.Model.fit, keras.Model.evaluate = short_fit, short_evaluate


def _replace_cifar() -> None:
    """CIFAR-10's shapes without its images."""
    import numpy as np

    from residual.course import cifar10

    def load_data():
        return tuple((np.zeros((n, 32, 32, 3), "uint8"), np.zeros((n, 1), "uint8")) for n in (50000, 10000))

    cifar10.load_data = load_data


def run_cells(name: str, path: Path) -> list[dict]:
    """Run a notebook's cells one after the other: what each printed, and its error or ""."""
    os.environ.setdefault("MPLBACKEND", "Agg")
    _shorten_training()
    _replace_cifar()
    namespace: dict = {"__name__": "__main__"}
    exec(IMPORTS[name], namespace)
    results = []
    for cell in read_cells(path):
        if "os.chdir" in cell.code:
            os.makedirs(os.path.join(*re.findall(r"'([^']+)'", cell.code)), exist_ok=True)
        if "load_model('resnet50.h5')" in cell.code:
            namespace["model"].save("resnet50.h5")  # the notebook's own file is not supplied
        printed, error = io.StringIO(), ""
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
            try:
                exec(compile(drop_imports(cell.code), "cell", "exec"), namespace)
            except Exception as caught:
                error = "".join(traceback.format_exception_only(caught)).strip()
        agreeing = count_agreeing(printed.getvalue(), cell.output)
        numbers = len(list_numbers(printed.getvalue()))
        results.append(
            {"error": error, "printed": printed.getvalue(), "agreeing": agreeing, "numbers": numbers}
        )
    return results


if __name__ == "__main__":
    import keras

    cells = run_cells(sys.argv[1], Path(sys.argv[2]))
    print(json.dumps({"backend": keras.backend.backend(), "cells": cells}))
