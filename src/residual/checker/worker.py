"""The child process of `check_file`: run the learner's file, check what it defines, write the report."""

import contextlib
import faulthandler
import io
import json
import linecache
import os
import sys
import traceback
from pathlib import Path

from residual.checker.findings import make_finding
from residual.checker.function_check import check
from residual.checker.report import Finding, Report
from residual.checker.rules.running import Raises


def main(job: dict) -> None:
    """Do one job.

    Args:
        job: "file", the learner's; "folder", where `report.json`, `now.txt` (the function at hand) and
            `where.txt` (the stack shortly before the limit) go; "limit" in seconds.
    """
    file, folder = Path(job["file"]), Path(job["folder"])
    with open(folder / "where.txt", "w", encoding="utf-8") as where:
        limit = job["limit"]
        faulthandler.dump_traceback_later(max(limit - 1, 0.8 * limit), file=where)
        os.chdir(file.parent)
        sys.path.insert(0, str(file.parent))
        sys.argv = [str(file)]
        report = _check_names(file, folder / "now.txt")
        _write(folder / "report.json", json.dumps(report.to_dict()))
        faulthandler.cancel_dump_traceback_later()


def _write(path: Path, text: str) -> None:
    """In one go, so that the parent never reads half a file."""
    part = path.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def _check_names(file: Path, now: Path) -> Report:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        namespace, stopped = _run(file)
    findings = [stopped] if stopped else []
    report = check(namespace, on_start=lambda name: _write(now, name))
    if report.checked or not stopped:
        findings += report.findings
    return Report(report.checked, tuple(findings), str(file), (printed.getvalue() + report.printed)[-4000:])


def _run(file: Path) -> tuple[dict, Finding | None]:
    """The names that the file defines, and a finding if it stopped with an error."""
    namespace = {"__name__": "learner", "__file__": str(file), "__builtins__": __builtins__}
    try:
        # The bytes, so that an encoding line counts; the file's name, so that errors name its lines.
        exec(compile(file.read_bytes(), str(file), "exec"), namespace)
    except (Exception, SystemExit) as error:
        return namespace, _explain_error(file, error)
    return namespace, None


def _explain_error(file: Path, error: BaseException) -> Finding:
    return make_finding("", Raises().find_in_error(error, *_find_place(file, error)))


def _find_place(file: Path, error: BaseException) -> tuple[int | None, str]:
    if isinstance(error, SyntaxError) and error.filename == str(file):
        return error.lineno, (error.text or "").strip()
    inside = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    if not inside:
        return None, ""
    return inside[-1].lineno, linecache.getline(str(file), inside[-1].lineno or 0).strip()
