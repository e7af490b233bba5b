"""The commands that change a training."""

import shlex
from typing import Any

from residual.data.given import GIVEN
from residual.diagnosis.patient import Patient
from residual.training.schedules import Constant, OneCycle


def format_training(patient: Patient, *words: str) -> str | None:
    """The command that trains again with changes; None for data that only Python has.

    Args:
        patient: the run.
        words: options.
    """
    data = patient.record.train["data"]
    if data == GIVEN or patient.record.train.get("optimizer") or patient.record.network.source == "given":
        return None
    size = ["--size", str(patient.record.data.image_size[0])]
    weights = patient.record.train.get("weights")
    model = ["--weights", str(weights)] if weights else ["--model", patient.record.network.name]
    recipe = str(patient.path / "run.toml")
    return shlex.join(["residual", "train", data, "--recipe", recipe, *model, *size, *words])


def change_rate(patient: Patient, factor: float) -> tuple[str, ...]:
    """The options that multiply the learning rate; () for a schedule of several rates.

    Args:
        patient: the run.
        factor: of the new rate.
    """
    schedule: Any = patient.recipe.schedule
    if isinstance(schedule, OneCycle):
        return ("--set", f"schedule.peak={schedule.peak * factor:.3g}")
    if isinstance(schedule, Constant):
        return ("--set", f"schedule.rate={schedule.rate * factor:.3g}")
    return ()
