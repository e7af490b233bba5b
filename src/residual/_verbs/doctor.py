"""What is wrong with a run, from Python: doctor."""

from pathlib import Path
from typing import TYPE_CHECKING

from residual._open import open_run
from residual._run import Run
from residual.backend import import_keras_quietly
from residual.backend.devices import use_device
from residual.backend.quiet import allow_retracing

if TYPE_CHECKING:
    from residual.diagnosis.check import Diagnosis


def doctor(run: Run | str | Path, device: str = "auto") -> "Diagnosis":
    """Look for what is wrong with a run: its learning rate, gradients, ReLUs, batch norms, fit and labels.

    Its training and validation images are read, its test images are not.

    Args:
        run: a run, its name or its folder.
        device: where to compute, such as "cpu" or "gpu".

    Returns:
        What was found, with figures and remedies, and what was measured for all other symptoms.

    Raises:
        RunError: if there is no such run, or a file of it is damaged.
        DataError: if its images are not those that it was trained on.
    """
    run = open_run(run) if not isinstance(run, Run) else run
    run = run.on(device)
    folder = run.folder
    folder.record  # noqa: B018  a damaged record is reported before Keras is loaded
    import_keras_quietly()
    from residual.diagnosis.diagnose import diagnose
    from residual.diagnosis.patient import Patient
    from residual.training.reload import reload_split

    with use_device(device), allow_retracing():
        return diagnose(Patient(folder, lambda: run.model, lambda: reload_split(folder)))
