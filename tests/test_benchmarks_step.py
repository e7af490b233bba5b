"""The step benchmark's turns, statistics and tables, with workers that answer without a network."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
MODULES = ("contenders", "contest", "machine", "panel", "step", "step_workers", "turns")

ZEN3 = """\
processor\t: 0
vendor_id\t: AuthenticAMD
cpu family\t: 25
model\t\t: 1
model name\t: AMD EPYC 7B13
flags\t\t: fpu sse4_2 fma avx avx2 avx512ifma_not_really

processor\t: 1
flags\t\t: avx512_bf16
"""


@pytest.fixture(autouse=True)
def modules(monkeypatch):
    """The benchmark's modules can be imported by name, in this test only."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield
    for name in MODULES:
        sys.modules.pop(name, None)


def test_cpuinfo_gives_the_first_processor_and_whole_flags():
    from machine import has_bfloat16, parse_cpuinfo, short_name

    facts = parse_cpuinfo(ZEN3)
    assert facts == {
        "processor": "AMD EPYC 7B13",
        "vendor": "AuthenticAMD",
        "family": "25",
        "model": "1",
        "flags": ["avx2", "fma"],
    }
    assert short_name(facts) == "amd-25-1"
    assert not has_bfloat16(facts)
    assert has_bfloat16(parse_cpuinfo(ZEN3.replace("avx2", "avx2 avx512_bf16")))


def test_status_fields_are_in_mib():
    from machine import parse_status

    text = "Name:\tpython\nVmHWM:\t  204800 kB\nRssAnon:\t   51200 kB\n"
    assert parse_status(text, "RssAnon") == 50
    assert parse_status(text, "RssFile") is None


def test_ms_per_step_leaves_out_the_warm_steps():
    from step_workers import ms_per_step

    assert ms_per_step([(1, 5.0), (2, 6.0), (3, 6.1), (4, 6.3)], warm=2) == pytest.approx(150)
    several = [(4, 1.0), (8, 1.4), (12, 1.8)]  # four steps in one execution
    assert ms_per_step(several, warm=2) == pytest.approx(100)
    with pytest.raises(ValueError, match="more than 2 steps; got 2"):
        ms_per_step([(1, 5.0), (2, 6.0)], warm=2)


@pytest.mark.parametrize(("ms", "timed"), [(5000, 4), (100, 15), (1, 200)])
def test_a_turn_has_steps_for_its_seconds_within_bounds(ms, timed):
    from step_workers import WARM, steps_of_turn

    assert steps_of_turn(ms) == WARM + timed


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (None, "ended without an answer"),
        ("Epoch 1/1\n", "'Epoch 1/1', which is not an object"),
        ("[1]\n", "not an object"),
        ('{"failed": "ValueError: no\\n such thing"}\n', "^ValueError: no such thing$"),
    ],
)
def test_answers_that_leave_a_worker_out(line, why):
    from turns import WorkerError, parse_answer

    with pytest.raises(WorkerError, match=why):
        parse_answer(line)


def test_the_ratio_is_the_median_of_the_turns_not_of_the_times():
    from turns import median_ratio

    assert median_ratio([10, 40, 12], [20, 40, 30]) == 0.5
    assert median_ratio([1, 2, 9], [2, 2, 3]) == 1.0


def test_middle_half_of_few_and_of_many():
    from turns import middle_half

    assert middle_half([3.0, 1.0, 2.0]) == (1.0, 3.0)
    assert middle_half([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]) == (2.0, 6.0)


def test_each_turn_begins_with_another_worker():
    from turns import rotate

    assert [rotate(["a", "b", "c"], number)[0] for number in range(4)] == ["a", "b", "c", "a"]
    assert sorted(rotate(["a", "b", "c"], 2)) == ["a", "b", "c"]


def test_too_slow_spares_ours():
    from turns import too_slow

    ms = {"residual": 900.0, "fast": 100.0, "slow": 1100.0, "fair": 499.0}
    assert too_slow(ms, 5, "residual") == {"slow": "1,100 ms a step, 11.0 times as long as fast"}
    assert too_slow(ms, None, "residual") == {}


def test_tables_are_markdown():
    from turns import format_ms, format_table

    assert [format_ms(ms) for ms in (4.126, 41.26, 412.6, 4126.0)] == ["4.13", "41.3", "413", "4,126"]
    assert format_table(["a", "b"], [["x", "1"]]) == "| a | b |\n| --- | ---: |\n| x | 1 |"


def test_the_environment_of_stock_workers_is_what_their_names_say():
    from contenders import CONTENDERS, ONEDNN, OURS

    user = {"TF_ENABLE_ONEDNN_OPTS": "0", "KERAS_BACKEND": "torch", "PATH": "/bin"}
    ours, stock, on = (
        CONTENDERS[name].environment(user) for name in (OURS, "Keras on TensorFlow, as it comes", ONEDNN)
    )
    assert ours["TF_ENABLE_ONEDNN_OPTS"] == "0"
    assert "TF_ENABLE_ONEDNN_OPTS" not in stock
    assert on["TF_ENABLE_ONEDNN_OPTS"] == "1"
    assert {each["KERAS_BACKEND"] for each in (ours, stock, on)} == {"tensorflow"}
    assert user["KERAS_BACKEND"] == "torch"


def test_contenders_are_chosen_by_parts_of_their_names():
    from contenders import QUICK, SLOW, choose_contenders

    assert not set(SLOW) & set(choose_contenders([], []))
    assert set(SLOW) <= set(choose_contenders([], [], slow=True))
    assert choose_contenders([], [], quick=True) == list(QUICK)
    assert choose_contenders(["keras on jax", "residual, f"], []) == ["residual, float32", "Keras on JAX"]
    assert choose_contenders(["PyTorch"], ["compiled", "bfloat16"]) == ["PyTorch, float32"]
    with pytest.raises(ValueError, match=r"'MXNet' in its name; they are: residual"):
        choose_contenders(["MXNet"], [])


def test_the_command_line_refuses_unknown_rows(capsys):
    from step import arguments

    assert list(arguments(["panel", "--rows", "resnet50-64"]).panel) == [
        "resnet50-64-sgd",
        "resnet50-64-adam",
    ]
    with pytest.raises(SystemExit):
        arguments(["panel", "--rows", "vgg16"])
    assert "no row of the panel begins with 'vgg16'" in capsys.readouterr().err


def test_quick_has_fewer_turns_unless_asked():
    from step import arguments

    assert (arguments(["resnet20"]).turns, arguments(["resnet20", "--quick"]).turns) == (7, 3)
    assert arguments(["resnet20", "--quick", "--turns", "2"]).turns == 2


def test_a_part_of_the_contenders_leaves_the_whole_record_alone():
    from contest import record_path
    from step import arguments

    base = ["resnet20", "--name", "zen", "--results", "there"]
    paths = [
        record_path(arguments([*base, *more]), "step-resnet20").as_posix()
        for more in ([], ["--quick"], ["--only", "residual"])
    ]
    assert paths == [f"there/step-resnet20-zen{kind}.json" for kind in ("", "-quick", "-only")]


def worker(code: str) -> tuple[list[str], dict[str, str]]:
    """Command and environment of a worker that runs this code, with `answer` and `turns` at hand."""
    helpers = (
        "import json, sys, time, os\n"
        "def answer(**facts): print(json.dumps(facts), flush=True)\n"
        "def turns(ms):\n"
        "    for _, value in zip(sys.stdin, ms):\n"
        "        answer(ms=value, peak_mib=100, anonymous_peak_mib=None)\n"
    )
    return [sys.executable, "-c", helpers + code], dict(os.environ)


READY = "answer(ms=%d, steps=6, chose={}, onednn=None, environment={})\n"


def test_a_contest_goes_on_without_those_that_fail(capsys):
    from contest import row_of
    from turns import compete

    starts = {
        "residual": worker(READY % 10 + "turns([10, 12, 20])"),
        "peer": worker(READY % 20 + "turns([20, 24, 20])"),
        "broken": worker("sys.exit('no such instruction')"),
        "failed": worker("answer(failed='ImportError: jax')"),
        "late": worker("time.sleep(60)"),
        "slow": worker(READY % 900 + "turns([800])"),
        "disturbed": worker(READY % 900 + "turns([30, 20, 24, 40])"),
        "dies": worker(READY % 20 + "turns([20])"),
    }
    found = compete(starts, turns=3, limit=2, slowest=5, rest=0)
    assert found.ms == {"residual": [10, 12, 20], "peer": [20, 24, 20], "disturbed": [20, 24, 40]}
    assert found.left_out == {
        "broken": "ended with status 1: no such instruction",
        "failed": "ImportError: jax",
        "late": "took longer than 2 s",
        "slow": "800 ms a step, 80.0 times as long as residual",
        "dies": "ended with status 0",
    }
    assert row_of(found, "residual")["ratio_to"] == {"peer": 0.5, "disturbed": 0.5}
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("ready ") and line.endswith(": peer") for line in lines)
    assert "turn 3/3     20.0 ms  residual" in lines


def test_the_panel_compares_with_the_faster_stock_precision():
    from contenders import ONEDNN, OURS, Case
    from panel import panel_line, panel_row
    from turns import Contest

    ready = {"seconds": 1.0, "steps": 6, "onednn": True, "environment": {}, "chose": {}}
    ms = {OURS: [30, 40, 20], ONEDNN: [50, 50, 50], f"{ONEDNN}, mixed_bfloat16": [40, 40, 40]}
    found = Contest(
        {name: dict(ready) for name in ms},
        {
            name: [{"ms": value, "peak_mib": 1024, "anonymous_peak_mib": 512} for value in values]
            for name, values in ms.items()
        },
    )
    found.ready[OURS]["chose"] = {"precision": "bfloat16"}
    row = panel_row(found, Case("resnet18", 64, 32))
    assert row["ratio"] == 0.75
    assert panel_line(row) == ["resnet18, 64, 32, adam", "30.0 bfloat16", "40.0 mixed_bfloat16", "0.75"]
    found.leave_out(OURS, "took longer than 300 s")
    assert panel_line(panel_row(found, Case("resnet18", 64, 32)))[-1] == f"none: {OURS} left out"


def test_the_panel_keeps_rows_of_the_same_machine_only():
    from panel import merge

    before = {
        "machine": {"date": "2026-01-01", "model": "1"},
        "turns": 7,
        "rows": {"resnet20-sgd": {"ratio": 1}},
    }
    now = {
        "machine": {"date": "2026-01-02", "model": "1"},
        "turns": 7,
        "rows": {"resnet20-adam": {"ratio": 2}},
    }
    assert list(merge(before, now)["rows"]) == ["resnet20-sgd", "resnet20-adam"]
    assert list(merge({**before, "turns": 3}, now)["rows"]) == ["resnet20-adam"]
    assert merge({}, now) == now


def test_a_networks_file_is_written_once_for_both_optimizers(tmp_path):
    from contenders import Case
    from step_workers import networks_task

    cases = [Case("resnet18", 64, 32, "sgd"), Case("resnet18", 64, 32, "adam"), Case("resnet18", 224, 16)]
    rows = networks_task([(case, "float32") for case in cases], tmp_path)["networks"]
    assert [Path(row["path"]).name for row in rows] == [
        "resnet18-64-10-float32.json",
        "resnet18-224-10-float32.json",
    ]


@pytest.mark.skipif(os.name != "posix", reason="signals and process groups")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_worker_outlives_the_benchmark(number, tmp_path):
    """The worker waits as one does in a long step: its thread reads standard input, its main thread is busy."""
    child = (
        "import os, time; from step_workers import read_commands; read_commands(); "
        "print(chr(123) + '\"pid\": ' + str(os.getpid()) + chr(125), flush=True); time.sleep(120)"
    )
    parent = (
        "import os, sys\n"
        "from turns import Worker, ended_workers\n"
        "with ended_workers() as workers:\n"
        f"    workers['one'] = worker = Worker([sys.executable, '-c', {child!r}], dict(os.environ), 60)\n"
        "    print(worker.answer()['pid'], flush=True)\n"
        "    worker.answer()\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(BENCHMARKS)}
    command = [sys.executable, "-c", parent]
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    pid = int(json.loads(process.stdout.readline()))
    process.send_signal(number)
    process.communicate(timeout=60)
    deadline = time.monotonic() + 60
    while is_running(pid):
        assert time.monotonic() < deadline, "the worker still runs"
        time.sleep(0.05)


def is_running(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not waited for does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not (status.is_file() and status.read_text().rpartition(")")[2].split()[0] == "Z")
