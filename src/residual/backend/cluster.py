"""Which devices and processes train together: what was asked, checked, and started on JAX."""

import contextlib
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from residual._text import describe_value
from residual.backend.devices import AUTO
from residual.errors import ResidualError

if TYPE_CHECKING:
    from residual.backend.distribution import Group
    from residual.backend.processes import Processes

ALL = "all"
_ADDRESS = re.compile(r"\S+:\d{1,5}")
_KERAS = "KERAS_DISTRIBUTION_"


@dataclass(frozen=True)
class Cluster:
    """Which devices and processes train one network together.

    Attributes:
        devices: of this machine: how many, or "all"; of several processes, those of each. None takes what there is if
            several processes are named, and else the one device that the backend chooses.
        coordinator: "HOST:PORT" of process 0, where the processes meet.
        processes: how many there are.
        process_id: which this one is, from 0.
        detected: whether Slurm or Open MPI started several processes, whose number and place JAX finds out itself.
    """

    devices: int | str | None = None
    coordinator: str | None = None
    processes: int | None = None
    process_id: int | None = None
    detected: bool = False

    @classmethod
    def read(
        cls,
        devices: int | str | None,
        coordinator: str | None = None,
        processes: int | None = None,
        process_id: int | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> "Cluster":
        """What was asked, with the processes that the environment names if the arguments name none.

        Args:
            devices, coordinator, processes, process_id: as for the class; `devices` may be a number as text.
            environment: the variables of the process; None takes its own.

        Raises:
            ResidualError: naming the argument or variable, what is allowed, and what was received.
        """
        given = os.environ if environment is None else environment
        asked = cls(_read_devices(devices), coordinator, processes, process_id)
        if (coordinator, processes, process_id) == (None, None, None):
            asked = replace(asked, **_find_in_keras_variables(given))
            several = asked.devices is not None and _starts_several(given)
            asked = replace(asked, detected=several) if asked.processes is None else asked
        asked._check_processes()
        return asked

    def _check_processes(self) -> None:
        three = (self.coordinator, self.processes, self.process_id)
        if None in three and three != (None, None, None):
            raise ResidualError(
                "`coordinator`, `processes` and `process_id` belong together: give all of them, or none."
            )
        if self.coordinator is None or self.processes is None or self.process_id is None:
            return
        if not _ADDRESS.fullmatch(self.coordinator):
            raise ResidualError(f"coordinator must be HOST:PORT; got {describe_value(self.coordinator)}.")
        if self.processes < 1:
            raise ResidualError(f"processes must be at least 1; got {self.processes}.")
        if not 0 <= self.process_id < self.processes:
            raise ResidualError(
                f"process_id must be from 0 to {self.processes - 1}, one less than `processes`; got {self.process_id}."
            )

    @property
    def is_plain(self) -> bool:
        """Whether one device does what there is to do, in the way of every other training."""
        return self.devices in (None, 1) and not self.has_several_processes

    @property
    def has_several_processes(self) -> bool:
        """Whether other processes take part."""
        return self.detected or (self.processes or 1) > 1

    @property
    def follows(self) -> bool:
        """Whether this is one of several processes and not process 0, as far as it is known before they meet."""
        if not self.detected:
            return bool(self.process_id)
        places = (os.environ.get(name, "0") for name in ("SLURM_PROCID", "OMPI_COMM_WORLD_RANK"))
        return any(place.isdigit() and int(place) > 0 for place in places)

    def check(self, device: str = AUTO) -> None:
        """Refuse what cannot be started, before Keras is loaded.

        Args:
            device: the one device that was asked for.

        Raises:
            ResidualError: if the backend is not JAX, or one device is asked for too.
        """
        if self.is_plain:
            return
        if device != AUTO:
            raise ResidualError(
                f"`device` {device} asks for one device, and `devices` for several: give one of them."
            )
        if (backend := _find_backend()) != "jax":
            raise ResidualError(
                f"devices must be 1 with Keras on {backend}; got {self._describe()}. Several devices train together on "
                "JAX: install it with pip install 'residual-learning[jax]' and set KERAS_BACKEND=jax."
            )

    def _describe(self) -> str:
        if self.devices not in (None, 1):
            return str(self.devices)
        return "several processes" if self.detected else f"{self.processes} processes"


def _read_devices(devices: Any) -> int | str | None:
    if isinstance(devices, str) and re.fullmatch(r"\d{1,6}", devices):
        devices = int(devices)
    if devices is None or devices == ALL or (type(devices) is int and devices >= 1):
        return devices
    raise ResidualError(f"devices must be all, or a whole number from 1; got {describe_value(devices)}.")


def _find_in_keras_variables(environment: Mapping[str, str]) -> dict[str, Any]:
    """The processes that Keras's own variables name; nothing if there are none."""
    names = ("JOB_ADDRESSES", "NUM_PROCESSES", "PROCESS_ID")
    found = {name: environment[_KERAS + name] for name in names if environment.get(_KERAS + name)}
    if not found:
        return {}
    missing = [_KERAS + name for name in names if name not in found]
    if missing:
        raise ResidualError(f"{_KERAS}* variables belong together: {' and '.join(missing)} must be set too.")
    for name in names[1:]:
        if not re.fullmatch(r"\d{1,6}", found[name]):
            raise ResidualError(f"{_KERAS}{name} must be a whole number; got {found[name]!r}.")
    addresses, processes, process = (found[name] for name in names)
    return {
        "coordinator": addresses.split(",")[0],
        "processes": int(processes),
        "process_id": int(process),
    }


def _starts_several(environment: Mapping[str, str]) -> bool:
    """Whether srun or mpirun started this process as one of several."""
    counts = (environment.get("SLURM_STEP_NUM_TASKS", "1"), environment.get("OMPI_COMM_WORLD_SIZE", "1"))
    return any(count.isdigit() and int(count) > 1 for count in counts)


def _find_backend() -> str:
    """The backend that runs, or that will be chosen; Keras is not loaded for it."""
    from residual.backend import find_chosen_backend

    if "keras" in sys.modules:
        import keras

        return keras.backend.backend()
    return find_chosen_backend()


@contextlib.contextmanager
def open_group(cluster: Cluster, link: "Processes | None" = None) -> "Iterator[Group | None]":
    """Train inside on the devices that were asked for; None if it is one.

    Args:
        cluster: what was asked.
        link: to the other processes, if there are some.

    Raises:
        ResidualError: if there are fewer.
    """
    if cluster.is_plain:
        yield None
        return
    devices = list_group_devices(cluster.devices)
    if len(devices) == 1:
        yield None
        return
    from residual.backend.distribution import Group

    with Group(devices, link).use() as group:
        yield group


def list_group_devices(asked: int | str | None) -> list[Any]:
    """JAX's devices that train together: of every process as many as were asked for.

    On a processor they are made of it if JAX has not started yet.

    Args:
        asked: how many of each process; "all" or None takes what there is.

    Raises:
        ResidualError: if there are fewer, or a process has another number of them than the others.
    """
    import jax

    made = divide_processor(asked)
    found = jax.local_devices()
    if isinstance(asked, int) and len(found) < asked:
        kind = found[0].platform
        advice = (
            ""
            if kind != "cpu" or made
            else " JAX divided the processor when it started: set the environment variable JAX_NUM_CPU_DEVICES="
            f"{asked} before."
        )
        raise ResidualError(
            f"devices must be at most {len(found)}, as JAX finds {len(found)} here ({kind}); got {asked}.{advice}"
        )
    return choose_devices(jax.devices(), asked if isinstance(asked, int) else None)


def choose_devices(devices: Iterable[Any], most: int | None) -> list[Any]:
    """The devices that train together: those of each process side by side, the same number of each.

    Args:
        devices: of all processes.
        most: how many of each process; None takes all.

    Raises:
        ResidualError: if the processes do not have as many of them.
    """
    by_process: dict[int, list[Any]] = {}
    for device in devices:
        by_process.setdefault(device.process_index, []).append(device)
    chosen = [own[:most] for _, own in sorted(by_process.items())]
    counts = [len(own) for own in chosen]
    if len(set(counts)) > 1:
        raise ResidualError(
            f"All processes must have the same number of devices; they have {', '.join(map(str, counts))}, in the "
            f"order of the processes. Give `devices` {min(counts)} to each of them."
        )
    return [device for own in chosen for device in own]


def divide_processor(count: int | str | None) -> bool:
    """Have JAX make several devices of the processor; False if the user has, or if it has started already.

    Args:
        count: how many; anything else makes none.
    """
    import jax

    if not isinstance(count, int) or "xla_force_host_platform_device_count" in os.environ.get(
        "XLA_FLAGS", ""
    ):
        return False
    if getattr(jax.config, "jax_num_cpu_devices", -1) > 0:
        return False
    try:
        jax.config.update("jax_num_cpu_devices", count)
    except (RuntimeError, AttributeError):  # it has started; or a release that cannot
        return False
    return True
