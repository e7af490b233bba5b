"""Write the tables in docs/ that come from benchmarks/results/*.json.

    python benchmarks/tables.py            # writes them
    python benchmarks/tables.py --check    # exit code 1 if they are not what the results say

A table stands between `<!-- table NAME -->` and `<!-- end -->`, where NAME is a result without `.json`. A result of
several tables has one for each `<!-- table NAME PART -->`. The table cluster_model is computed, not measured.
"""

import json
import re
import sys
from pathlib import Path

from cluster_model import format_published
from epoch_rules import PARTS
from exports import format_exports
from fast_tables import KINDS, find_part
from images_at_scale import format_rows
from panel import PANEL_HEAD, panel_line
from step import format_case
from transfer_tables import FORMATS
from turns import format_table

ROOT = Path(__file__).resolve().parent
PAGES = [
    ROOT.parent / "docs" / name
    for name in ("performance.md", "results.md", "certificates.md", "finetune.md", "cluster.md", "fast.md")
]
DECODED = 420.0  # images a second and core: images_at_scale-cache-amd-25-17.json, decoded in every epoch, on two cores
BLOCK = re.compile(r"(<!-- table ([\w.-]+)(?: (\w+))? -->\n).*?(<!-- end -->)", re.DOTALL)


def describe_machine(record: dict) -> str:
    """Where and when a result was measured, in one line."""
    machine = record["machine"]
    name = f"{machine['processor']}, family {machine.get('family')} model {machine.get('model')}"
    versions = [f"{name} {machine[name]}" for name in ("tensorflow_cpu", "keras", "torch") if name in machine]
    switches = [f"{name}={value}" for name, value in machine["environment"].items()]
    facts = [name, f"{machine['cores']} cores", *versions, *switches, machine["date"]]
    if "turns" not in record or "quick" not in record:
        return f"{'; '.join(facts)}."
    quick = "a quick run of " if record["quick"] else ""
    return f"{'; '.join(facts)}; medians of {quick}{record['turns']} turns."


def format_record(record: dict, part: str | None) -> str:
    """A result, or a part of one, as a Markdown table with a line on its machine."""
    if "exports" in record:
        return format_exports(record)
    if "jpeg" in record:
        return f"{format_rows(record).strip()}\n\n{describe_machine(record)}\n"
    if part in KINDS:
        table, record = find_part(record, part)
    elif part in FORMATS:
        table = FORMATS[part](record)
    elif part is not None:
        table = PARTS[part](record)
    elif "case" in record:
        case = record["case"]
        title = (
            f"{case['network']}, {case['size']}x{case['size']}, batch {case['batch']}, {case['optimizer']}"
        )
        table = format_case(title, record["rows"], record["fastest_peer"])
    else:
        table = format_table(PANEL_HEAD, [panel_line(row) for row in record["rows"].values()])
    return f"{table.strip()}\n\n{describe_machine(record)}\n"


def fill(page: str) -> str:
    """The page with each table as its result says."""

    def write(found: re.Match) -> str:
        if found[2] == "cluster_model":
            return f"{found[1]}\n{format_published(decoded=DECODED).strip()}\n\n{found[4]}"
        record = json.loads((ROOT / "results" / f"{found[2]}.json").read_text("utf-8"))
        return f"{found[1]}\n{format_record(record, found[3])}\n{found[4]}"

    return BLOCK.sub(write, page)


if __name__ == "__main__":
    for page in PAGES:
        before = page.read_text("utf-8")
        after = fill(before)
        if sys.argv[1:] != ["--check"]:
            page.write_text(after, "utf-8")
        elif after != before:
            sys.exit(f"{page.name} is not what the results say: run benchmarks/tables.py.")
