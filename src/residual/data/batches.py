"""From labelled images to the batches of one epoch after another."""

from collections.abc import Sequence

import keras
import numpy as np

from residual.data.augment import Augmentation, augmented
from residual.data.images import Images
from residual.errors import DataError


class Batches(keras.utils.PyDataset):
    """Training batches: uint8 images (b, h, w, 3) and one-hot labels float32 (b, classes), mixed
    where an augmentation mixes images.

    Each epoch is a new order of all images; the last batch holds what is left over. Order and augmentation
    of a step depend only on (seed, epoch, step), so any step can be made again. Keras may ask for the
    steps of an epoch in any order.

    Args:
        images: what to train on.
        classes: number of classes.
        batch_size: images per batch.
        augment: applied in turn to every batch.
        seed: of order and augmentation.

    Raises:
        DataError: when `batch_size` is below 1 or there are no images.
    """

    def __init__(
        self,
        images: Images,
        classes: int,
        batch_size: int,
        augment: Sequence[Augmentation] = (),
        seed: int = 0,
    ):
        super().__init__()
        if batch_size < 1:
            raise DataError(f"batch_size must be at least 1; got {batch_size}.")
        if not len(images):
            raise DataError("There are no images to make batches of.")
        self.images = images
        self.classes = classes
        self.batch_size = batch_size
        self.augment = tuple(augment)
        self.seed = seed
        self.epoch = -1
        self.order = np.arange(0)
        self.on_epoch_end()

    def __len__(self) -> int:
        return -(-len(self.images) // self.batch_size)

    def __getitem__(self, step: int):
        indices = self.order[step * self.batch_size : (step + 1) * self.batch_size]
        x = self.images.x[indices]
        rng = np.random.default_rng((self.seed, self.epoch, step))
        y = keras.utils.to_categorical(self.images.y[indices], self.classes).astype("float32")
        return augmented(x, y, self.augment, rng)

    def on_epoch_end(self):
        """A new order. Keras calls this after each epoch and once before the first: it trains from 1 on."""
        self.epoch += 1
        self.order = np.random.default_rng((self.seed, self.epoch)).permutation(len(self.images))

    def restart(self) -> None:
        """Begin again with the first epoch, as after construction."""
        self.epoch = -1
        self.on_epoch_end()
