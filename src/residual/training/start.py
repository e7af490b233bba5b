"""The Keras model that a training begins with, in start.keras of its run, until the training has ended."""

from dataclasses import replace

from residual.errors import NetworkError, RunError
from residual.models.given import GivenNetwork
from residual.runs.folder import RunFolder


def save_start(given: GivenNetwork, folder: RunFolder, reread: bool = True) -> GivenNetwork:
    """Write the model, and read it back: a resumed training begins with the same.

    Args:
        given: the model.
        folder: of the run.
        reread: whether to read it back; not if it is not trained any more.

    Raises:
        NetworkError: if Keras cannot read back what it wrote.
    """
    import keras

    from residual.models.keras_file import save_model

    model = given.model
    try:
        save_model(keras.Model(model.inputs[0], model.outputs[0], name=model.name), folder.start, {})
        if not reread:
            return given
        return replace(given, model=load_start(folder).model)
    except (RunError, TypeError, ValueError) as error:
        raise NetworkError(f"model {given.name} cannot be saved and loaded again: {error}") from None


def load_start(folder: RunFolder) -> GivenNetwork:
    """The model that a training began with.

    Raises:
        RunError: if the file is missing or damaged.
    """
    from residual.models.keras_file import load_model

    model, _ = load_model(folder.start)
    return GivenNetwork(model)
