"""The panel: `residual` beside stock Keras with oneDNN on, over many networks and two optimizers."""

import argparse
import json
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from contenders import CONTENDERS, ONEDNN, OURS, PANEL, Case
from contest import contest, quick_note, record_path, row_of, setting, write, write_networks
from machine import has_bfloat16, processor
from turns import Contest, fastest, format_ms, format_table, median_ratio, say


def panel_contenders(facts: dict) -> list[str]:
    """Ours and stock Keras with oneDNN on, in bfloat16 too if a processor with these facts has it."""
    return [OURS, ONEDNN, *([f"{ONEDNN}, mixed_bfloat16"] if has_bfloat16(facts) else [])]


def panel_row(found: Contest, case: Case) -> dict:
    """What the record holds of a row: ours against the faster of the stock contenders."""
    row = {"date": time.strftime("%Y-%m-%d"), "case": asdict(case), "left_out": found.left_out}
    row["contenders"] = {name: row_of(found, name) for name in found.turns}
    peer = fastest(found.ms, ONEDNN)
    if OURS in found.turns and peer:
        row |= {"peer": peer, "ratio": round(median_ratio(found.ms[OURS], found.ms[peer]), 4)}
    return row


PANEL_HEAD = ["network, pixels, batch, optimizer", "residual, ms", "stock Keras, oneDNN on, ms", "ratio"]


def panel_line(row: dict) -> list[str]:
    """A row of the panel as cells."""
    case, contenders, peer = row["case"], row["contenders"], row.get("peer")
    title = f"{case['network']}, {case['size']}, {case['batch']}, {case['optimizer']}"
    if peer is None:
        return [title, "-", "-", f"none: {'; '.join(row['left_out'])} left out"]
    ours, stock = (format_ms(contenders[name]["median_ms"]) for name in (OURS, peer))
    precision = contenders[OURS]["chose"].get("precision", "")
    dtype = CONTENDERS[peer].precision
    return [title, f"{ours} {precision}".strip(), f"{stock} {dtype}", f"{row['ratio']:.2f}"]


def run_panel(asked: argparse.Namespace) -> None:
    """Time all rows, print each as it comes and then the table; the JSON is written after every row."""
    names = panel_contenders(processor())
    path = record_path(asked, "panel")
    record = {**setting(asked), "rows": {}}
    done = []
    with tempfile.TemporaryDirectory() as folder:
        write_networks(list(asked.panel.values()), names, Path(folder), asked.limit)
        for number, (name, case) in enumerate(asked.panel.items(), 1):
            say(f"\nrow {number} of {len(asked.panel)}: {name}")
            row = panel_row(contest(case, names, Path(folder), asked), case)
            record["rows"][name] = row
            done.append(panel_line(row))
            say(f"row {number}: {' | '.join(done[-1])}")
            write(merge(json.loads(path.read_text("utf-8")) if path.is_file() else {}, record), path)
    say(f"\n{quick_note(asked)}{format_table(PANEL_HEAD, done)}")


def merge(before: dict, now: dict) -> dict:
    """`now` with the rows of an earlier record of the same machine, versions and settings, if it is one."""

    def settings(record: dict) -> dict:
        facts = {name: value for name, value in record.items() if name != "rows"}
        facts["machine"] = {
            name: value for name, value in record.get("machine", {}).items() if name != "date"
        }
        return facts

    if settings(before) != settings(now):
        return now
    rows = before["rows"] | now["rows"]
    return now | {"rows": {name: rows[name] for name in PANEL if name in rows}}
