"""One training step: `residual` beside stock Keras and PyTorch, in milliseconds and peak memory."""

import argparse
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from contenders import CASES, QUICK, SLOW, choose_contenders, choose_rows
from contest import contest, left_out_note, quick_note, record_path, row_of, setting, write, write_networks
from machine import processor, short_name
from panel import run_panel
from step_workers import LEAST, WARM
from turns import fastest, format_ms, format_table, say

EPILOG = f"""\
examples:
  python benchmarks/step.py resnet20 --quick
  python benchmarks/step.py resnet50                        # 64x64, batch 32, Adam
  python benchmarks/step.py resnet50 --without "as it comes" compiled
  python benchmarks/step.py panel                           # eight networks, SGD and Adam
  python benchmarks/step.py panel --rows resnet20 resnet50-64-adam

Each contender runs in a process of its own, and the processes take turns. A turn is an epoch of about two seconds, at
least {LEAST} steps after {WARM} that do not count. Keras runs `fit`; PyTorch runs a loop written by hand. All train the
same network on the same random images. Stock Keras and PyTorch never see the settings of `residual`. "as it comes" has
TF_ENABLE_ONEDNN_OPTS unset, "oneDNN on" has it set to 1, and `residual` keeps what the environment says.

The panel compares `residual` with stock Keras with oneDNN on, in float32 and, if the processor multiplies in bfloat16,
in mixed_bfloat16 too; the ratio is to the faster of the two. Results are Markdown on standard output and JSON in
--results. Install what is compared with `pip install -r benchmarks/requirements.txt`.
"""
TURNS, QUICK_TURNS = 7, 3
LIMIT = 300  # seconds to be ready, and for a turn
SLOWEST = 5.0  # times the fastest contender's step
RESULTS = Path(__file__).with_name("results")


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("what", choices=[*CASES, "panel"], help="a network beside all contenders, or the panel of networks")
    add("--quick", action="store_true", help=f"{QUICK_TURNS} turns, and of the contenders only {len(QUICK)}")
    add("--turns", type=int, help=f"turns of each contender (default {TURNS})")
    add("--all", action="store_true", help=f"the slow contenders too: {', '.join(SLOW)}")
    add("--only", nargs="+", metavar="NAME", default=[], help="contenders, by any part of their names")
    add("--without", nargs="+", metavar="NAME", default=[], help="contenders to leave out, likewise")
    add("--rows", nargs="+", metavar="ROW", default=[], help="rows of the panel, by the start of their names")
    add("--name", help="of the processor in the names of results (default: vendor, family and model)")
    add(
        "--limit",
        type=float,
        default=LIMIT,
        help="seconds to become ready, and for a turn (default %(default)s)",
    )
    add(
        "--slowest",
        type=float,
        help=f"leave out what takes so many times the fastest ({SLOWEST:g}; none with --all)",
    )
    add("--results", type=Path, default=RESULTS, help="folder of the JSON (default: benchmarks/results)")
    asked = parser.parse_args(words)
    try:
        asked.contenders = choose_contenders(asked.only, asked.without, asked.quick, asked.all)
        asked.panel = choose_rows(asked.rows)
    except ValueError as error:
        parser.error(str(error))
    if asked.turns is None:
        asked.turns = QUICK_TURNS if asked.quick else TURNS
    if asked.turns < 1:
        parser.error(f"--turns must be at least 1; got {asked.turns}")
    asked.slowest = asked.slowest or (None if asked.all else SLOWEST)
    asked.name = asked.name or short_name(processor())
    return asked


def format_case(what: str, rows: dict[str, dict], peer: str | None) -> str:
    """The table of one network: a line for each contender, and the ratio of ours to the fastest peers."""
    head = [what, "ms a step (middle half)", "of the fastest peer", "peak GiB", "of it outside library files"]
    lines = []
    for name, row in rows.items():
        low, high = map(format_ms, row["middle_half_ms"])
        ratio = 1.0 if name == peer else row["ratio_to"].get(peer)
        anonymous = row["anonymous_peak_mib"]
        lines.append(
            [
                name,
                f"{format_ms(row['median_ms'])} ({low}-{high})",
                f"{ratio:.2f}" if ratio else "-",
                f"{row['peak_mib'] / 1024:.2f}",
                f"{anonymous / 1024:.2f}" if anonymous else "-",
            ]
        )
    return format_table(head, lines)


def run_case(asked: argparse.Namespace) -> None:
    """Time one network with all contenders, print the table, write the JSON."""
    case = CASES[asked.what]
    with tempfile.TemporaryDirectory() as folder:
        write_networks([case], asked.contenders, Path(folder), asked.limit)
        found = contest(case, asked.contenders, Path(folder), asked)
    peers = {name: turns for name, turns in found.ms.items() if not name.startswith("residual")}
    rows = {name: row_of(found, name) for name in found.turns}
    if not rows:
        sys.exit("No contender ran.")
    peer = fastest(peers)
    say(f"\n{quick_note(asked)}{format_case(asked.what, rows, peer)}\n{left_out_note(found.left_out)}")
    record = {**setting(asked), "case": asdict(case), "fastest_peer": peer}
    record |= {"fastest_pytorch": fastest(peers, "PyTorch"), "left_out": found.left_out, "rows": rows}
    write(record, record_path(asked, f"step-{asked.what}"))


if __name__ == "__main__":
    chosen = arguments()
    try:
        run_panel(chosen) if chosen.what == "panel" else run_case(chosen)
    except KeyboardInterrupt:
        sys.exit(130)
