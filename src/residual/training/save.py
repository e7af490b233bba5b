"""What a training writes beside its log: the network with the names of its outputs, and facts on its images."""

import keras
import numpy as np

from residual.data.digests import write_digests
from residual.data.location import find_white
from residual.data.passed_over import list_passed_over
from residual.data.pixel_store import is_lazy
from residual.models.keras_file import save_model
from residual.runs.folder import RunFolder
from residual.training.job import Job


def save_network(model: keras.Model, job: Job, folder: RunFolder) -> None:
    """Write model.keras whole or not at all; with class names, image size and the network's name inside.

    Of several processes that train together, only the one that writes the run folder does.

    Raises:
        OSError: if it cannot be written.
    """
    if not folder.writes:
        return
    data = job.training
    info = {"classes": list(data.classes), "image_size": list(data.size), "network": job.spec.name}
    white = find_white(job.record.train["data"])
    info |= {"white": white} if white is not None else {}
    save_model(model, folder.model, info)


def save_data_facts(job: Job, folder: RunFolder) -> None:
    """Write the digests of the training and validation images, and what was noted and passed over in the data.

    Of images that are decoded on demand there are no digests of pixels, by which other data could be compared.

    Raises:
        OSError: if a file cannot be written.
    """
    data = job.data
    facts = {
        "unreadable": list(data.unreadable),
        "notes": list(data.notes),
        "passed_over": list_passed_over(data.passed_over) if data.passed_over else None,
    }
    if found := {name: value for name, value in facts.items() if value}:
        folder.add_to_report(**found)
    if is_lazy(job.split.train.x):
        return
    used = (job.split.train.digests, job.split.validation.digests)
    write_digests(folder.training_digests, np.concatenate(used))
