"""Batches: every image once per epoch, and any step made again from (seed, epoch, step)."""

import threading
import time
from itertools import chain

import keras
import numpy as np
import pytest

from residual.augment import Mixup, Shift
from residual.data import pixel_store
from residual.data.images import Images
from residual.errors import DataError
from residual.training.batches import Batches
from tests.support.changes import make_change


def numbered(n: int = 10) -> Images:
    """Image i is all i; its label i % 3."""
    x = np.broadcast_to(np.arange(n, dtype=np.uint8)[:, None, None, None], (n, 4, 4, 3))
    return Images(x.copy(), np.arange(n) % 3)


def epoch_of(batches: Batches) -> list[int]:
    return [int(i) for step in range(len(batches)) for i in batches[step][0][:, 0, 0, 0]]


def test_last_partial_batch_is_kept_and_labels_fit():
    batches = Batches(numbered(10), 3, 4)
    assert len(batches) == 3
    assert [len(batches[i][0]) for i in range(3)] == [4, 4, 2]
    for x, y in (batches[i] for i in range(3)):
        assert (x.dtype, y.dtype) == (np.uint8, np.float32)
        assert y.sum(1).tolist() == [1] * len(y)
        assert y.argmax(1).tolist() == [i % 3 for i in x[:, 0, 0, 0]]


def test_every_image_once_per_epoch_and_epochs_differ():
    batches = Batches(numbered(), 3, 4, seed=7)
    orders = []
    for _ in range(3):
        batches.on_epoch_end()  # as Keras does, before the first epoch too
        orders.append(epoch_of(batches))
    assert all(sorted(order) == list(range(10)) for order in orders)
    assert orders[0] != orders[1] != orders[2]


def test_a_step_depends_on_seed_epoch_and_step_alone():
    def make(seed=0):
        return Batches(numbered(), 3, 4, (Shift(2, "zero"),), seed)

    one, other = make(), make()
    for batches in (one, other):
        batches.on_epoch_end()
    one[0], one[1]  # what was asked for before does not matter
    np.testing.assert_array_equal(one[2][0], other[2][0])
    np.testing.assert_array_equal(one[1][0], one[1][0])
    assert epoch_of(make(seed=1)) != epoch_of(make())


def test_augmentations_apply_in_turn():
    def add(x, rng):
        return x + 1

    def double(x, rng):
        return x * 2

    plain = Batches(numbered(), 3, 10)[0][0]
    np.testing.assert_array_equal(
        Batches(numbered(), 3, 10, (make_change(add), make_change(double)))[0][0], (plain + 1) * 2
    )


def test_mixed_labels_are_soft_and_a_step_can_be_made_again():
    batches = Batches(numbered(), 3, 4, (Mixup(1.0),), seed=1)
    (x, y), (_, again) = batches[1], batches[1]
    assert (x.dtype, y.dtype) == (np.uint8, np.float32)
    assert ((y > 0) & (y < 1)).any()
    np.testing.assert_allclose(y.sum(1), 1, rtol=1e-6)
    np.testing.assert_array_equal(y, again)


def test_keras_sees_every_image_once_in_every_epoch():
    seen = []

    class Recorded(Batches):
        def __getitem__(self, step):
            x, y = super().__getitem__(step)
            seen.append((self.epoch, step, x[:, 0, 0, 0].tolist()))
            return x, y

    model = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Flatten(), keras.layers.Dense(3)])
    model.compile("sgd", "mse")
    model.fit(Recorded(numbered(), 3, 4), epochs=3, verbose=0)
    asked = {epoch: {step: images for at, step, images in seen if at == epoch} for epoch, _, _ in seen}
    whole = [steps for steps in asked.values() if len(steps) == 3]  # Keras may peek at a few before it starts
    assert len(whole) == 3
    assert all(sorted(chain(*steps.values())) == list(range(10)) for steps in whole)


def test_errors():
    with pytest.raises(DataError, match="batch_size must be at least 1; got 0"):
        Batches(numbered(), 3, 0)
    with pytest.raises(DataError, match="There are no images"):
        Batches(numbered(0), 3, 4)


def test_own_order_for_images_that_are_not_shuffled():
    batches = Batches(numbered(), 3, 4, shuffle=False)
    for _ in range(2):
        assert epoch_of(batches) == list(range(10))
        batches.on_epoch_end()


def test_images_on_disk_give_the_same_batches(monkeypatch):
    monkeypatch.setattr(pixel_store, "IN_MEMORY", 0)
    near = numbered()
    x = pixel_store.allocate(10, (4, 4, 3), "")
    for i, image in enumerate(near.x):
        x[i] = image
    far = Batches(Images(x, near.y).take(np.arange(1, 9)), 3, 4, (Shift(2),), seed=3)
    near = Batches(near.take(np.arange(1, 9)), 3, 4, (Shift(2),), seed=3)
    for step in range(2):
        for a, b in zip(far[step], near[step], strict=True):
            np.testing.assert_array_equal(a, b)


def test_the_next_batches_are_made_meanwhile_and_those_of_an_old_epoch_are_dropped():
    made = []

    def seen(x, rng):
        made.append(sorted(x[:, 0, 0, 0].tolist()))
        return x

    batches = Batches(numbered(40), 3, 4, (make_change(seen),))
    batches[0]
    wait_until(lambda: len(made) >= 2)
    assert made[:2] == [sorted(batches.order[:4].tolist()), sorted(batches.order[4:8].tolist())]
    batches.on_epoch_end()
    np.testing.assert_array_equal(batches[0][0][:, 0, 0, 0], batches.order[:4])
    np.testing.assert_array_equal(batches[9][0][:, 0, 0, 0], batches.order[36:])


def test_a_batch_begun_in_the_old_order_is_not_given_in_the_new_one(monkeypatch):
    """A thread of Keras's asks for batches while the main thread turns to another epoch."""
    batches, orders = Batches(numbered(40), 3, 4), []
    make = Batches._make

    def asks_meanwhile(*arguments):
        order = np.random.Generator.permutation(*arguments)
        batches[0]  # as the other thread, before the new order is known
        return order

    class Meanwhile(np.random.Generator):
        permutation = asks_meanwhile

    monkeypatch.setattr(np.random, "default_rng", lambda seed: Meanwhile(np.random.PCG64(seed)))
    monkeypatch.setattr(
        Batches,
        "_make",
        lambda self, epoch, step: (orders.append((epoch.number, epoch.order)), make(self, epoch, step))[1],
    )
    batches.begin_at(1)
    monkeypatch.undo()
    [batches[step] for step in range(batches.steps)]
    assert all(epoch == 0 or order is batches.order for epoch, order in orders)
    assert [sorted(batches[s][0][:, 0, 0, 0]) for s in (0, 1)] == [
        sorted(batches.order[:4]),
        sorted(batches.order[4:8]),
    ]


def test_an_error_in_the_background_comes_out_at_its_step():
    def fail(x, rng):
        if 7 in x[:, 0, 0, 0]:
            raise RuntimeError("seven")
        return x

    batches = Batches(numbered(), 3, 1, (make_change(fail),), shuffle=False)
    assert [len(batches[step][0]) for step in range(7)] == [1] * 7
    with pytest.raises(RuntimeError, match="seven"):
        batches[7]
    assert len(batches[8][0]) == 1


def test_many_batches_share_their_threads():
    before = threading.active_count()
    kept = [Batches(numbered(), 3, 4) for _ in range(20)]
    assert [len(batches[0][0]) for batches in kept] == [4] * 20
    assert threading.active_count() <= before + 4


def wait_until(true) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_an_epoch_is_taken_up_in_its_middle():
    whole, rest = (
        Batches(numbered(), 3, 4, (Shift(1),), seed=7),
        Batches(numbered(), 3, 4, (Shift(1),), seed=7),
    )
    whole.begin_at(2)
    rest.begin_at(2, 1)
    rest.on_epoch_end()
    assert (len(whole), len(rest), rest.steps) == (3, 2, 3)
    for step in range(2):
        for ours, theirs in zip(rest[step], whole[step + 1], strict=True):
            np.testing.assert_array_equal(ours, theirs)
    rest.on_epoch_end()
    whole.begin_at(3)
    assert (rest.epoch, len(rest), epoch_of(rest)) == (3, 3, epoch_of(whole))
