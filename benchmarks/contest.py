"""A contest of contenders on one case, and what its record holds."""

import argparse
import json
import os
import statistics
import sys
from dataclasses import asdict
from pathlib import Path

from contenders import CONTENDERS, Case, Contender, missing
from machine import machine
from step_workers import WARM, network_path, networks_task
from turns import REST, Contest, Worker, WorkerError, compete, ended_workers, median_ratio, middle_half, say

WORKERS = str(Path(__file__).with_name("step_workers.py"))


def write_networks(cases: list[Case], names: list[str], folder: Path, limit: float) -> None:
    """Have the networks of stock Keras written into `folder`, by a process of its own."""
    policies = {CONTENDERS[name].precision for name in names if CONTENDERS[name].kind == "keras"}
    if not policies:
        return
    task = networks_task([(case, policy) for case in cases for policy in sorted(policies)], folder)
    environment = Contender("ours").environment(dict(os.environ))
    with ended_workers() as workers:
        workers["networks"] = worker = Worker([sys.executable, WORKERS, json.dumps(task)], environment, limit)
        try:
            count = worker.answer()["written"]
        except WorkerError as error:
            sys.exit(f"The networks of stock Keras cannot be written: {error}.")
    say(f"networks of stock Keras: {count}")


def contest(case: Case, names: list[str], folder: Path, asked: argparse.Namespace) -> Contest:
    """Let contenders of these names train a case."""
    starts, absent = {}, missing(names)
    for name in names:
        contender = CONTENDERS[name]
        task = {"case": asdict(case), "contender": asdict(contender)}
        if contender.kind == "keras":
            task["network"] = str(network_path(folder, case, contender.precision))
        command = [sys.executable, WORKERS, json.dumps(task)]
        if name not in absent:
            starts[name] = (command, contender.environment(dict(os.environ)))
    for name, why in absent.items():
        say(f"left out: {name}: {why}")
    found = compete(starts, asked.turns, asked.limit, asked.slowest)
    found.left_out |= absent
    return found


def row_of(found: Contest, name: str) -> dict:
    """What the record holds of a contender."""
    ready, turns, ms = found.ready[name], found.turns[name], found.ms
    peers = [peer for peer in ms if not peer.startswith("residual")]
    low, high = middle_half(ms[name])
    return {
        "ms": [round(value, 3) for value in ms[name]],
        "median_ms": statistics.median(ms[name]),
        "middle_half_ms": [low, high],
        "ratio_to": {peer: round(median_ratio(ms[name], ms[peer]), 4) for peer in peers if peer != name},
        "peak_mib": max(turn["peak_mib"] for turn in turns),
        "anonymous_peak_mib": turns[-1]["anonymous_peak_mib"],
        "ready_seconds": ready["seconds"],
        "steps": ready["steps"],
        "onednn": ready["onednn"],
        "environment": ready["environment"],
        "chose": ready["chose"],
    }


def setting(asked: argparse.Namespace) -> dict:
    """What both kinds of record begin with."""
    facts = {"quick": asked.quick, "turns": asked.turns, "warm_steps": WARM, "rest_seconds": REST}
    return {"machine": machine(), **facts}


def record_path(asked: argparse.Namespace, start: str) -> Path:
    """Where a record goes; a quick run and one of a few contenders leave the whole record alone."""
    kind = ("-quick" if asked.quick else "") + ("-only" if asked.only or asked.without else "")
    return asked.results / f"{start}-{asked.name}{kind}.json"


def quick_note(asked: argparse.Namespace) -> str:
    """A line above the table if the run was quick."""
    return (
        f"Quick: {asked.turns} turns; for figures to quote, run it without --quick.\n\n"
        if asked.quick
        else ""
    )


def left_out_note(left_out: dict[str, str]) -> str:
    """Lines below the table that name who has no turns, and why."""
    return "".join(f"\nLeft out: {name}: {why}." for name, why in left_out.items())


def write(record: dict, path: Path) -> None:
    """Write a record as JSON and say where."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    say(f"written: {path}")
