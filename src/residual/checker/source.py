"""A learner's file as statements: a program or a notebook, with magics, errors and all."""

import ast
import dis
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType

from residual.errors import DataError

SUFFIXES = (".py", ".ipynb")
_MAGIC = re.compile(r"^(\s*)(?:[%!?]|[\w.,\s]+=\s*[%!]\s*\w|[\w.]+\?{1,2}\s*$)")
_CELL_MAGIC = re.compile(r"^%%(?!time|capture|prun)")
_CONTINUES = re.compile(r"^(?:[)\]}#]|else\b|elif\b|except\b|finally\b)")
_LOADS = {"LOAD_NAME", "LOAD_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS", "LOAD_CLASSDEREF"}
_LONGEST = 60  # chunks that one statement may hold, if the file around it does not parse
# Calls that change how later ones work, e.g. `keras.backend.set_image_data_format("channels_last")`.
_SETTINGS = re.compile(r"^(set_|seed|enable_|disable_|update$|append$|extend$|setdefault$)")


@dataclass(frozen=True)
class Statement:
    """One statement at the top level of the file.

    Attributes:
        code: to execute; None if it has an error of syntax.
        line: of its start, counted over the whole text.
        binds: names that it defines.
        loads: names that it, or a function in it, reads from the file's level.
        star: it imports every name of a module.
        is_definition: it is a `def` or a `class`.
        error: the error of syntax.
        is_setting: it calls a function that changes how later ones work.
        certain: names that it, or a function in it, reads outside of an `if`.
    """

    code: CodeType | None
    line: int
    binds: frozenset[str]
    loads: frozenset[str] = frozenset()
    star: bool = False
    is_definition: bool = False
    error: SyntaxError | None = None
    is_setting: bool = False
    certain: frozenset[str] = frozenset()


@dataclass(frozen=True)
class LearnerFile:
    """The text of a file, its statements, and the cell that each line belongs to.

    Attributes:
        path: of the file.
        text: of all code cells, one after the other.
        statements: in their order.
        cells: the first line of each cell; empty for a program.
    """

    path: Path
    text: str
    statements: tuple[Statement, ...]
    cells: tuple[int, ...] = field(default=())

    def find_cell(self, line: int | None) -> tuple[int | None, int | None]:
        """(code cell, line in it), both from 1; the cell is None for a program."""
        if line is None or not self.cells:
            return None, line
        number = sum(start <= line for start in self.cells)
        return number, line - self.cells[number - 1] + 1

    def name_line(self, line: int) -> str:
        """A line in words: "line 3", "cell 2, line 3"."""
        cell, number = self.find_cell(line)
        return f"cell {cell}, line {number}" if cell else f"line {number}"

    def list_lines(self) -> list[str]:
        """The lines of the text, each with its end."""
        return self.text.splitlines(keepends=True)


def read_file(path: Path) -> LearnerFile:
    """Read a program or a notebook.

    Raises:
        DataError: the file is not a notebook, though its name says so, or not text.
    """
    cells = _read_cells(path)
    lines, starts, statements = [], [], []
    for cell in cells:
        starts.append(len(lines) + 1)
        statements += _split_statements(cell, str(path), len(lines))
        lines += [*cell.splitlines(), ""]
    is_notebook = path.suffix == ".ipynb"
    return LearnerFile(path, "\n".join(lines), tuple(statements), tuple(starts) if is_notebook else ())


def _read_cells(path: Path) -> list[str]:
    data = path.read_bytes()
    if path.suffix != ".ipynb":
        return [_decode(data)]
    try:
        notebook = json.loads(data)
        sheets = [notebook, *notebook.get("worksheets", [])]  # format 3 has its cells in a worksheet
        cells = [cell for sheet in sheets for cell in sheet.get("cells", [])]
        codes = [cell for cell in cells if cell.get("cell_type") == "code"]
        return ["".join(cell.get("source", cell.get("input", ""))) for cell in codes]
    except (ValueError, AttributeError, TypeError) as error:
        raise DataError(
            f"{path} is not a notebook: {error}. Give a .py file, or a notebook that Jupyter has saved."
        ) from None


def _decode(data: bytes) -> str:
    import io
    import tokenize

    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return data.decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError):
        return data.decode("latin-1")


def _split_statements(text: str, name: str, offset: int) -> Iterator[Statement]:
    """The statements of a cell; magics are passed over, and a syntax error costs its own statement alone."""
    if _CELL_MAGIC.match(text.lstrip()):
        return
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        text = "\n".join(_MAGIC.sub(r"\1pass #", line) for line in text.expandtabs().splitlines())
        yield from _salvage(text, name, offset)
        return
    for node in tree.body:
        yield _make_statement(node, name, offset)


def _salvage(text: str, name: str, offset: int) -> Iterator[Statement]:
    """The statements of a text that may not parse as a whole."""
    lines = text.splitlines()
    starts = [i for i, line in enumerate(lines) if line[:1].strip() and not _CONTINUES.match(line)]
    bounds = [*starts, len(lines)]
    i = 0
    while i < len(starts):
        first, failure = starts[i], None
        for end in range(i + 1, min(i + _LONGEST, len(starts)) + 1):
            chunk = "\n".join(lines[first : bounds[end]])
            try:
                tree = ast.parse(chunk)
            except (SyntaxError, ValueError) as error:
                failure = failure or error
                continue
            for node in tree.body:
                yield _make_statement(node, name, offset + first)
            break
        else:
            end = i + 1
            yield _make_broken(lines[first : bounds[end]], failure, name, offset + first)
        i = end


def _make_broken(lines: list[str], failure, name: str, offset: int) -> Statement:
    error = SyntaxError(getattr(failure, "msg", str(failure)))
    number = (getattr(failure, "lineno", 1) or 1) + offset
    error.filename, error.lineno, error.text = name, number, getattr(failure, "text", "")
    found = re.match(r"(?:def|class)\s+(\w+)", lines[0])
    return Statement(None, offset + 1, frozenset(found.groups() if found else ()), error=error)


def _make_statement(node: ast.stmt, name: str, offset: int) -> Statement:
    ast.increment_lineno(node, offset)
    line = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", []))])
    try:
        code = compile(ast.Module([node], []), name, "exec")
    except (SyntaxError, ValueError) as error:  # e.g. `return` outside of a function
        broken = SyntaxError(getattr(error, "msg", str(error)))
        broken.filename, broken.lineno, broken.text = name, line, ""
        return Statement(None, line, frozenset(), error=broken)
    stores = {i.argval for i in dis.get_instructions(code) if i.opname in ("STORE_NAME", "STORE_GLOBAL")}
    is_definition = isinstance(node, ast.FunctionDef | ast.ClassDef)
    star = isinstance(node, ast.ImportFrom) and node.names[0].name == "*"
    loads = frozenset(find_loads(code))
    return Statement(
        code,
        line,
        frozenset(stores | _find_targets(node)),
        loads,
        star,
        is_definition,
        is_setting=_is_setting(node),
        certain=frozenset(_find_certain(node)),
    )


def _find_certain(node: ast.AST) -> set[str]:
    """Names that are read whichever way an `if` goes."""
    if isinstance(node, ast.Name):
        return {_find_root(node)}
    inner = [node.test] if isinstance(node, ast.If) else ast.iter_child_nodes(node)
    return set().union(*map(_find_certain, inner))


def _find_targets(node: ast.stmt) -> set[str]:
    """Names whose values an assignment changes: `config["size"] = 3`, `layers.X = Y`."""
    targets = getattr(node, "targets", None) or [getattr(node, "target", None)]
    roots = {_find_root(target) for target in targets if isinstance(target, ast.Attribute | ast.Subscript)}
    return roots - {""}


def _find_root(node: ast.AST | None) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return getattr(node, "id", "")


def _is_setting(node: ast.stmt) -> bool:
    call = node.value if isinstance(node, ast.Expr) else None
    function = call.func if isinstance(call, ast.Call) else None
    return isinstance(function, ast.Attribute) and bool(_SETTINGS.match(function.attr))


def find_loads(code: CodeType) -> set[str]:
    """The names that some code, and the functions in it, read from the file's level."""
    found = {i.argval for i in dis.get_instructions(code) if i.opname in _LOADS}
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found |= find_loads(constant)
    return found


def pick_needed(statements: tuple[Statement, ...], names: set[str]) -> list[Statement]:
    """The statements that define these names, and all that those need, in the order of the file.

    Star imports are always among them, because nobody knows what they define.
    """
    needed, chosen = set(names), set()
    changed = True
    while changed:
        changed = False
        for i, statement in enumerate(statements):
            is_wanted = statement.binds & needed or statement.star
            is_wanted = is_wanted or (statement.is_setting and statement.loads & needed)
            if i not in chosen and is_wanted:
                chosen.add(i)
                if not statement.is_setting:
                    changed = bool(statement.loads - needed) or changed
                    needed |= statement.loads
    return [statements[i] for i in sorted(chosen)]
