"""Runtimes that report to their makers when they are imported are imported here without that."""

import os
from typing import Any

_SWITCH = "ORT_DISABLE_TELEMETRY"


def import_onnxruntime() -> Any:
    """The package onnxruntime, which writes no identity of this machine and records no events.

    Version 1.32.0 writes both into the user's cache folder as soon as it is imported, unless this variable is set; its
    function `disable_telemetry_events` comes too late. Who sets the variable to 0 wants them.

    Raises:
        ImportError: if it is not installed.
    """
    os.environ.setdefault(_SWITCH, "1")
    import onnxruntime

    return onnxruntime
