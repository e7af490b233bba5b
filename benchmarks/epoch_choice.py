"""Trainings that compare rules for the epoch to keep, and the augmentations of recipe `images`.

    python benchmarks/epoch_choice.py --n 200 --augment affine crop    # about a minute a case on one core
    python benchmarks/epoch_choice.py --show                           # what the rules would have kept

A case is one training of recipe `images`: a photo set, n training images, a seed, an augmentation. It stores what a
rule may see, the validation accuracy and loss of every epoch, and what it must not see, the test accuracy of each epoch
that a rule of `epoch_rules` keeps, and of averages of the last epochs' weights. So all rules are compared on the same
trainings. The test images are read for this experiment alone: no rule, and nothing in `residual train`, uses them.

The n images are drawn by the seed, each class in proportion; a tenth of them is validated on, as `residual train`
does. The photo sets are SIGNS, Sign Language Digits (64x64) and CIFAR-10 (32x32, JPEG re-encoded) in the folder that
RESIDUAL_DATA names. The result is written after each case, and cases in it are skipped: a run that is interrupted
continues when it is started again.
"""

import argparse
import contextlib
import functools
import itertools
import json
import os
import time
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
from epoch_rules import RULES, find_correct, format_tables
from machine import machine, short_name

SETS = ("signs", "sign_language_digits", "cifar10")
AUGMENTS = ("affine", "crop")
AVERAGES = (3, 5, 10)  # epochs at the end of the training whose weights are averaged
MOST_TEST = 500  # images
MOST_FOR_STATISTICS = 320  # images for batch-norm statistics; `residual train` takes 10,000


def load_set(name: str, image_size: int | None = None):
    """A photo set with at most `MOST_TEST` test images, the same ones for every case."""
    from residual.data.load import load_data
    from residual.data.splits import stratified_split

    below = {"sign_language_digits": "sign_language_digits/sign_language_digits.zip"}
    address = Path(os.environ["RESIDUAL_DATA"]) / below.get(name, name)
    data = load_data(address if name in below else name, image_size)
    if len(data.test) > MOST_TEST:
        _, chosen = stratified_split(data.test.y, MOST_TEST / len(data.test), 0)
        data = replace(data, test=data.test.take(chosen))
    return data


def draw(data, n: int, seed: int):
    """The set with n of its training images, or all if it has fewer, and a tenth of them for validation."""
    from residual.data.splits import stratified_split
    from residual.training.job import split_validation

    if n < len(data.train):
        _, chosen = stratified_split(data.train.y, n / len(data.train), seed)
        data = replace(data, train=data.train.take(chosen), groups=None)
    return split_validation(data, 0.1, seed)


def choose_recipe(augment: str):
    """Recipe `images` with one of two augmentations."""
    from msgspec.structs import replace as change

    from residual.augment import Affine, Flip, Light, ResizedCrop
    from residual.training.recipes import RECIPES

    first = {"affine": Affine(rotate=10, shift=0.1, scale=0.1), "crop": ResizedCrop()}[augment]
    return change(RECIPES["images"], augment=(first, Flip(), Light(0.2, 0.2)))


class Network:
    """A network that is compiled once and trained again and again, each time from other random weights.

    Its first layer keeps the colour statistics of the images of the first training; the batch norm after the first
    convolution takes away what that changes.

    Args:
        data: images of the first training.
        recipe: without the augmentation the same for all trainings.
    """

    def __init__(self, data, recipe):
        from residual import backend
        from residual.backend import accelerate
        from residual.backend.choice import choose
        from residual.models import zoo
        from residual.training.build import build_model
        from residual.training.compile import compile_model, make_optimizer

        steps, size = -(-len(data.train) // recipe.batch_size), min(recipe.batch_size, len(data.train))
        self.spec = zoo.find_spec(recipe.model)
        self.model = build_model(data, self.spec, recipe)
        self.choice = choose(self.model, size, make_optimizer(recipe, steps), "auto")
        self.inside = contextlib.ExitStack()
        self.inside.enter_context(accelerate.accelerated(self.model, self.choice))
        compile_model(self.model, recipe, steps, self.choice)
        self.model.optimizer.build(self.model.trainable_variables)
        self.optimizer = [variable.numpy() for variable in self.model.optimizer.variables]
        self.forward = functools.cache(backend.training_forward)

    def restart(self, data, recipe, seed: int) -> None:
        """Random weights by a seed, and the optimizer as at the beginning."""
        import keras

        from residual.training.build import build_model

        keras.utils.set_random_seed(seed)
        self.model.set_weights(build_model(data, self.spec, recipe).get_weights())
        for variable, value in zip(self.model.optimizer.variables, self.optimizer, strict=True):
            variable.assign(value)

    def score(self, weights: list, data, recipe) -> int:
        """Test images that are classified correctly, with recomputed batch-norm statistics."""
        from residual import backend
        from residual.training.batch_norm import recompute_batch_norm
        from residual.training.batches import in_order

        self.model.set_weights(weights)
        with patch.object(backend, "training_forward", self.forward):
            recompute_batch_norm(
                self.model, data.train, recipe.batch_size, recipe.augment, max_images=MOST_FOR_STATISTICS
            )
        rows = self.model.predict(in_order(data.test, len(data.classes), 100), verbose=0)
        return int((rows.argmax(1) == data.test.y).sum())


def run_case(network: Network, data, recipe, seed: int) -> dict:
    """Train once; everything that is known of each epoch."""
    import keras

    from residual.training.batches import Batches, in_order

    classes, n, model = len(data.classes), len(data.validation), network.model
    network.restart(data, recipe, seed)
    batches = Batches(data.train, classes, recipe.batch_size, recipe.augment, seed)
    snapshots: list[list[np.ndarray]] = []
    keep = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: snapshots.append(model.get_weights()))
    batches.begin_at(0)
    started = time.perf_counter()
    history = model.fit(
        batches,
        epochs=recipe.epochs,
        validation_data=in_order(data.validation, classes, recipe.batch_size),
        shuffle=False,
        callbacks=[keep],
        verbose=0,
    ).history
    seconds = time.perf_counter() - started
    rates = recipe.schedule.rates(batches.steps, recipe.epochs)
    seen = {
        "validation_n": n,
        "rates": rates[batches.steps - 1 :: batches.steps].tolist(),
        "val_loss": [round(value, 5) for value in history["val_loss"]],
        "val_correct": [round(value * n) for value in history["val_accuracy"]],
    }
    chosen = sorted({rule(seen) for rule in RULES.values()})
    averages = {str(k): [np.mean(v, 0) for v in zip(*snapshots[-k:], strict=True)] for k in AVERAGES}
    return {
        **seen,
        "train_n": len(data.train),
        "test_n": len(data.test),
        "image_size": data.size[0],
        "precision": network.choice.precision,
        "seconds": round(seconds, 1),
        "train_loss": [round(value, 5) for value in history["loss"]],
        "test_correct": {str(epoch): network.score(snapshots[epoch], data, recipe) for epoch in chosen},
        "average_test_correct": {k: network.score(mean, data, recipe) for k, mean in averages.items()},
    }


def name_case(name: str, n: int, seed: int, augment: str, image_size: int | None) -> str:
    return f"{name} n={n} seed={seed} {augment}" + (f" {image_size} pixels" if image_size else "")


def measure(arguments, path: Path) -> None:
    """Run the cases that are asked for and not yet in the result; those of one set and n share a network."""
    record = json.loads(path.read_text("utf-8")) if path.exists() else {"cases": {}}
    sets = {}
    for n in arguments.n:
        networks = {}
        for seed, name, augment in itertools.product(arguments.seeds, arguments.sets, arguments.augment):
            case = name_case(name, n, seed, augment, arguments.size)
            if case in record["cases"]:
                continue
            began = time.perf_counter()
            if name not in sets:
                sets[name] = load_set(name, arguments.size)
            data, recipe = draw(sets[name], n, seed), choose_recipe(augment)
            if name not in networks:
                networks[name] = Network(data, recipe)
            facts = {"set": name, "n": n, "seed": seed, "augment": augment}
            done = facts | run_case(networks[name], data, recipe, seed)
            record["cases"][case] = done
            write({**record, "machine": machine()}, path)
            share = find_correct(done)["the last"] / done["test_n"]
            print(f"{case}: {time.perf_counter() - began:.0f} s, last epoch {share:.1%}", flush=True)


def write(record: dict, path: Path) -> None:
    """The record, whole or not at all: a case a line."""
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(case)}" for name, case in record["cases"].items())
    head = json.dumps({key: value for key, value in record.items() if key != "cases"})[1:-1]
    text = f'{{{head}, "cases": {{\n{lines}\n}}}}\n'
    partial = path.with_suffix(".partial")
    partial.write_text(text, "utf-8")
    partial.replace(path)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--n", type=int, nargs="+", default=[50, 200, 1000], help="training images")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(5)))
    parser.add_argument("--sets", nargs="+", default=SETS, choices=SETS)
    parser.add_argument("--augment", nargs="+", default=["affine"], choices=AUGMENTS)
    parser.add_argument("--size", type=int, help="pixels a side in place of the set's own")
    parser.add_argument(
        "--out", type=Path, help="the result; else benchmarks/results/epoch_choice-MACHINE.json"
    )
    parser.add_argument("--show", action="store_true", help="print the tables of a result; train nothing")
    arguments = parser.parse_args()
    folder = Path(__file__).parent / "results"
    path = arguments.out or folder / f"epoch_choice-{short_name(machine())}.json"
    if arguments.show:
        print(format_tables(json.loads(path.read_text("utf-8"))))
        return
    from residual import backend

    backend.prefer_backend()
    backend.import_keras_quietly()
    measure(arguments, path)


if __name__ == "__main__":
    main()
