"""Coverage-guided fuzzing of the readers: python fuzz/run.py READER --minutes 5

READER is one of those in readers.py, or "all". A worker, a process of its own, reads what libFuzzer makes of the
seeds; where the library beneath a reader crashes, hangs or takes too much memory, the worker dies, the input is
kept and another worker goes on. Findings lie in WORK/READER/findings, one of each kind: the input and what it led to.
"""

import argparse
import json
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_ENDS = {70: "hang", 71: "memory", 77: "crash"}
_MOST_RESTARTS = 200


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("reader", help='name of a reader, or "all"')
    parser.add_argument("--minutes", type=float, default=5.0, help="for each reader")
    parser.add_argument("--work", type=Path, default=ROOT / "fuzz" / "found", help="corpus and findings")
    parser.add_argument("--inputs", nargs="*", type=Path, help="read these files once and end")
    parser.add_argument("--worker", type=float, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    sys.path[:0] = [str(ROOT), str(ROOT / "src")]
    if asked.worker is not None or asked.inputs:
        from fuzz.worker import work

        work(asked.reader, asked.work / asked.reader, asked.worker, asked.inputs or [])
        return 0
    known = re.findall(r'^    "([\w-]+)": Reader\(', (ROOT / "fuzz" / "readers.py").read_text(), re.M)
    if asked.reader not in (*known, "all"):
        parser.error(f"READER must be one of {', '.join(known)} or all; got {asked.reader}")
    found = 0
    for name in known if asked.reader == "all" else [asked.reader]:
        row = fuzz(name, asked.work, 60 * asked.minutes)
        print(json.dumps(row), flush=True)
        found += len(row["findings"])
    return 1 if found else 0


def fuzz(reader: str, work: Path, seconds: float) -> dict:
    """Fuzz one reader; executions, coverage and findings as JSON shows them."""
    place = work / reader
    (place / "findings").mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + seconds
    executions, edges, features, workers = 0, 0, 0, 0
    while (left := end - time.monotonic()) > 2 and workers < _MOST_RESTARTS:
        command = [sys.executable, __file__, reader, "--work", str(work), "--worker", f"{left:.0f}"]
        ended = subprocess.run(
            command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, errors="replace"
        )
        workers += 1
        executions += _last(r"stat::number_of_executed_units: (\d+)", ended.stderr)
        edges = max(edges, _last(r"cov: (\d+)", ended.stderr))
        features = max(features, _last(r" ft: (\d+)", ended.stderr))
        if ended.returncode and not re.search(r"^Done \d+ runs in", ended.stderr, re.M):
            kind = _ENDS.get(ended.returncode, f"exit {ended.returncode}")
            _keep(place, kind, ended.stderr)
            (place / f"worker-{workers}.log").write_text(ended.stderr[-20_000:])
    return {
        "reader": reader,
        "seconds": round(seconds),
        "executions": executions,
        "edges": edges,
        "features": features,
        "workers": workers,
        "findings": sorted(file.stem for file in (place / "findings").glob("*.txt")),
    }


def _last(pattern: str, text: str) -> int:
    found = re.findall(pattern, text)
    return int(found[-1]) if found else 0


def _keep(place: Path, kind: str, told: str) -> None:
    """The input that ended a worker, under the kind of end."""
    written = re.findall(r"Test unit written to (\S+)", told)
    name = f"{kind}-{Path(written[-1]).name[-8:]}" if written else f"{kind}-before-any-input"
    if written:
        Path(written[-1]).replace(place / "findings" / f"{name}.bin")
    (place / "findings" / f"{name}.txt").write_text(told[-6000:])


if __name__ == "__main__":
    sys.exit(main())
