"""residual data, audit."""

from pathlib import Path

import typer

from residual.cli.common import JSON, console, print_json, verb

_DATA = typer.Argument("digits", help="Name or path of the data, as for residual train.")
_ROOT = typer.Option(None, "--data", metavar="FOLDER", help="Folder to search for signs and cifar10.")


def add_to(app: typer.Typer) -> None:
    """Register the verbs of this room."""
    app.command("data", epilog="Example: residual data photos.zip")(show_data)
    app.command("audit", epilog="Example: residual audit photos --html audit.html")(audit)


@verb
def show_data(data: str = _DATA, root: str = _ROOT, as_json: bool = JSON):
    """Say what was found: layout, classes, images of each part and class, sizes, split, source."""
    out = console()
    from residual.auditing.overview import print_overview, summarize_source
    from residual.data.load import open_source

    found = summarize_source(open_source(data, root))
    if as_json:
        print_json(found.to_dict())
    else:
        print_overview(found, out)


@verb
def audit(
    data: str = _DATA,
    page: Path = typer.Option(None, "--html", help="Write a page that shows the images side by side."),
    labels: bool = typer.Option(False, "--labels", help="Look for wrong labels too; takes longer."),
    root: str = _ROOT,
    as_json: bool = JSON,
):
    """Look for what spoils a result: unreadable files, repeats, leaks into the test images, odd images.

    Exit code 0 when nothing was found that hurts, 1 when something was.
    """
    out = console(for_json=as_json)
    from residual.auditing.audit import audit_source
    from residual.auditing.progress import show_progress
    from residual.auditing.report_html import check_page, save_page
    from residual.auditing.report_text import print_audit
    from residual.data.load import open_source

    if page:
        check_page(page)  # a wrong name is told before the images are read
    source = open_source(data, root)
    with show_progress(out, len(source)) as progress:
        found = audit_source(source, labels, progress)
    if page:
        save_page(found, page)
    if as_json:
        print_json(found.to_dict())
    else:
        print_audit(found, out)
        if page:
            out.print(f"page     {page}", highlight=False, soft_wrap=True, markup=False)
    if not found.ok:
        raise typer.Exit(1)
