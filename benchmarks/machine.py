"""Facts about the machine and the process that figures depend on."""

import os
import platform
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

# The processor flags that decide which instructions TensorFlow, oneDNN and PyTorch use.
FLAGS = ("avx2", "fma", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_bf16", "asimd", "bf16")
# Environment variables that change how fast a step is; those that are set go into the record.
SWITCHES = (
    "TF_ENABLE_ONEDNN_OPTS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "TF_XLA_FLAGS",
    "ONEDNN_MAX_CPU_ISA",
    "ONEDNN_DEFAULT_FPMATH_MODE",
    "ATEN_CPU_CAPABILITY",
    "OMP_NUM_THREADS",
    "MALLOC_ARENA_MAX",
    "GLIBC_TUNABLES",
    "LD_PRELOAD",
)
PACKAGES = ("keras", "tensorflow_cpu", "tensorflow", "torch", "jax", "numpy")
_VENDORS = {"AuthenticAMD": "amd", "GenuineIntel": "intel"}
_CPUINFO = Path("/proc/cpuinfo")


def machine() -> dict:
    """Where and when figures are measured: date, system, processor, switches in the environment, versions."""
    return {
        "date": time.strftime("%Y-%m-%d"),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        **processor(),
        "environment": switches(os.environ),
        **versions(),
    }


def processor() -> dict:
    """Name, vendor, family, model and relevant flags of this processor, as far as the system says."""
    if _CPUINFO.is_file():
        return parse_cpuinfo(_CPUINFO.read_text())
    return {"processor": platform.processor() or platform.machine(), "flags": []}


def parse_cpuinfo(text: str) -> dict:
    """The facts of the first processor in the text of /proc/cpuinfo."""
    lines = (line.partition(":") for line in text.split("\n\n")[0].splitlines())
    facts = {name.strip(): value.strip() for name, _, value in lines}
    present = set((facts.get("flags") or facts.get("Features") or "").split())
    found = {
        "processor": facts.get("model name", platform.machine()),
        "vendor": facts.get("vendor_id"),
        "family": facts.get("cpu family"),
        "model": facts.get("model"),
    }
    return {name: value for name, value in found.items() if value} | {
        "flags": [flag for flag in FLAGS if flag in present]
    }


def has_bfloat16(facts: dict) -> bool:
    """Whether a processor with these facts multiplies in bfloat16."""
    return bool({"avx512_bf16", "amx_bf16", "bf16"} & set(facts["flags"]))


def short_name(facts: dict) -> str:
    """A name for files, such as "amd-25-17": vendor, family and model."""
    parts = [_VENDORS.get(facts.get("vendor", ""), "cpu"), facts.get("family"), facts.get("model")]
    return "-".join(parts) if all(parts) else platform.machine().lower()


def switches(environment) -> dict[str, str]:
    """Those of `SWITCHES` that are set."""
    return {name: environment[name] for name in SWITCHES if name in environment}


def versions() -> dict[str, str]:
    """Versions of those of `PACKAGES` that are installed."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def peak_mib() -> float:
    """Most memory that this process has held, in MiB, pages of library files included."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 1024


def anonymous_mib() -> float | None:
    """Memory that this process holds now without the pages of library files, in MiB; None off Linux."""
    status = Path("/proc/self/status")
    return parse_status(status.read_text(), "RssAnon") if status.is_file() else None


def parse_status(text: str, field: str) -> float | None:
    """A field of /proc/self/status in MiB; None if the kernel does not report it."""
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0]) / 1024
    return None
