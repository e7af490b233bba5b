"""SIGNS: the notebooks' recipe as Keras runs it, beside `residual train signs`: time and accuracy.

    RESIDUAL_DATA=FOLDER python benchmarks/signs.py       # about ten minutes on two cores

One process per training, one after the other: two seeds of the default recipe, the notebook (ResNet-50, Adam 1.5e-4,
batch norm with momentum 0.99, stock Keras, ten epochs), three more seeds. All train on the same photos and are
followed on the same validation photos; the test photos are read once, at the end of each training. Times are those of
the epochs, validation included on both sides; the notebook's first epoch compiles its step, ours is compiled by the
plan before. The whole of ours, with the plan and the statistics of batch norm, is the fair comparison. Prints a
Markdown table and writes benchmarks/signs.json.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SEEDS = range(5)
GOALS = (0.95, 0.97)


def notebook(epochs: int) -> dict:
    """The notebook's own recipe on stock Keras."""
    from residual import backend

    backend.prefer_backend()
    backend.import_keras_quietly()
    import keras

    import residual
    from residual.models import zoo
    from residual.models.build import build_network
    from residual.training.job import split_validation

    keras.utils.set_random_seed(0)
    data = split_validation(residual.load_data("signs"), 0.1, 0)

    def labelled(images):
        return images.x, keras.utils.to_categorical(images.y, 6)

    model = build_network(zoo.find_spec("course-resnet50"), (64, 64, 3), 6, keras.layers.Rescaling(1 / 255))
    model.compile(keras.optimizers.Adam(1.5e-4), "categorical_crossentropy", metrics=["accuracy"])
    ends, started = [], time.perf_counter()
    history = model.fit(
        *labelled(data.train),
        epochs=epochs,
        batch_size=32,
        validation_data=labelled(data.validation),
        verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: ends.append(time.perf_counter()))],
    ).history
    x, y = labelled(data.test)
    correct = int((model.predict(x, verbose=0).argmax(1) == y.argmax(1)).sum())
    return {
        "seconds": ends[-1] - started,
        "seconds_of_five_epochs": ends[4] - started,
        "validation": history["val_accuracy"],
        "train_accuracy": history["accuracy"][-1],
        "ends": [end - started for end in ends],
        "test_correct": correct,
        "test_n": len(y),
    }


def ours(seed: int) -> dict:
    """`residual train signs`."""
    from residual import backend

    backend.prefer_backend()
    backend.import_keras_quietly()
    import os

    import residual

    with tempfile.TemporaryDirectory() as room:
        os.chdir(room)
        run = residual.train("signs", seed=seed)
        scores = run.evaluate()
        rows = run.folder.log_rows()
        report = run.report
    seconds, ends = 0.0, []
    for row in rows:
        seconds += row["seconds"]
        ends.append(seconds)
    return {
        "seconds": report["training_seconds"],
        "total_seconds": report["total_seconds"],
        "validation": [row["val_accuracy"] for row in rows],
        "ends": ends,
        "kept_validation": report["validation"]["accuracy"],
        "precision": report["precision"],
        "test_correct": round(scores.accuracy * scores.n),
        "test_n": scores.n,
    }


def alone(kind: str, argument: int) -> dict:
    """One training in a process of its own."""
    found = subprocess.run(
        [sys.executable, __file__, kind, str(argument)], stdout=subprocess.PIPE, check=True, text=True
    )
    result = json.loads(found.stdout.splitlines()[-1])
    print(
        kind,
        argument,
        {key: value for key, value in result.items() if key not in ("ends", "validation")},
        flush=True,
    )
    return result


def first_time(result: dict, goal: float) -> float | None:
    """Seconds until the validation accuracy first was `goal`; None if never."""
    pairs = zip(result["ends"], result["validation"], strict=True)
    return next((end for end, accuracy in pairs if accuracy >= goal), None)


def main() -> None:
    """Train all, print the table, write the JSON."""
    trained = [alone("ours", seed) for seed in SEEDS[:2]]
    beside = alone("notebook", 10)
    trained += [alone("ours", seed) for seed in SEEDS[2:]]
    limit = beside["seconds_of_five_epochs"]
    accuracy = statistics.median(r["test_correct"] / r["test_n"] for r in trained)
    print(f"\n| SIGNS | test accuracy | training | to {GOALS[0]:.0%} | to {GOALS[1]:.0%} |")
    print("| --- | --- | --- | --- | --- |")
    for name, results in (("notebook, 10 epochs", [beside]), ("residual, seeds 0-4", trained)):
        marks = ", ".join(f"{r['test_correct'] / r['test_n']:.1%}" for r in results)
        times = [spread([first_time(r, goal) for r in results]) for goal in GOALS]
        print(f"| {name} | {marks} | {spread([r['seconds'] for r in results])} | {times[0]} | {times[1]} |")
    whole = statistics.median(r["total_seconds"] for r in trained)
    print(f"\nmedian test accuracy {accuracy:.1%}; five epochs of the notebook {limit:.0f} s")
    training = statistics.median(r["seconds"] for r in trained) / limit
    print(f"training {training:.2f} of them, the whole {whole / limit:.2f}")
    from machine import machine

    record = {"machine": machine(), "notebook": beside, "residual": trained}
    record |= {"median_test_accuracy": accuracy, "seconds_of_five_notebook_epochs": limit}
    Path(__file__).with_suffix(".json").write_text(json.dumps(record, indent=1) + "\n")


def spread(seconds: list) -> str:
    """Median of some seconds, and from the least to the most; "not reached" where a value is missing."""
    known = [value for value in seconds if value is not None]
    if len(known) < len(seconds):
        return f"not reached by {len(seconds) - len(known)} of {len(seconds)}"
    middle = f"{statistics.median(known):.0f} s"
    return middle if len(known) == 1 else f"{middle} ({min(known):.0f}-{max(known):.0f})"


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps({"notebook": notebook, "ours": ours}[sys.argv[1]](int(sys.argv[2]))))
    else:
        main()
