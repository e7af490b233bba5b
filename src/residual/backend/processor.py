"""What kind of processor this machine has; read without an array library."""

import functools
import math
import os
import platform
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
_CGROUP, _CGROUP_1 = Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/cpu")
_X86 = ("x86_64", "amd64")
_WITHOUT_BFLOAT16 = {"SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX512_CORE", "AVX512_CORE_VNNI"}
# What an inference runtime chooses its kernels by -> Linux's words, of which one is enough.
_INSTRUCTION_SETS = {
    "avx2": {"avx2"},
    "avx512": {"avx512f"},
    "vnni": {"avx512_vnni", "avx_vnni"},
    "bf16": {"avx512_bf16", "bf16"},
    "amx": {"amx_int8", "amx_bf16"},
    "neon": {"asimd"},
    "dotprod": {"asimddp"},
    "i8mm": {"i8mm"},
    "sve": {"sve"},
}
_FAST_BFLOAT16 = {"avx512_bf16", "amx_bf16", "bf16"}  # the last is Arm's name


@functools.cache
def _facts() -> dict[str, str]:
    """The first processor's entry of /proc/cpuinfo, lower-case names; {} off Linux."""
    try:
        entry = _CPUINFO.read_text("utf-8", "replace").split("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.split(":", 1) for line in entry.splitlines() if ":" in line)
    return {name.strip().lower(): value.strip() for name, value in pairs}


def is_x86() -> bool:
    """Whether this is a 64-bit x86 processor."""
    return platform.machine().lower() in _X86


def flags() -> frozenset[str] | None:
    """The instruction sets that the processor reports, in Linux's words; None if the system does not say."""
    found = _facts().get("flags") or _facts().get("features")
    return None if found is None else frozenset(found.split())


def list_instruction_sets() -> tuple[str, ...]:
    """Those that decide how fast a network is computed, such as ("avx2", "avx512", "vnni"); () if unknown."""
    found = flags() or frozenset()
    return tuple(name for name, words in _INSTRUCTION_SETS.items() if words & found)


def multiplies_bfloat16() -> bool | None:
    """Whether the processor has instructions for products in bfloat16; None if the system does not say.

    False too if the user limits oneDNN to instructions without bfloat16: TensorFlow would try it and fail.
    """
    limit = os.environ.get("ONEDNN_MAX_CPU_ISA") or os.environ.get("DNNL_MAX_CPU_ISA") or "DEFAULT"
    if limit.upper() in _WITHOUT_BFLOAT16:
        return False
    found = flags()
    return None if found is None else bool(_FAST_BFLOAT16 & found)


def name() -> str:
    """The processor in words, such as "AMD EPYC, family 25 model 17"."""
    facts = _facts()
    words = facts.get("model name") or platform.processor() or platform.machine()
    if "cpu family" in facts:
        words += f", family {facts['cpu family']} model {facts.get('model')}"
    return words


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def count_usable_cores() -> int:
    """Cores that this process may use at once: by its affinity, and by the quota of its container, rounded up."""
    quota = _find_quota()
    return cores() if quota is None else max(1, min(cores(), math.ceil(quota)))


def _find_quota() -> float | None:
    """Cores that the container's quota amounts to (control groups, version 2 or 1); None without one."""
    for limit, period in ((_CGROUP / "cpu.max", None), (_CGROUP_1 / "cpu.cfs_quota_us", "cpu.cfs_period_us")):
        try:
            words = limit.read_text().split()
            words += [] if period is None else [limit.with_name(period).read_text().strip()]
            allowed, each = float(words[0]), float(words[1])
        except (OSError, ValueError, IndexError):  # "max" is no limit
            continue
        if allowed > 0 and each > 0:
            return allowed / each
    return None
