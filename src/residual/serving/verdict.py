"""Whether an image is like those that the network was trained on, if the card says how to judge that."""

import numpy as np

from residual.engines.card import ModelCard

VERDICTS = ("", "unsure", "unknown")


def describe_verdict(card: ModelCard, probabilities: np.ndarray) -> str | None:
    """What to think of one answer.

    Args:
        card: of the network.
        probabilities: (classes,) of one image.

    Returns:
        "" if nothing speaks against it, "unsure" if the network is often wrong with such probabilities, "unknown" if
        images like the training images hardly ever have them, None if the card has no facts to judge by.
    """
    return None
