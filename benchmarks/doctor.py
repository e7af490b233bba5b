"""The limits of `residual doctor`: trains healthy runs and runs that are ill on purpose, and prints what it measures.

    python benchmarks/doctor.py WORK            # some minutes on two cores
    python benchmarks/doctor.py WORK --only digits-0 digits-dead

WORK keeps the runs and the diagnoses; what is there already is not made again. The figures go into
results/doctor.json, the table onto standard output.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

RESULTS = Path(__file__).with_name("results") / "doctor.json"
# Name -> what was done, and the words after `residual train`; None for a network given from Python.
CASES: dict[str, tuple[str, list[str] | None]] = {
    "digits-0": ("the recipe as it is", ["digits"]),
    "signs-0": ("the recipe as it is", ["signs"]),
    "digits-x10": ("10 times the rate", ["digits", "--set", "schedule.peak=0.04"]),
    "digits-x100": ("100 times the rate", ["digits", "--set", "schedule.peak=0.4"]),
    "digits-x1000": ("1,000 times the rate", ["digits", "--set", "schedule.peak=4"]),
    "digits-sgd": (
        "SGD at a rate of 3",
        ["digits", "--set", "optimizer=sgd", "--set", "schedule.peak=3"],
    ),
    "digits-x001": ("a hundredth of the rate", ["digits", "--set", "schedule.peak=4e-5"]),
    "digits-flipped": ("20% of the labels changed", ["flipped", "--recipe", "digits", "--size", "16"]),
    "digits-tiny": ("70 training images", ["digits", "--validation", "0.95"]),
    "digits-tiny100": (
        "70 training images, 100 epochs",
        ["digits", "--validation", "0.95", "--epochs", "100"],
    ),
    "digits-tiny30": (
        "30 training images, 60 epochs",
        ["digits", "--validation", "0.98", "--epochs", "60"],
    ),
    "digits-dead": ("half of the biases begin at -8", None),
    "digits-plain": ("20 convolutions without shortcut and batch norm, small weights", None),
}
FIGURES = {
    "rate-too-high": ("largest_rise", "{:.1%}"),
    "rate-too-low": ("late_to_early", "{:.2f}"),
    "gradient-flow": ("first_to_last", "{:.2g}"),
    "dead-relus": ("worst_share", "{:.0%}"),
    "stale-batch-norm": ("stale", "{}"),
    "underfitting": ("accuracy", "{:.1%}"),
    "overfitting": ("low", "{:+.1%}"),
    "label-noise": ("low", "{:.1%}"),
}


def make_flipped(folder: Path) -> None:
    """Write the digits as PNG files in class folders, a fifth of the training labels changed."""
    from PIL import Image

    import residual

    data, draw = residual.load_data("digits"), np.random.default_rng(0)
    for split in ("train", "test"):
        images = getattr(data, split)
        labels = images.y.copy()
        if split == "train":
            changed = draw.random(len(labels)) < 0.2
            labels[changed] = (labels[changed] + draw.integers(1, 10, changed.sum())) % 10
        for i, label in enumerate(labels):
            path = folder / split / str(label)
            path.mkdir(parents=True, exist_ok=True)
            word = "bad" if label != images.y[i] else "ok"
            Image.fromarray(images.x[np.array([i])][0]).save(path / f"{word}{i:05}.png")


def make_network(name: str):
    """A network that is ill from its first step on."""
    import keras

    import residual

    if name == "digits-dead":
        model = residual.build("cifar-resnet8", (16, 16, 3), 10)
        for layer in model.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                biases = np.zeros(layer.beta.shape)
                biases[: len(biases) // 2] = -8
                layer.beta.assign(biases)
        return model
    pixels = keras.Input((16, 16, 3))
    x = keras.layers.Rescaling(1 / 255)(pixels)
    for i in range(20):
        kernel = keras.initializers.RandomNormal(stddev=0.02, seed=i)
        x = keras.layers.Conv2D(16, 3, padding="same", activation="relu", kernel_initializer=kernel)(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(pixels, keras.layers.Dense(10, activation="softmax")(x), name="plain20")


def train(name: str, words: list[str] | None) -> None:
    """Train one case in the current folder."""
    if words is None:
        import residual

        model = make_network(name)
        residual.train("digits", model=model, recipe="digits", name=name, progress=False, engine=False)
        return
    if words[0] == "flipped" and not Path("flipped").is_dir():
        make_flipped(Path("flipped"))
    subprocess.run(
        [sys.executable, "-m", "residual", "train", "-q", "--no-engine", *words, "--name", name], check=True
    )


def diagnose(name: str) -> dict:
    """The diagnosis of one case, from its file if there is one."""
    path = Path(f"diag-{name}.json")
    if not path.is_file():
        if not Path("runs", name, "model.keras").is_file():
            train(name, CASES[name][1])
        found = subprocess.run(
            [sys.executable, "-m", "residual", "doctor", f"runs/{name}", "--json"],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        path.write_text(found.stdout)
    return json.loads(path.read_text())


def format_table(found: dict[str, dict]) -> str:
    """The figures as a Markdown table; those that pass their limit are bold."""
    lines = [
        "| run | " + " | ".join(FIGURES) + " |",
        "| --- " * (len(FIGURES) + 1) + "|",
    ]
    for name, diagnosis in found.items():
        checks = {check["symptom"]: check for check in diagnosis["checks"]}
        cells = []
        for symptom, (figure, form) in FIGURES.items():
            check = checks.get(symptom)
            value = check["figures"][figure] if check else None
            text = "-" if value is None else form.format(value)
            cells.append(f"**{text}**" if check and check["found"] else text)
        lines.append(f"| {name.split('-')[0]}, {CASES[name][0]} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("work", type=Path, help="folder of the runs")
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES), help="some cases")
    asked = parser.parse_args()
    asked.work.mkdir(parents=True, exist_ok=True)
    results = RESULTS.resolve()
    os.chdir(asked.work)
    found = {name: diagnose(name) for name in asked.only}
    if asked.only == list(CASES):
        text = json.dumps(found, indent=1).replace(f"{Path.cwd()}/", "")
        results.write_text(text + "\n")
    print(format_table(found))


if __name__ == "__main__":
    main()
