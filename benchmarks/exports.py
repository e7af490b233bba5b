"""Tables of exports in docs/certificates.md, from what `residual bench RUN --json` printed.

A result is {"exports": {"with VNNI": ..., "limited to AVX2": ...}}: the output of the command as it is, and that with
ONEDNN_MAX_CPU_ISA=AVX2 and an ONNX Runtime without AVX-512. The two were measured one after the other on one machine.
"""

from turns import format_table

from residual._text import format_bytes, format_percent


def format_exports(record: dict) -> str:
    """A result as a Markdown table with a line on its machine."""
    benches = record["exports"]
    first = next(iter(benches.values()))
    head = ["format", "size", "accuracy (95% interval)", "same class"]
    head += [f"{unit}, {label}" for label in benches for unit in ("ms for 1", "images/s by 32")]
    lines = []
    for number, row in enumerate(first["rows"]):
        found = row["certificate"]
        n, accuracy = found["n"], found["file_accuracy"]
        low, high = (format_percent(end, n).rstrip("%") for end in accuracy["interval"])
        cells = [f"{row['format']} {row['precision']}", format_bytes(found["file_bytes"])]
        cells += [
            f"{format_percent(accuracy['share'], n)} ({low}-{high})",
            format_percent(found["agreement"], n),
        ]
        for bench in benches.values():
            cells += _format_speed(bench["rows"][number])
        lines.append(cells)
    machine = first["machine"]
    sets = ", ".join(machine["instruction_sets"])
    where = f"{machine['processor']}, {machine['cores']} cores ({sets})"
    created = first["rows"][0]["certificate"]["created"][:10]
    return (
        f"{format_table(head, lines).strip()}\n\n{first['images']} validation images; {where}; {created}.\n"
    )


def _format_speed(row: dict) -> list[str]:
    speed = (row["certificate"] or {}).get("speed")
    if not speed:
        return ["-", "-"]
    return [f"{speed['batch_1_ms']:.2f}", f"{speed['batch_32_per_second']:,.0f}"]
