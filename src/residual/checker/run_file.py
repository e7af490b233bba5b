"""Run the statements of a learner's file that its blocks need, each on its own."""

import builtins
import importlib
import linecache
import re
import traceback
import types
from dataclasses import dataclass, field

import keras

from residual.checker.candidates import may_be_candidate
from residual.checker.difference import Difference
from residual.checker.rules.imports import ImportFailed, NotImported, PoolingWindow, TensorFlowFunction
from residual.checker.rules.running import Raises
from residual.checker.source import LearnerFile, Statement, pick_needed
from residual.course.old_modules import find_old_module

# Modules that courses hand out with their notebooks, and where their names are here.
HELPERS = {
    "resnets_utils": "residual.course.resnets_utils",
    "helping_file": "residual.course",
    "test_utils": "residual.course.testing",
    "public_tests": "residual.course.testing",
    "outputs": "residual.course.testing",
    "kt_utils": "residual.course.resnets_utils",
}
_OLD = ("tensorflow", "tf_keras", "keras", "tensorflow_core")
_PLACES = ("keras.layers", "keras.models", "keras.initializers", "keras.regularizers", "keras.optimizers")
_ALIASES = {"tf": "tensorflow", "np": "numpy", "K": "keras.backend", "keras": "keras", "layers": "keras.layers",
            "K2": "keras.backend", "KL": "keras.layers"}  # fmt: skip
WITHOUT_WINDOW = (
    keras.layers.AveragePooling2D,
)  # pooling whose window had a default in Keras 2 and has none now


@dataclass
class Run:
    """What came of a file.

    Attributes:
        namespace: the names that its needed statements define.
        failures: (statement, error) of those that stopped.
        imports: (function, difference) for imports that failed or are missing.
        windows: pooling layers that are made without a window, now or later.
        functions: functions of TensorFlow that are called on Keras tensors, now or later.
    """

    namespace: dict
    failures: list[tuple[Statement, BaseException]] = field(default_factory=list)
    imports: list[tuple[str, Difference]] = field(default_factory=list)
    windows: dict[str, None] = field(default_factory=dict)
    functions: dict[str, None] = field(default_factory=dict)

    def list_differences(self) -> list[tuple[str, Difference]]:
        """(function or "", difference) of what the file needs and has not, once its functions have been called."""
        uses = [
            *PoolingWindow().find_in_uses(self.windows),
            *TensorFlowFunction().find_in_uses(self.functions),
        ]
        return [*self.imports, *(("", use) for use in uses)]


class _Importer:
    """`__import__` for a learner's file: old Keras and TensorFlow on Keras 3, and the helpers of courses."""

    def __init__(self, used: dict[str, None]):
        self.used = used

    def __call__(self, name, globals=None, locals=None, fromlist=(), level=0):
        top = name.split(".")[0]
        if level == 0 and top in _OLD:
            on_use = self._note_use
            return find_old_module(name if fromlist else top, on_use)
        try:
            return builtins.__import__(name, globals, locals, fromlist, level)
        except ModuleNotFoundError:
            if top not in HELPERS or level:
                raise
            return importlib.import_module(HELPERS[top])

    def _note_use(self, name: str) -> None:
        self.used[name] = None


def run_file(file: LearnerFile) -> Run:
    """Run what the blocks and networks of a file need, in the order of the file."""
    name = str(file.path)
    # So that errors show the line: of a notebook, the text of the cells.
    linecache.cache[name] = (len(file.text), None, file.list_lines(), name)
    run = Run({"__name__": "learner", "__file__": name})
    run.namespace["__builtins__"] = {**vars(builtins), "__import__": _Importer(run.functions)}
    for layer in WITHOUT_WINDOW:
        _give_window(layer, run.windows)
    chosen = pick_needed(file.statements, _find_wanted(file))
    for statement in chosen:
        _run_statement(run, statement)
    _supply_missing(run, file, chosen)
    return run


def _find_wanted(file: LearnerFile) -> set[str]:
    """Names of definitions that may be blocks or networks."""
    wanted = set()
    for statement in file.statements:
        if statement.is_definition and statement.code is not None:
            inner = [one for one in statement.code.co_consts if isinstance(one, types.CodeType)]
            wanted |= {
                name for name in statement.binds if may_be_candidate(name, inner[0] if inner else None)
            }
        else:
            wanted |= {name for name in statement.binds if may_be_candidate(name, None)}
    return wanted


def _run_statement(run: Run, statement: Statement) -> None:
    if statement.code is None:
        run.failures.append((statement, statement.error))
        return
    try:
        exec(statement.code, run.namespace)
    except (Exception, SystemExit) as error:
        run.failures.append((statement, error))


def _supply_missing(run: Run, file: LearnerFile, chosen: list[Statement]) -> None:
    """Names of Keras that the blocks use and the file does not import, so that the check can go on."""
    for statement in chosen:
        if not statement.is_definition or statement.code is None:
            continue
        for name in sorted(statement.loads - set(run.namespace) - set(vars(builtins))):
            known = _find_known(name)
            if known is not None:
                line_to_add, run.namespace[name] = known
                run.imports.append(_explain_missing(run, file, statement, name, line_to_add))
    for statement, _ in [one for one in run.failures if one[0].is_definition]:
        run.failures = [(one, error) for one, error in run.failures if one is not statement]
        _run_statement(run, statement)


def _explain_missing(
    run: Run, file: LearnerFile, statement: Statement, name: str, line_to_add: str
) -> tuple[str, Difference]:
    """(function or "", difference) for a name that was supplied: an import failed, or there is none."""
    causes = [one for one, _ in run.failures if name in one.binds or one.star]
    if causes:
        text = file.list_lines()[causes[0].line - 1]
        return "", ImportFailed().find_in_name(name, text, causes[0].line)
    owner = next(iter(statement.binds), "")
    return owner, NotImported().find_in_name(name, line_to_add, _find_use(file, statement, name))


def _find_known(name: str) -> tuple[str, object] | None:
    """(import line, value) of a name that notebooks have from Keras."""
    if name in _ALIASES:
        module = _ALIASES[name]
        value = importlib.import_module(module) if module == "numpy" else find_old_module(module)
        return (f"import {module}" + (f" as {name}" if module != name else "")), value
    for place in _PLACES:
        value = getattr(importlib.import_module(place), name, None)
        if value is not None and not isinstance(value, types.ModuleType):
            return f"from {place} import {name}", value
    return None


def _find_use(file: LearnerFile, statement: Statement, name: str) -> int:
    lines = file.list_lines()[statement.line - 1 :]
    found = (i for i, line in enumerate(lines, statement.line) if re.search(rf"\b{name}\b", line))
    return next(found, statement.line)


def _give_window(layer: type, used: dict[str, None]) -> None:
    """Give a pooling layer Keras 2's default window, and note that it was used."""
    original = layer.__init__

    # Not `functools.wraps`: Keras reads the signature to record the arguments, and must see this one.
    def init(self, pool_size=None, *args, **options):
        if pool_size is None:
            used[type(self).__name__] = None
        original(self, (2, 2) if pool_size is None else pool_size, *args, **options)

    layer.__init__ = init


def explain_failure(file: LearnerFile, statement: Statement, error: BaseException) -> Difference:
    """The finding that a failed statement makes."""
    line, text = statement.line, ""
    if isinstance(error, SyntaxError) and error.filename == str(file.path):
        line, text = error.lineno, (error.text or "").strip()
    else:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == str(file.path)]
        if frames:
            line = frames[-1].lineno
            text = linecache.getline(str(file.path), line or 0).strip()
    return Raises().find_in_error(error, line, text)
