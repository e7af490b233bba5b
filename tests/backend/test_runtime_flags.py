"""Switches that are set before TensorFlow is imported, and the processor that they depend on."""

import os
import subprocess
import sys
import warnings

import pytest

from residual.backend import processor
from residual.backend.tensorflow_cpu import runtime_flags as runtime
from residual.backend.tensorflow_cpu.runtime_flags import ONEDNN, SlowTensorFlow, enable_onednn
from residual.training import machine

ZEN_3 = (
    "processor\t: 0\nmodel name\t: AMD EPYC 7763\ncpu family\t: 25\nmodel\t\t: 1\nflags\t\t: fma avx2 sse4_2\n\n"
    "processor\t: 1\n"
)
ZEN_4 = "model name\t: AMD EPYC\ncpu family\t: 25\nmodel\t\t: 17\nflags\t\t: fma avx2 avx512f avx512_vnni avx512_bf16\n"
SAPPHIRE = "model name\t: Intel\nflags\t\t: avx2 avx512f amx_bf16\n"
GRAVITON = "processor\t: 0\nFeatures\t: fp asimd bf16\n"
APPLE = ""


@pytest.fixture
def on_processor(monkeypatch, tmp_path):
    """A function that makes this machine report another /proc/cpuinfo."""

    def report(text: str, machine: str = "x86_64") -> None:
        path = tmp_path / "cpuinfo"
        path.unlink(missing_ok=True)
        if text:
            path.write_text(text)
        monkeypatch.setattr(processor, "_CPUINFO", path)
        monkeypatch.setattr(processor.platform, "machine", lambda: machine)
        processor._facts.cache_clear()

    yield report
    processor._facts.cache_clear()


@pytest.mark.parametrize(
    ("text", "has_it"), [(ZEN_3, False), (ZEN_4, True), (SAPPHIRE, True), (GRAVITON, True), (APPLE, None)]
)
def test_which_processors_multiply_bfloat16(on_processor, text, has_it):
    on_processor(text)
    assert processor.multiplies_bfloat16() is has_it


def test_a_limit_on_onednn_is_one_on_bfloat16(on_processor, monkeypatch):
    on_processor(ZEN_4)
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "avx2")
    assert processor.multiplies_bfloat16() is False
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX512_CORE_BF16")
    assert processor.multiplies_bfloat16() is True


def test_the_name_of_a_processor(on_processor):
    on_processor(ZEN_3)
    assert processor.name() == "AMD EPYC 7763, family 25 model 1"


@pytest.mark.parametrize("text", [ZEN_3, ZEN_4, APPLE])
def test_onednn_is_turned_on_before_tensorflow_is_imported(on_processor, monkeypatch, text):
    on_processor(text)
    monkeypatch.delenv(ONEDNN, raising=False)
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    enable_onednn()
    assert os.environ[ONEDNN] == "1"


def test_other_processors_keep_the_default(on_processor, monkeypatch):
    on_processor(GRAVITON, "aarch64")
    monkeypatch.delenv(ONEDNN, raising=False)
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    enable_onednn()
    assert ONEDNN not in os.environ


def test_what_the_user_has_set_stays(monkeypatch):
    monkeypatch.setenv(ONEDNN, "0")
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        enable_onednn()
    assert os.environ[ONEDNN] == "0"


@pytest.mark.parametrize("is_on", [False, True, None])
def test_tensorflow_imported_first_is_warned_of_only_if_it_is_slow(on_processor, monkeypatch, is_on):
    on_processor(ZEN_3)
    monkeypatch.delenv(ONEDNN, raising=False)
    monkeypatch.setitem(sys.modules, "tensorflow", object())
    monkeypatch.setattr(runtime, "onednn_is_on", lambda: is_on)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        enable_onednn()
    assert [warning.category for warning in caught] == ([SlowTensorFlow] if is_on is False else [])
    assert all(f"{ONEDNN}=1 before" in str(warning.message) for warning in caught)
    assert ONEDNN not in os.environ  # it would have no effect, and mislead whoever reads it


def _fresh_process(code: str, **environment) -> subprocess.CompletedProcess:
    kept = {name: value for name, value in os.environ.items() if name != ONEDNN}
    kept |= {"TF_CPP_MIN_LOG_LEVEL": "0", "KERAS_BACKEND": "tensorflow", **environment}
    return subprocess.run([sys.executable, "-c", code], env=kept, capture_output=True, text=True, check=True)


@pytest.mark.skipif(not processor.is_x86(), reason="oneDNN is turned on for x86-64")
def test_in_a_fresh_process_onednn_is_on_after_importing_residual():
    pytest.importorskip("tensorflow")
    code = (
        "import residual, tensorflow; from residual.backend.tensorflow_cpu import runtime_flags;"
        "print(runtime_flags.onednn_is_on())"
    )
    fresh = _fresh_process(code)
    assert fresh.stdout.split() == ["True"]
    assert "oneDNN custom operations are on" in fresh.stderr
    assert _fresh_process(code, **{ONEDNN: "0"}).stdout.split() == ["False"]


def test_another_setting_is_a_changed_machine(monkeypatch):
    now = {"system": "Linux", "cores": 2, "onednn": "on"}
    monkeypatch.setattr(machine, "describe_machine", lambda: now)
    assert machine.find_machine_changes({**now, "onednn": "off"}) == "onednn off became on"
    assert machine.find_machine_changes({"system": "Linux", "cores": 2}) == "onednn not recorded became on"
    assert machine.find_machine_changes(now) == ""
