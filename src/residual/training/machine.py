"""Where and with what a run is trained, for its record, and what has changed since it began."""

import platform

from residual import backend
from residual.backend import processor
from residual.backend.distribution import current


def describe_machine() -> dict[str, str | int]:
    """System, processor, usable cores, and versions of Keras, its backend and NumPy."""
    return {
        "system": platform.platform(),
        "processor": processor.name(),
        "cores": processor.count_usable_cores(),
        **backend.versions(),
        **_describe_group(),
    }


def _describe_group() -> dict[str, str | int]:
    """How many devices and processes train together, if they are several."""
    group = current()
    if group is None:
        return {}
    return {"devices": group.count, **({"processes": group.processes} if group.processes > 1 else {})}


def find_machine_changes(before: dict[str, str | int]) -> str:
    """What is not as it was when a run began, such as "keras 3.14.0 became 3.15.1"; "" if nothing changed.

    Args:
        before: as `describe_machine` returned it.
    """
    one = {"devices": 1, "processes": 1}
    now = {**one, **describe_machine()}
    recorded = {"onednn": "not recorded", **one, **before}
    names = [name for name in now if name != "system" and name in recorded and now[name] != recorded[name]]
    return ", ".join(f"{name} {recorded[name]} became {now[name]}" for name in names)
