"""What calibration and the reject option do on test images, over several data sets, sizes and seeds.

    python benchmarks/trust.py DATA --keep FOLDER      # trains what FOLDER lacks, prints the tables, writes the JSON
    python benchmarks/trust.py DATA --keep FOLDER --only signs-240,sld-240

DATA holds signs/, cifar10/ and sign_language_digits/sign_language_digits.zip. FOLDER keeps one .npz for each network:
what its last layer reads for training, validation and test images and for images of other things, so that the rules
can be compared without training again. Networks are trained with `calibrate = false`; every rule starts from the same
probabilities. Writes benchmarks/results/trust-PROCESSOR.json.
"""

import argparse
import json
import re
import time
from dataclasses import replace
from pathlib import Path

import machine
import msgspec
import numpy as np

from residual.trust import temperature
from residual.trust.calibration import measure_calibration
from residual.trust.distance import choose_limit, fit_feature_space
from residual.trust.facts import MOST_IMAGES
from residual.trust.temperature import apply_temperature, find_nll, fit_temperature
from residual.trust.thresholds import USUAL, choose_threshold

# name -> data, training and validation images (None takes all), seeds, recipe, changes of the recipe
NETWORKS = {
    "digits-240": ("digits", 240, 4, "digits", {}),
    "digits-600": ("digits", 600, 4, "digits", {}),
    "digits-None": ("digits", None, 3, "digits", {}),
    "signs-240": ("signs", 240, 4, "signs", {}),
    "signs-None": ("signs", None, 1, "signs", {}),
    "sld-240": ("sld", 240, 4, "signs", {}),
    "cifar-3000": ("cifar", 3000, 2, "cifar10", {"epochs": 12}),
}
WIDTHS = (None, 1.0, 0.5, 0.25)  # of the prior of the temperature; None: no prior
OUTSIDE = 400  # images of each other data set
TESTED = 2000  # test images of CIFAR-10


def main() -> None:
    """Train what is missing, compare the rules, print tables, write the JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--keep", type=Path, required=True)
    parser.add_argument("--only", default=",".join(NETWORKS))
    parser.add_argument("--no-training", action="store_true", help="compare the networks that FOLDER has")
    given = parser.parse_args()
    given.keep.mkdir(parents=True, exist_ok=True)
    names, results = given.only.split(","), {}
    for name in names:
        for seed in range(NETWORKS[name][2]):
            path = given.keep / f"{name}-{seed}.npz"
            if not path.exists() and not given.no_training:
                keep_network(name, seed, given.data, path)
        files = sorted(given.keep.glob(f"{name}-[0-9].npz"))
        if files:
            results[name] = [measure(path) for path in files]
    print_calibration(results)
    print_selection(results)
    print_distances(results)
    facts = machine.machine()
    out = Path(__file__).parent / "results" / f"trust-{machine.short_name(facts)}.json"
    record = {"machine": facts, "networks": results}
    out.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    print(f"\nwritten to {out}")


def load(name: str, place: Path):
    """A data set by its short name."""
    from residual.data.load import load_data

    if name == "sld":
        return load_data(place / "sign_language_digits" / "sign_language_digits.zip", 64)
    if name == "cifar":
        data = load_data("cifar10", search_dir=place)
        return replace(data, test=data.test.take(np.arange(TESTED)))
    return load_data(name, search_dir=place if name == "signs" else None)


def keep_network(name: str, seed: int, place: Path, path: Path) -> None:
    """Train a network and keep what its last layer reads."""
    import residual
    from residual.data.splits import split_apart
    from residual.training.job import split_validation

    data_name, count, _, recipe, changes = NETWORKS[name]
    data = load(data_name, place)
    if count is not None:
        kept, _ = split_apart(data.train, 1 - count / len(data.train), seed + 100, data.groups)
        data = replace(data, train=data.train.take(kept), groups=None)
    data = split_validation(data, 0.1, seed)
    values = msgspec.structs.replace(residual.load_recipe(recipe), calibrate=False)
    started = time.time()
    options = {"precision": "float32", "progress": False, "name": f"{path.stem}-{int(started)}", **changes}
    run = residual.train(data, recipe=values, seed=seed, **options)
    kernel, bias = run.model.layers[-1].get_weights()
    arrays = {"W": kernel, "b": bias}
    for split in ("train", "validation", "test"):
        images = getattr(data, split)
        arrays |= {split: read_features(run.model, images.x), f"{split}_y": images.y}
    for other in ("digits", "signs", "sld", "cifar"):
        if other != data_name:
            arrays[f"out_{other}"] = read_features(run.model, find_outside(other, place, data.size[0]))
    noise = np.random.default_rng(0).integers(0, 256, (200, *data.size, 3)).astype(np.uint8)
    np.savez(path, **arrays, out_noise=read_features(run.model, noise))
    print(f"{path.stem}: {len(data.validation)} validation images, {time.time() - started:.0f} s", flush=True)


def find_outside(name: str, place: Path, side: int) -> np.ndarray:
    """Test images of other data at the size of the network's."""
    from residual.data.images import resize_all

    x = (
        np.asarray(load(name, place).test.x[np.arange(OUTSIDE)])
        if name != "signs"
        else load(name, place).test.x
    )
    return x[:OUTSIDE] if x.shape[1] == side else np.asarray(resize_all(x[:OUTSIDE], side))


def read_features(model, x) -> np.ndarray:
    """float32 (n, d): what the last layer reads."""
    import keras

    reader = keras.Model(model.input, model.layers[-1].input)
    parts = [reader.predict(np.asarray(x[i : i + 128]), verbose=0) for i in range(0, len(x), 128)]
    return np.concatenate(parts).astype(np.float32)


def measure(path: Path) -> dict:
    """Everything about one network that the tables show."""
    with np.load(path) as file:
        held = {name: file[name] for name in file.files}

    def find_rows(part: str) -> np.ndarray:
        logits = held[part].astype(np.float64) @ held["W"] + held["b"]
        shifted = np.exp(logits - logits.max(1, keepdims=True))
        return shifted / shifted.sum(1, keepdims=True)

    validation, test = find_rows("validation"), find_rows("test")
    labels, truth = held["validation_y"], held["test_y"]
    found: dict = {
        "network": path.stem,
        "n_validation": len(labels),
        "n_test": len(truth),
        "accuracy": float((test.argmax(1) == truth).mean()),
        "rules": {"as trained": describe(test, truth, 1.0)},
    }
    for width in WIDTHS:
        temperature.WIDTH = width or 1e6
        found["rules"][f"prior {width}"] = describe(test, truth, fit_temperature(validation, labels))
    temperature.WIDTH = 1e6
    found["rules"]["fitted on the test images"] = describe(test, truth, fit_temperature(test, truth))
    temperature.WIDTH = 0.5
    value = fit_temperature(validation, labels)
    found["selection"] = [
        select(precision, apply_temperature(validation, value), labels, apply_temperature(test, value), truth)
        for precision in USUAL
    ]
    found["outside"] = measure_outside(held, find_rows)
    return found


def describe(test: np.ndarray, truth: np.ndarray, value: float) -> dict:
    """Test scores at a temperature."""
    rows = apply_temperature(test, value)
    error = measure_calibration(rows.max(1), rows.argmax(1) == truth)
    return {"temperature": value, "nll": find_nll(rows, truth), **error.to_dict()}


def select(precision, validation, labels, test, truth) -> dict:
    """What a threshold keeps of the test images."""
    chosen = choose_threshold(validation.max(1), validation.argmax(1) == labels, precision)
    kept = test.max(1) >= chosen.probability
    correct = int((test.argmax(1) == truth)[kept].sum())
    return {
        "precision": precision,
        "threshold": chosen.probability,
        "kept": int(kept.sum()),
        "correct": correct,
    }


def measure_outside(held: dict, find_rows) -> dict:
    """How well images of other things are told apart from test images, by several figures.

    Each is the area under the ROC curve, and the share of the other images beyond the limit that the validation images
    set; "known" is the share of the test images beyond it.
    """
    from residual.training.calibrate import choose_images

    chosen = choose_images(held["train_y"], MOST_IMAGES)
    train, labels = held["train"][chosen].astype(np.float16).astype(np.float32), held["train_y"][chosen]
    space = fit_feature_space(train, labels)
    figures = {
        "1 - probability": lambda part: 1 - find_rows(part).max(1),
        "nearest, cosine": lambda part: find_nearest(train, held[part], unit=True),
        "nearest, Euclid": lambda part: find_nearest(train, held[part], unit=False),
        "Mahalanobis": lambda part: space.find_distances(held[part]),
    }
    others = [name for name in held if name.startswith("out_")]
    found = {}
    for name, figure in figures.items():
        known, limit = figure("test"), choose_limit(figure("validation")).distance
        found[name] = {"known": float((known > limit).mean())}
        for other in others:
            values = figure(other)
            found[name][other.removeprefix("out_")] = {
                "n": len(values),
                "auroc": find_auroc(known, values),
                "beyond": float((values > limit).mean()),
            }
    return found


def find_nearest(train: np.ndarray, x: np.ndarray, unit: bool) -> np.ndarray:
    """Distance to the nearest training image; of unit vectors if `unit`."""
    if unit:
        train, x = (part / np.linalg.norm(part, axis=1, keepdims=True).clip(1e-9) for part in (train, x))
    squares = np.square(x).sum(1)[:, None] + np.square(train).sum(1)[None] - 2 * x @ train.T
    return np.sqrt(squares.clip(0).min(1))


def find_auroc(low: np.ndarray, high: np.ndarray) -> float:
    """The chance that one of `high` is above one of `low`; ties count half."""
    from scipy.stats import rankdata

    ranks = rankdata(np.concatenate([low, high]))[len(low) :]
    return float((ranks.sum() - len(high) * (len(high) + 1) / 2) / (len(low) * len(high)))


def print_calibration(results: dict) -> None:
    """A row for each network: mean negative log-likelihood on the test images by rule."""
    rules = list(next(iter(results.values()))[0]["rules"])
    print("| network | runs | validation | " + " | ".join(rules) + " |\n|" + " --- |" * (3 + len(rules)))
    for name, runs in results.items():
        cells = [
            f"{np.mean([run['rules'][rule]['nll'] for run in runs]):.4f} "
            f"({100 * np.mean([run['rules'][rule]['calibration_error'] for run in runs]):.1f}%)"
            for rule in rules
        ]
        print(f"| {name} | {len(runs)} | {runs[0]['n_validation']} | {' | '.join(cells)} |")
    worst = {
        rule: max(
            run["rules"][rule]["nll"] - run["rules"]["as trained"]["nll"] for runs in results.values() for run in runs
        )
        for rule in rules
    }  # fmt: skip
    print("worst change of a run: " + ", ".join(f"{rule} {value:+.4f}" for rule, value in worst.items()))


def print_selection(results: dict) -> None:
    """A row for each network: coverage and precision on the test images of all runs."""
    heads = " | ".join(f"{100 * precision:g}%: kept | right" for precision in USUAL)
    print(f"\n| network | test images of all runs | {heads} |\n|" + " --- |" * (2 + 2 * len(USUAL)))
    for name, runs in results.items():
        n, cells = sum(run["n_test"] for run in runs), []
        for place in range(len(USUAL)):
            kept = sum(run["selection"][place]["kept"] for run in runs)
            correct = sum(run["selection"][place]["correct"] for run in runs)
            cells += [f"{kept / n:.1%}", f"{correct / max(kept, 1):.2%} ({correct} of {kept})"]
        print(f"| {name} | {n} | {' | '.join(cells)} |")


def print_distances(results: dict) -> None:
    """A row for each network and figure: AUROC and the share beyond the limit, in the mean of the runs."""
    print("\n| network | figure | known beyond | others: AUROC, share beyond |\n| --- | --- | --- | --- |")
    for name, runs in results.items():
        for figure, table in runs[0]["outside"].items():
            cells = []
            for other in table:
                if other == "known":
                    continue
                both = [
                    np.mean([run["outside"][figure][other][key] for run in runs])
                    for key in ("auroc", "beyond")
                ]
                cells.append(f"{re.sub('sld', 'sign language digits', other)} {both[0]:.3f}, {both[1]:.0%}")
            known = np.mean([run["outside"][figure]["known"] for run in runs])
            print(f"| {name} | {figure} | {known:.1%} | {'; '.join(cells)} |")


if __name__ == "__main__":
    main()
