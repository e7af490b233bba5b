"""The tables of docs/finetune.md, of the results of transfer.py, transfer_rules.py and probe.py."""

import math
import statistics

from turns import format_table

_T = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776}  # 97.5% of Student's t with that many values


def format_transfers(record: dict) -> str:
    """A row for each target and number of images a class, a column for each way to begin."""
    rows, columns = {}, []
    for key, cases in record["cases"].items():
        if cases:
            target, per_class, method = key.split(", ")
            rows.setdefault((target, int(per_class)), {})[method] = cases
            columns += [] if method in columns else [method]
    columns.sort(key=lambda name: (name != "from scratch", name.split(" from ")[-1], name.startswith("fine")))
    lines = [
        [target, str(per_class), *(format_cases(row[name]) if name in row else "" for name in columns)]
        for (target, per_class), row in sorted(rows.items())
    ]
    return format_table(["to", "images a class", *columns], lines)


def format_rules(record: dict) -> str:
    """A row for each rule, a column for each target."""
    rows: dict[str, dict[str, str]] = {}
    for key, cases in record["cases"].items():
        target, per_class, rule = key.split(", ", 2)
        rows.setdefault(rule, {})[f"{target}, {per_class} a class"] = format_cases(cases)
    columns = list(dict.fromkeys(name for row in rows.values() for name in row))
    return format_table(
        ["rule", *columns], [[rule, *(row.get(c, "") for c in columns)] for rule, row in rows.items()]
    )


def format_probe(record: dict) -> str:
    """A row for each program."""
    lines = []
    for name, rows in record["rows"].items():
        seconds = sorted(row["seconds"] for row in rows)
        lines.append(
            [
                name,
                f"{record['median_seconds'][name]:.1f} s ({seconds[0]:.1f} to {seconds[-1]:.1f})",
                f"{rows[-1]['correct']} of {rows[-1]['n']}",
            ]
        )
    return format_table(["", f"median of {record['turns']} turns", "right on test photos"], lines)


def format_cases(cases: list[dict]) -> str:
    """Mean accuracy over the seeds, with a 95% interval: Student's over seeds, Wilson's of the images of one."""
    shares = [case["correct"] / case["n"] for case in cases]
    mean = statistics.mean(shares)
    if len(shares) > 1:
        half = _T[len(shares)] * statistics.stdev(shares) / math.sqrt(len(shares))
        return f"{mean:.1%} ± {100 * half:.1f} ({len(shares)} seeds)"
    n, z = cases[0]["n"], 1.96
    centre = (mean + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(mean * (1 - mean) / n + z * z / (4 * n * n))
    return f"{mean:.1%} [{100 * (centre - half):.1f}, {100 * (centre + half):.1f}] (1 seed)"


FORMATS = {"transfers": format_transfers, "statistics": format_rules, "probe": format_probe}
