"""The cores that a process may use: by its affinity, and by the quota of its container."""

import pytest

from residual.backend import processor
from residual.training import machine


@pytest.fixture
def container(tmp_path, monkeypatch):
    monkeypatch.setattr(processor, "_CGROUP", tmp_path)
    monkeypatch.setattr(processor, "_CGROUP_1", tmp_path / "cpu")
    monkeypatch.setattr(processor, "cores", lambda: 8)
    return tmp_path


@pytest.mark.parametrize(
    ("quota", "cores"),
    [
        ("200000 100000", 2),
        ("150000 100000", 2),
        ("50000 100000", 1),
        ("max 100000", 8),
        ("1600000 100000", 8),
    ],
)
def test_a_quota_of_version_2(container, quota, cores):
    (container / "cpu.max").write_text(f"{quota}\n")
    assert processor.count_usable_cores() == cores


@pytest.mark.parametrize(("quota", "cores"), [("300000", 3), ("-1", 8)])
def test_a_quota_of_version_1(container, quota, cores):
    (container / "cpu").mkdir()
    (container / "cpu" / "cpu.cfs_quota_us").write_text(quota)
    (container / "cpu" / "cpu.cfs_period_us").write_text("100000")
    assert processor.count_usable_cores() == cores


def test_without_a_container_all_cores_of_the_process_count(container):
    assert processor.count_usable_cores() == 8


def test_fewer_cores_than_a_run_began_with_are_reported(container):
    (container / "cpu.max").write_text("200000 100000")
    assert machine.describe_machine()["cores"] == 2
    assert machine.find_machine_changes({"cores": 8}).startswith("cores 8 became 2")


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("fpu sse avx avx2", ("avx2",)),
        ("avx2 avx512f avx512_vnni avx512_bf16", ("avx2", "avx512", "vnni", "bf16")),
        ("avx2 avx_vnni", ("avx2", "vnni")),
        ("avx2 avx512f avx512_vnni amx_int8 amx_bf16", ("avx2", "avx512", "vnni", "amx")),
        ("fp asimd asimddp i8mm bf16", ("bf16", "neon", "dotprod", "i8mm")),
    ],
)
def test_instruction_sets_are_named_as_runtimes_choose_by_them(monkeypatch, flags, expected):
    monkeypatch.setattr(processor, "flags", lambda: frozenset(flags.split()))
    assert processor.list_instruction_sets() == expected


def test_a_system_that_says_nothing_has_no_instruction_sets(monkeypatch):
    monkeypatch.setattr(processor, "flags", lambda: None)
    assert processor.list_instruction_sets() == ()
