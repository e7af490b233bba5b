"""Trainings that compare rules for the epoch to keep, and the augmentations of recipe `images`.

    python benchmarks/epoch_choice.py --n 200 --augment affine crop    # about a minute a case on one core
    python benchmarks/epoch_choice.py --show                           # what the rules would have kept

A case is one training of recipe `images`: a photo set, n training images, a seed, an augmentation. It stores what a
rule may see, the validation accuracy and loss of every epoch, and what it must not see, the test accuracy of every
epoch and of averages of the last epochs' weights. So every rule is compared on the same trainings (`epoch_rules`).
The test images are read for this experiment alone: no rule, and nothing in `residual train`, uses them.

The n images are drawn by the seed, each class in proportion; a tenth of them is validated on, as `residual train`
does. The photo sets are SIGNS, Sign Language Digits (64x64) and CIFAR-10 (32x32, JPEG re-encoded) in the folder that
RESIDUAL_DATA names. The result is written after each case, and cases in it are skipped: a run that is interrupted
continues when it is started again.
"""

import argparse
import gc
import json
import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from machine import machine, short_name

SETS = ("signs", "sign_language_digits", "cifar10")
AUGMENTS = ("affine", "crop")
AVERAGES = (3, 5, 10)  # epochs at the end of the training whose weights are averaged
MOST_TEST = 500  # images
MOST_FOR_STATISTICS = (
    320  # images that batch-norm statistics are recomputed on; `residual train` takes 10,000
)


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


def run_case(data, augment: str, seed: int) -> dict:
    """Train once; everything that is known of each epoch."""
    import keras

    from residual.backend import accelerate
    from residual.backend.choice import choose
    from residual.models import zoo
    from residual.training.batches import Batches, in_order
    from residual.training.build import build_model
    from residual.training.compile import compile_model, make_optimizer

    recipe, classes = choose_recipe(augment), len(data.classes)
    keras.utils.set_random_seed(seed)
    batches = Batches(data.train, classes, recipe.batch_size, recipe.augment, seed)
    model = build_model(data, zoo.find_spec(recipe.model), recipe)
    size = min(recipe.batch_size, len(data.train))
    choice = choose(model, size, make_optimizer(recipe, batches.steps), "auto")
    snapshots: list[list[np.ndarray]] = []
    keep = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: snapshots.append(model.get_weights()))
    with accelerate.accelerated(model, choice):
        compile_model(model, recipe, batches.steps, choice)
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
        scores = score_all(model, snapshots, data, recipe)
    n = len(data.validation)
    return {
        "train_n": len(data.train),
        "validation_n": n,
        "test_n": len(data.test),
        "image_size": data.size[0],
        "precision": choice.precision,
        "seconds": round(seconds, 1),
        "rates": recipe.schedule.rates(batches.steps, recipe.epochs)[
            batches.steps - 1 :: batches.steps
        ].tolist(),
        "train_loss": [round(value, 5) for value in history["loss"]],
        "val_loss": [round(value, 5) for value in history["val_loss"]],
        "val_correct": [round(value * n) for value in history["val_accuracy"]],
        **scores,
    }


def score_all(model, snapshots: list, data, recipe) -> dict:
    """Test images that each epoch's weights, and each average, classify correctly with recomputed statistics."""
    from residual.training.batch_norm import recompute_batch_norm
    from residual.training.batches import in_order

    test = in_order(data.test, len(data.classes), 100)

    def score(weights) -> tuple[int, float]:
        model.set_weights(weights)
        recompute_batch_norm(
            model, data.train, recipe.batch_size, recipe.augment, max_images=MOST_FOR_STATISTICS
        )
        rows = np.float64(model.predict(test, verbose=0))
        right = rows[np.arange(len(rows)), data.test.y]
        return int((rows.argmax(1) == data.test.y).sum()), round(float(-np.log(right + 1e-12).mean()), 5)

    each = [score(weights) for weights in snapshots]
    averages = {
        str(last): score([np.mean(values, 0) for values in zip(*snapshots[-last:], strict=True)])[0]
        for last in AVERAGES
    }
    return {
        "test_correct": [correct for correct, _ in each],
        "test_loss": [loss for _, loss in each],
        "average_test_correct": averages,
    }


def name_case(name: str, n: int, seed: int, augment: str, image_size: int | None) -> str:
    return f"{name} n={n} seed={seed} {augment}" + (f" {image_size} pixels" if image_size else "")


def measure(arguments, path: Path) -> None:
    """Run the cases that are asked for and not yet in the result."""
    import keras

    record = json.loads(path.read_text("utf-8")) if path.exists() else {"cases": {}}
    sets: dict = {}
    for n, seed, name, augment in (
        (n, seed, name, augment)
        for n in arguments.n
        for seed in arguments.seeds
        for name in arguments.sets
        for augment in arguments.augment
    ):
        case = name_case(name, n, seed, augment, arguments.size)
        if case in record["cases"]:
            continue
        if name not in sets:
            sets[name] = load_set(name, arguments.size)
        facts = {"set": name, "n": n, "seed": seed, "augment": augment}
        began = time.perf_counter()
        record["cases"][case] = facts | run_case(draw(sets[name], n, seed), augment, seed)
        record["machine"] = machine()
        write(record, path)
        done = record["cases"][case]
        share = done["test_correct"][-1] / done["test_n"]
        print(f"{case}: {time.perf_counter() - began:.0f} s, last epoch {share:.1%}", flush=True)
        keras.backend.clear_session()
        gc.collect()


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
    parser.add_argument("--augment", nargs="+", default=["crop"], choices=AUGMENTS)
    parser.add_argument("--size", type=int, help="pixels a side in place of the set's own")
    parser.add_argument(
        "--out", type=Path, help="the result; else benchmarks/results/epoch_choice-MACHINE.json"
    )
    parser.add_argument("--show", action="store_true", help="print the tables of a result; train nothing")
    arguments = parser.parse_args()
    folder = Path(__file__).parent / "results"
    path = arguments.out or folder / f"epoch_choice-{short_name(machine())}.json"
    if arguments.show:
        from epoch_rules import format_tables

        print(format_tables(json.loads(path.read_text("utf-8"))))
        return
    from residual import backend

    backend.prefer_backend()
    backend.import_keras_quietly()
    measure(arguments, path)


if __name__ == "__main__":
    main()
