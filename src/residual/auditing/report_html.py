"""An audit as one HTML page that needs nothing else: the pictures of every finding side by side."""

import base64
import html
import io
from pathlib import Path

from residual._atomic import write_text
from residual._text import escape_control
from residual.auditing.audit import Audit
from residual.auditing.finding import Case, Finding
from residual.auditing.report_text import describe_source, format_verdict
from residual.auditing.scan import decode_content, read_content
from residual.data.image_file import QUIET, Unreadable
from residual.errors import DataError

_MARK = "<!-- residual audit -->"
_CASES, _IMAGES = 60, 6
_SIDE = 112  # pixels of a picture at most

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2330; --faint: #667085; --line: #e3e7ee; --page: #f6f7f9;
  --card: #ffffff; --bad: #b42318; --bad-back: #fef3f2; --good: #067647; --good-back: #ecfdf3; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --faint: #98a2b3; --line: #2c3442;
  --page: #12161d; --card: #1a202a; --bad: #fda29b; --bad-back: #3a1d1b; --good: #75e0a7; --good-back: #12301f; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { font-size: 24px; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 17px; margin: 0; }
.faint { color: var(--faint); overflow-wrap: anywhere; }
.verdict { margin: 20px 0; padding: 12px 16px; border-radius: 10px; font-weight: 600;
  background: var(--good-back); color: var(--good); }
.verdict.bad { background: var(--bad-back); color: var(--bad); }
table { border-collapse: collapse; width: 100%; background: var(--card); border: 1px solid var(--line);
  border-radius: 10px; overflow: hidden; }
td, th { text-align: left; padding: 8px 14px; border-top: 1px solid var(--line); }
th { border-top: 0; color: var(--faint); font-size: 12px; font-weight: 600; }
td:first-child { width: 1%; white-space: nowrap; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
a { color: inherit; }
section { margin-top: 36px; }
section header { display: flex; gap: 10px; align-items: center; margin-bottom: 12px; }
.tag { font-size: 12px; font-weight: 600; padding: 1px 9px; border-radius: 99px; border: 1px solid var(--line);
  color: var(--faint); white-space: nowrap; }
.tag.bad { background: var(--bad-back); color: var(--bad); border-color: transparent; }
.cases { display: grid; grid-template-columns: repeat(auto-fill, minmax(310px, 1fr)); gap: 12px; }
.case { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 12px; }
.pictures { display: flex; flex-wrap: wrap; gap: 12px; }
figure { margin: 0; width: 134px; }
figure img, .none { width: 112px; height: 112px; object-fit: contain; border-radius: 6px; display: block;
  background: var(--page); }
figure img.small { image-rendering: pixelated; }
.none { display: grid; place-items: center; color: var(--faint); font-size: 12px; border: 1px dashed var(--line); }
figcaption { font-size: 12px; line-height: 1.35; margin-top: 6px; overflow-wrap: anywhere; }
figcaption b { display: block; font-weight: 600; }
.note { font-size: 13px; margin: 8px 0 0; color: var(--faint); overflow-wrap: anywhere; }
.pictures + .note:empty { display: none; }
"""


def save_page(audit: Audit, path: str | Path) -> None:
    """Write the page; the pictures are in it, 112 pixels large, at most 60 cases of a finding.

    Args:
        audit: from `audit_source`.
        path: an .html file; one that this function did not write is not replaced.

    Raises:
        DataError: for another ending, or a file that is something else.
    """
    check_page(path)
    write_text(path, format_page(audit))


def check_page(path: str | Path) -> None:
    """DataError if `save_page` would refuse to write."""
    target = Path(path)
    if target.suffix.lower() not in (".html", ".htm"):
        raise DataError(f"The page must end in .html; got {path}.")
    if not target.exists():
        return
    with target.open("rb") as file:
        if _MARK.encode() not in file.read(200):
            raise DataError(f"{target} exists and is no page of an audit. Choose another name, or remove it.")


def format_page(audit: Audit) -> str:
    """The page as text."""
    with QUIET:
        return _page(audit)


def _page(audit: Audit) -> str:
    title = f"Audit of {_text(audit.source.name)}"
    rows = "".join(
        f'<tr><td>{_tag(finding)}</td><td><a href="#f{i}">{_text(finding.says)}</a></td>'
        f'<td class="number">{finding.count:,}</td></tr>'
        for i, finding in enumerate(audit.findings)
    )
    table = (
        f'<table><tr><th></th><th>finding</th><th class="number">count</th></tr>{rows}</table>'
        if rows
        else ""
    )
    sections = "".join(_section(audit, i, finding) for i, finding in enumerate(audit.findings))
    return (
        f'<!doctype html>\n{_MARK}\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
        "style-src 'unsafe-inline'\">"
        f"<title>{title}</title><style>{_STYLE}</style></head><body><main>"
        f'<h1>{title}</h1><div class="faint">{_text(describe_source(audit.source))}</div>'
        f'<div class="verdict{"" if audit.ok else " bad"}">{_text(format_verdict(audit).capitalize())}.</div>'
        f"{table}{sections}</main></body></html>\n"
    )


def _section(audit: Audit, number: int, finding: Finding) -> str:
    shown = finding.cases[:_CASES]
    cases = "".join(_case(audit, case) for case in shown)
    more = len(finding.cases) - len(shown)
    rest = f'<p class="faint">and {more:,} more, all of them in the audit as JSON</p>' if more else ""
    return (
        f'<section id="f{number}"><header>{_tag(finding)}<h2>{_text(finding.says)}</h2></header>'
        f'<p class="faint">{_text(finding.description)}</p><div class="cases">{cases}</div>{rest}</section>'
    )


def _tag(finding: Finding) -> str:
    return f'<span class="tag{" bad" if finding.hurts else ""}">{"hurts" if finding.hurts else "note"}</span>'


def _case(audit: Audit, case: Case) -> str:
    figures = "".join(_figure(audit, i) for i in case.images[:_IMAGES])
    more = len(case.images) - _IMAGES
    note = " ".join(filter(None, (case.note, f"and {more:,} more images" if more > 0 else "")))
    pictures = f'<div class="pictures">{figures}</div>' if figures else ""
    shown = f'<p class="note">{_text(note)}</p>' if note else ""
    return f'<div class="case">{pictures}{shown}</div>'


def _figure(audit: Audit, i: int) -> str:
    source = audit.source
    name, part, label = source.names[i], source.split_of(i), source.labels[i]
    width, height = audit.facts.size[i]
    size = f" · {width}x{height}" if width else ""
    return (
        f"<figure>{_picture(audit, i)}<figcaption><b>{_text(source.classes[label])}</b>"
        f'<span class="faint">{_text(part)}{size}</span><br>{_text(name)}</figcaption></figure>'
    )


def _picture(audit: Audit, i: int) -> str:
    try:
        image, _ = decode_content(read_content(audit.source, i))
    except Unreadable as problem:
        return f'<div class="none">{_text(problem.kind)}</div>'
    small = max(image.size) <= _SIDE
    image.thumbnail((_SIDE, _SIDE))
    file = io.BytesIO()
    image.save(file, "PNG" if small else "JPEG", quality=85)
    data = base64.b64encode(file.getvalue()).decode("ascii")
    kind, style = ("png", ' class="small"') if small else ("jpeg", "")
    return f'<img{style} alt="" src="data:image/{kind};base64,{data}">'


def _text(text: str) -> str:
    return html.escape(escape_control(text))
