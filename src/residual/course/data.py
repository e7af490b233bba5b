"""The notebooks' data: the SIGNS arrays in their shapes, one-hot labels, and random batches."""

import keras
import numpy as np

from residual.augment import Affine, Augmentation, Flip
from residual.data.load import load_data
from residual.errors import DataError, RecipeError


def load_dataset() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The SIGNS hand signs, and one printed line on where they come from.

    The real files (train_signs.h5, test_signs.h5) are searched in RESIDUAL_DATA and ./datasets; without
    them hands are drawn.

    Returns:
        X_train uint8 (m, 64, 64, 3), Y_train int64 (1, m), X_test, Y_test likewise, and the classes (6,).

    Raises:
        DataError: when only one of the two files is there, or one cannot be read.
    """
    data = load_data("signs")
    print(data.source)
    classes = np.array([int(name) if name.isdigit() else name for name in data.classes])
    return data.train.x, data.train.y[None], data.test.x, data.test.y[None], classes


def convert_to_one_hot(Y, C: int) -> np.ndarray:
    """Labels as columns of zeros with a one: (1, m) or (m,) whole numbers -> float64 (C, m).

    Raises:
        DataError: when a label is not one of 0 to C - 1.
    """
    labels = np.asarray(Y).reshape(-1)
    if not np.issubdtype(labels.dtype, np.integer) or ((labels < 0) | (labels >= C)).any():
        raise DataError(
            f"Y must hold whole numbers from 0 to {C - 1}; got {np.unique(labels)} ({labels.dtype})."
        )
    return np.eye(C)[labels].T


class ImageDataGenerator:
    """Random changes of training images, for the notebooks that import Keras 2's class of this name.

    Only the changes listed here exist; each batch is changed anew. Positions between pixels are
    interpolated, and the image's border is repeated outwards.

    Args:
        rotation_range: degrees, turned by -rotation_range to rotation_range.
        width_shift_range: share of the width below 1, else pixels; moved left or right by up to this.
        height_shift_range: likewise up or down.
        horizontal_flip: mirror half of the images.
        fill_mode: "nearest", the only one.

    Raises:
        RecipeError: fill_mode is another one.
    """

    def __init__(
        self,
        rotation_range: float = 0.0,
        width_shift_range: float = 0.0,
        height_shift_range: float = 0.0,
        horizontal_flip: bool = False,
        fill_mode: str = "nearest",
    ):
        if fill_mode != "nearest":
            raise RecipeError(f'fill_mode must be "nearest"; got {fill_mode!r}.')
        self.rotation = rotation_range
        self.shift = (height_shift_range, width_shift_range)
        self.flip = horizontal_flip

    def fit(self, x) -> None:
        """Do nothing: none of the changes depends on the statistics of x. Here so that cells run."""

    def flow(self, x, y, batch_size: int = 32, shuffle: bool = True, seed: int | None = None) -> "Flow":
        """Changed batches of x (n, height, width, channels) and y (n, ...), to hand to `model.fit`.

        Args:
            x: images, uint8 or floats; the batches have the same type.
            y: their labels.
            batch_size: see `Flow`.
            shuffle: a new order each epoch.
            seed: of order and changes; None draws one from `np.random`.
        """
        seed = int(np.random.randint(2**31)) if seed is None else seed
        return Flow(np.asarray(x), np.asarray(y), batch_size, self._changes(np.shape(x)), shuffle, seed)

    def _changes(self, shape: tuple[int, ...]) -> tuple[Augmentation, ...]:
        down, right = (by if by < 1 else by / side for by, side in zip(self.shift, shape[1:3], strict=True))
        changes: list[Augmentation] = []
        if self.rotation or down or right:
            changes.append(Affine(self.rotation, (down, right)))
        if self.flip:
            changes.append(Flip())
        return tuple(changes)


class Flow(keras.utils.PyDataset):
    """Batches of an epoch in which every image comes once.

    There are n // batch_size of them, as the notebooks count steps; what is left over is dealt out, so
    that a batch may hold a few more images than `batch_size` and none is dropped.

    Args:
        x: images (n, height, width, channels).
        y: labels (n, ...).
        batch_size: images per batch, at least.
        changes: applied in turn to every batch.
        shuffle: a new order each epoch.
        seed: order and changes of a step depend only on (seed, epoch, step).

    Raises:
        DataError: x and y differ in length, or there are no images.
    """

    def __init__(self, x, y, batch_size: int, changes: tuple[Augmentation, ...], shuffle: bool, seed: int):
        super().__init__()
        if len(x) != len(y) or len(x) == 0:
            raise DataError(f"flow needs one label per image and at least one; got {len(x)} and {len(y)}.")
        self.x, self.y, self.batch_size, self.changes = x, y, batch_size, changes
        self.shuffle, self.seed, self.epoch = shuffle, seed, -1
        self.batches: list[np.ndarray] = []
        self.on_epoch_end()

    def __len__(self) -> int:
        return max(1, len(self.x) // self.batch_size)

    def __getitem__(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        indices = self.batches[step]
        x = self.x[indices]
        rng = np.random.default_rng((self.seed, self.epoch, step))
        for change in self.changes:
            x = change(x, rng)
        return x, self.y[indices]

    def on_epoch_end(self) -> None:
        """Keras calls this after each epoch."""
        self.epoch += 1
        order = np.arange(len(self.x))
        if self.shuffle:
            np.random.default_rng((self.seed, self.epoch)).shuffle(order)
        self.batches = np.array_split(order, len(self))
