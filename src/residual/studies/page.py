"""The folder of a study's results.

studies/vanishing-cifar10/
    asked.json     what was asked; the same words resume it
    pieces/        a file for each finished training or probe
    study.html     the page, which needs nothing else
    findings.json  sentences and figures, for programs
    results.csv    the table
    NAME.svg, NAME.png, NAME.csv  each chart
"""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from residual._atomic import write_bytes, write_text
from residual.studies.context import Context
from residual.studies.drawing import Drawing, Frames, Table
from residual.studies.render import environment, format_svg, render_png
from residual.studies.study import Findings, Study

PAGE = "study.html"
_MARK = "<!-- residual study -->"


@dataclass(frozen=True)
class Result:
    """A study that has ended.

    Attributes:
        folder: where its files are.
        findings: what it found.
        seconds: of computing, over all its processes.
    """

    folder: Path
    findings: Findings
    seconds: float

    @property
    def page(self) -> Path:
        """The page."""
        return self.folder / PAGE

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "folder": str(self.folder),
            "page": str(self.page),
            "title": self.findings.title,
            "closing": list(self.findings.closing),
            "figures": {
                name: None if isinstance(value, float) and not isfinite(value) else value
                for name, value in self.findings.figures.items()
            },
            "seconds": round(self.seconds, 1),
        }


def write_results(study: Study, context: Context, findings: Findings, command: str) -> Result:
    """Write page, tables and pictures into the folder of the study.

    Args:
        study: that has ended.
        context: it ran in.
        findings: what it returned.
        command: the command that repeats it.

    Raises:
        OSError: if a file cannot be written.
    """
    result = Result(context.folder, findings, context.elapsed)
    for drawing in _list_drawings(findings):
        write_text(context.folder / f"{drawing.name}.svg", format_svg(drawing))
        write_bytes(context.folder / f"{drawing.name}.png", render_png(drawing))
        write_text(context.folder / f"{drawing.name}.csv", format_csv(drawing.table))
    write_text(context.folder / "results.csv", format_csv(findings.table))
    details = {
        **result.to_dict(),
        "asked": context.asked.__dict__,
        "method": dict(findings.method),
        "limits": list(findings.limits),
        "machine": context.machine,
    }
    write_text(context.folder / "findings.json", json.dumps(details, indent=1))
    write_text(result.page, format_page(study, context, findings, command))
    return result


def format_page(study: Study, context: Context, findings: Findings, command: str) -> str:
    """The page as text.

    Args:
        study: that has ended.
        context: it ran in.
        findings: what it returned.
        command: the command that repeats it.
    """
    import markupsafe

    template = environment().get_template("study.html.jinja")
    return template.render(
        mark=markupsafe.Markup(_MARK),
        study=study,
        findings=findings,
        asked=context.asked,
        seconds=context.elapsed,
        machine=context.machine,
        command=command,
    ).lstrip()


def format_csv(table: Table) -> str:
    """A table as CSV with full digits; an empty cell if there is no figure.

    Args:
        table: the figures.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows(["" if cell is None else cell for cell in row] for row in table.rows)
    return text.getvalue()


def _list_drawings(findings: Findings) -> Iterator[Drawing]:
    for chart in findings.charts:
        if isinstance(chart, Frames):
            yield from (drawing for _, drawing in chart.frames)
        else:
            yield chart
