"""residual list: the networks."""

from residual.cli._shared import JSON, console, print_json, print_line

EXAMPLE = "residual list"


def run(as_json: bool = JSON):
    """List the families of networks, the depths they have and the suffixes for other shortcuts."""
    out = console(for_json=as_json)
    from residual.models.spec import SHORTCUTS
    from residual.models.zoo import FAMILIES

    rows = [
        {
            "name": family.pattern.format(d="{depth}", k="{width}"),
            "depths": family.rule,
            "examples": list(family.examples),
            "about": family.about,
        }
        for family in FAMILIES
    ]
    if as_json:
        print_json({"families": rows, "shortcuts": SHORTCUTS})
        return
    from rich.table import Table

    from residual._console import print_row

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in ("family", "depths", "what it is"):
        table.add_column(heading, no_wrap=heading != "what it is", overflow="fold")
    for row in rows:
        name = row["name"].replace("{depth}", "N").replace("{width}", "K")
        table.add_row(name, row["depths"], row["about"])
    out.print(table)
    out.print()
    print_line(out, "N is the depth, K the width. For example")
    for row in rows:
        print_line(out, f"  {', '.join(row['examples'])}")
    out.print()
    print_line(out, "A suffix chooses other shortcuts, such as cifar-resnet56-plain")
    for key, about in SHORTCUTS.items():
        print_row(out, "  -plain" if key == "none" else f"  -{key}", about, indent=22)
