"""Run the statements of a learner's file that its blocks need, each on its own."""

import builtins
import importlib
import linecache
import re
import traceback
import types
from dataclasses import dataclass, field

import keras

from residual.checker.calling import is_inside_layer
from residual.checker.candidates import classify_name, may_be_candidate
from residual.checker.difference import Difference
from residual.checker.rules.imports import ImportFailed, NotImported, PoolingWindow, TensorFlowFunction
from residual.checker.rules.running import Raises
from residual.checker.source import LearnerFile, Statement, pick_needed
from residual.course.importer import Importer
from residual.course.missing import Missing
from residual.course.old_modules import find_old_module

_IMPORT = re.compile(r"(?:from|import)\s+\.*([\w.]+)")
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
        unchecked: name -> reason, of blocks and networks that are defined again below or could not be imported.
    """

    namespace: dict
    failures: list[tuple[Statement, BaseException]] = field(default_factory=list)
    imports: list[tuple[str, Difference]] = field(default_factory=list)
    windows: dict[str, None] = field(default_factory=dict)
    functions: dict[str, None] = field(default_factory=dict)
    unchecked: dict[str, str] = field(default_factory=dict)

    def note_function(self, name: str) -> None:
        """Note that a function of TensorFlow is called on a Keras tensor."""
        if not is_inside_layer():  # Keras 3 calls a layer on arrays, which the functions of tf take
            self.functions[name] = None

    def list_differences(self) -> list[tuple[str, Difference]]:
        """(function or "", difference) of what the file needs and has not, once its functions have been called."""
        uses = [
            *PoolingWindow().find_in_uses(self.windows),
            *TensorFlowFunction().find_in_uses(self.functions),
        ]
        return [*self.imports, *(("", use) for use in uses)]


def run_file(file: LearnerFile) -> Run:
    """Run what the blocks and networks of a file need, in the order of the file."""
    name = str(file.path)
    # So that errors show the line: of a notebook, the text of the cells.
    linecache.cache[name] = (len(file.text), None, file.list_lines(), name)
    run = Run({"__name__": "learner", "__file__": name})
    run.namespace["__builtins__"] = {**vars(builtins), "__import__": Importer(run.note_function)}
    for layer in WITHOUT_WINDOW:
        _give_window(layer, run.windows)
    run.unchecked = _find_earlier(file)
    chosen = pick_needed(file.statements, _find_wanted(file))
    for statement in chosen:
        _run_statement(run, statement)
    _supply_missing(run, file, chosen)
    _bind_missing(run, file, chosen)
    _repeat_failures(run)
    return run


def _find_wanted(file: LearnerFile) -> set[str]:
    """Names of definitions that may be blocks or networks."""
    wanted = set()
    for statement in file.statements:
        if statement.is_definition and statement.code is not None:
            wanted |= {name for name in statement.binds if may_be_candidate(name, [statement.code])}
        else:
            wanted |= {name for name in statement.binds if may_be_candidate(name, [])}
    return wanted


def _find_earlier(file: LearnerFile) -> dict[str, str]:
    """Name and line -> reason, of the blocks and networks that are defined again further down."""
    last, earlier = {}, {}
    for statement in file.statements:
        for name in statement.binds if statement.is_definition else ():
            if name in last and classify_name(name):
                place, later = (file.name_line(line) for line in (last[name], statement.line))
                earlier[f"{name} of {place}"] = f"{later} defines {name} again, and the last one counts"
            last[name] = statement.line
    return earlier


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


def _repeat_failures(run: Run) -> None:
    """Run what stopped once more, in the order of the file: it may have what it needs now."""
    failures, run.failures = run.failures, []
    for statement, _ in sorted(failures, key=lambda one: one[0].line):
        _run_statement(run, statement)


def _bind_missing(run: Run, file: LearnerFile, chosen: list[Statement]) -> None:
    """Give the names of imports that failed a value that says so when it is used."""
    loads = set().union(*(statement.loads for statement in chosen)) - set(vars(builtins))
    for statement, error in run.failures:
        text = _IMPORT.match(file.list_lines()[statement.line - 1].strip())
        if text is None:
            continue
        module = (isinstance(error, ModuleNotFoundError) and error.name) or text[1]
        for name in (loads if statement.star else statement.binds) - set(run.namespace):
            cause = None if isinstance(error, ModuleNotFoundError) else error
            run.namespace[name] = Missing(name, module, cause)
            if classify_name(name):
                run.unchecked[name] = f"it comes from {module}, which is not here"


def _explain_missing(
    run: Run, file: LearnerFile, statement: Statement, name: str, line_to_add: str
) -> tuple[str, Difference]:
    """(function or "", difference) for a name that was supplied: an import failed, or there is none."""
    causes = [one for one, _ in run.failures if name in one.binds or one.star]
    if causes:
        text = file.list_lines()[causes[0].line - 1]
        return "", ImportFailed().find_in_name(name, text, causes[0].line)
    owner = next(iter(statement.binds), "")
    line, is_optional = _find_use(file, statement, name), name not in statement.certain
    return owner, NotImported().find_in_name(name, line_to_add, line, is_optional)


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
