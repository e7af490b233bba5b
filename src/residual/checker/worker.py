"""The child process of `check_file`: run the learner's file, check what it defines, write the report."""

import contextlib
import faulthandler
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from residual.checker.candidates import Names, classify_name, find_names
from residual.checker.file_check import STACK_SIGNAL
from residual.checker.findings import make_finding
from residual.checker.function_check import check_names
from residual.checker.printed import KEPT, KeptEnd
from residual.checker.report import Finding, Report
from residual.checker.rules.imports import OtherLibrary
from residual.checker.source import LearnerFile, read_file
from residual.checker.wording import explain_unavailable, strip_codes

if TYPE_CHECKING:
    from residual.checker.run_file import Run


def main(job: dict) -> None:
    """Do one job.

    Args:
        job: "file", the learner's; "folder", where `report.json`, `now.txt` (the function at hand) and
            `where.txt` (the stack shortly before the limit) go; "warn", seconds after which the stack is written if no
            signal can ask for it.
    """
    file, folder = Path(job["file"]), Path(job["folder"])
    with open(folder / "where.txt", "w", encoding="utf-8") as where:
        if STACK_SIGNAL:
            faulthandler.register(STACK_SIGNAL, file=where, all_threads=False)
        else:
            faulthandler.dump_traceback_later(job["warn"], file=where)
        os.chdir(file.parent)
        sys.path.insert(0, str(file.parent))
        sys.argv = [str(file)]
        report = _check_names(read_file(file), folder / "now.txt")
        _write(folder / "report.json", json.dumps(report.to_dict()))
        if STACK_SIGNAL:
            faulthandler.unregister(STACK_SIGNAL)
        else:
            faulthandler.cancel_dump_traceback_later()


def _write(path: Path, text: str) -> None:
    """In one go, so that the parent never reads half a file."""
    part = path.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def _check_names(file: LearnerFile, now: Path) -> Report:
    from residual.checker.run_file import explain_failure, run_file

    printed = KeptEnd()
    with contextlib.redirect_stdout(printed):
        run = run_file(file)
    names = find_names(run.namespace)
    names.unknown.update(run.unchecked)
    findings = _explain_definitions(run, file, names)
    failed = [finding.function for finding in findings]
    report = check_names(names, lambda name: _write(now, name), failed)
    if report.checked or not findings:
        findings += report.findings
    if not report.checked:
        other = [make_finding("", found) for found in OtherLibrary().find_in_text(file.text)]
        if other:  # its own definitions stop too where that library is not installed
            findings, failed = other, []
        elif not failed and run.failures and not report.unchecked:
            findings = [make_finding("", explain_failure(file, *run.failures[0]))]
    for function, difference in run.list_differences():
        findings.append(make_finding(function if function in report.checked else "", difference))
    return replace(
        report,
        checked=(*failed, *report.checked),
        findings=tuple(_locate(finding, file) for finding in findings),
        source=str(file.path),
        printed=strip_codes(printed.getvalue() + report.printed)[-KEPT:],
    )


def _explain_definitions(run: "Run", file: LearnerFile, names: Names) -> list[Finding]:
    """The findings of blocks and networks whose own definition stopped: what else has their name is not theirs.

    Those that need what is not here are no findings, and join `names.unknown`.
    """
    from residual.checker.run_file import explain_failure

    findings, own = [], {candidate.name for candidate in names.candidates}
    for statement, error in run.failures:
        if statement.is_definition or statement.code is None:
            reason = explain_unavailable(error)
            for name in sorted(statement.binds - own):
                if reason and classify_name(name):
                    names.unknown[name] = reason
                elif classify_name(name):
                    findings.append(make_finding(name, explain_failure(file, statement, error)))
    return findings


def _locate(finding: Finding, file: LearnerFile) -> Finding:
    cell, line = file.find_cell(finding.line)
    return replace(finding, cell=cell, line=line)
