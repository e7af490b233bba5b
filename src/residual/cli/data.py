"""residual data: what a data set is."""

import typer

from residual.cli._shared import JSON, SEARCH_DIR, console, print_json

EXAMPLE = "residual data photos.zip"


def run(
    data: str = typer.Argument(
        "digits", metavar="DATA", help="Name or path of the data, as for residual train."
    ),
    search_dir: str = SEARCH_DIR,
    as_json: bool = JSON,
):
    """Show what was found: layout, classes, images of each split and class, sizes, source."""
    out = console(for_json=as_json)
    from residual._console import show_work
    from residual.auditing.overview import print_overview, summarize_source
    from residual.data.load import open_source

    source = open_source(data, search_dir)
    with show_work(out, f"looking at {len(source):,} images"):
        found = summarize_source(source)
    if as_json:
        print_json(found.to_dict())
    else:
        print_overview(found, out)
