"""model.keras of a run: the network, with the names of its outputs."""

import keras

from residual.models.keras_file import save_model
from residual.runs.folder import RunFolder
from residual.training.job import Job


def save_network(model: keras.Model, job: Job, folder: RunFolder) -> None:
    """Write model.keras whole or not at all; with class names, image size and the network's name inside.

    Raises:
        OSError: if it cannot be written.
    """
    data = job.training
    info = {"classes": list(data.classes), "image_size": list(data.size), "network": job.spec.name}
    save_model(model, folder.model, info)
