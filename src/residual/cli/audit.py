"""residual audit: what spoils a result."""

from pathlib import Path

import typer

from residual.cli._shared import JSON, SEARCH_DIR, check_output, console, print_json, print_line

EXAMPLE = "residual audit photos --html audit.html"


def run(
    data: str = typer.Argument(
        "digits", metavar="DATA", help="Name or path of the data, as for residual train."
    ),
    page: Path = typer.Option(None, "--html", help="Write a page that shows the images side by side."),
    labels: bool = typer.Option(False, "--labels", help="Look for wrong labels too; takes longer."),
    search_dir: str = SEARCH_DIR,
    as_json: bool = JSON,
):
    """Find what spoils a result: unreadable files, repeats, leaks into the test images, odd images.

    Exit code 0 if nothing is found that hurts a result, 1 if something is.
    """
    out = console(for_json=as_json)
    check_output(page, "--html", ".html", ".htm")
    from residual.auditing.audit import audit_source
    from residual.auditing.progress import show_progress
    from residual.auditing.report_html import check_page, save_page
    from residual.auditing.report_text import print_audit
    from residual.data.load import open_source

    if page:
        check_page(page)
    source = open_source(data, search_dir)
    with show_progress(out, len(source)) as progress:
        found = audit_source(source, labels, progress)
    if as_json:
        print_json(found.to_dict())
    else:
        print_audit(found, out)
    if page:
        save_page(found, page)
        if not as_json:
            print_line(out, f"page     {page}")
    if not found.ok:
        raise typer.Exit(1)
