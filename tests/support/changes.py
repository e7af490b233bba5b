"""Augmentations made of a function, for tests of what calls them."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np


def make_change(function: Callable[[np.ndarray, np.random.Generator], np.ndarray]) -> Any:
    """What `Batches` needs of an augmentation: images go through `function`, labels stay."""

    def mix(x, y, rng, *_):
        return function(x, rng), y

    return SimpleNamespace(mix=mix, mix_in_epoch=mix)
