"""How much memory is free, on the machine and in a container."""

from types import SimpleNamespace

import pytest

from residual.training import memory

GIB = 2**30


@pytest.fixture
def container(tmp_path, monkeypatch):
    """A machine with 8 GiB free, and a function that puts this process into a container."""
    monkeypatch.setattr(memory.psutil, "virtual_memory", lambda: SimpleNamespace(available=8 * GIB))
    monkeypatch.setattr(memory, "_CONTAINER", tmp_path)

    def files(limit, used: int, cached: int) -> None:
        (tmp_path / "memory.max").write_text(f"{limit}\n")
        (tmp_path / "memory.current").write_text(f"{used}\n")
        (tmp_path / "memory.stat").write_text(
            f"anon {used - cached}\ninactive_file {cached}\nactive_file 0\n"
        )

    return files


def test_without_a_container_the_machine_counts(container):
    assert memory.available() == 8 * GIB


def test_files_that_a_container_has_cached_count_as_free(container):
    container(limit=4 * GIB, used=3 * GIB, cached=2 * GIB)
    assert memory.available() == 3 * GIB


def test_a_container_has_no_more_than_its_machine(container):
    container(limit=64 * GIB, used=GIB, cached=0)
    assert memory.available() == 8 * GIB


def test_a_container_without_a_limit_has_what_its_machine_has(container):
    container(limit="max", used=GIB, cached=0)
    assert memory.available() == 8 * GIB


def test_a_container_over_its_limit_has_nothing(container):
    container(limit=GIB, used=2 * GIB, cached=0)
    assert memory.available() == 0
