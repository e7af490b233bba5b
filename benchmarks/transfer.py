"""Transfers between CIFAR-10, SIGNS and photos: trained weights against training from scratch, with few images.

    RESIDUAL_DATA=... python benchmarks/transfer.py CIFAR_RUN SIGNS_RUN PHOTOS_RUN --photos-zip ZIP --out FILE.json
        --seeds 10:5 50:3 200:1

The three runs are of the same network at 32 pixels. For each target, number of images and seed, a training set is drawn
from the training images. On it the network is trained from scratch by the recipe `images`, and from the weights of the
other two runs by the recipes `linear-probe` and `finetune`. Each keeps its last epoch, so that no validation images are
needed, and reads the test images once, at its end: 120 of SIGNS, those that are set aside of the photos, and the first
2,000 of CIFAR-10. From scratch, the images of the first seed give the normalization of all seeds. Finished cases in
FILE.json are kept.
"""

import argparse
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from machine import machine
from msgspec.structs import replace

from residual import load_data, open_run
from residual.backend import import_keras_quietly, set_seeds
from residual.data.images import Dataset
from residual.models.given import Pretrained
from residual.training.recipes import FINETUNE, IMAGES, LINEAR_PROBE

import_keras_quietly()

from transfers import Training, draw

from residual.models.build import build_network
from residual.models.transfer import build_transfer
from residual.models.zoo import resolve_spec
from residual.training.build import fit_normalization

SIZE, MOST_TEST = 32, 2_000


class Cases:
    """The results so far, in a file."""

    def __init__(self, path: Path):
        self.path = path
        self.record = json.loads(path.read_text()) if path.exists() else {"machine": machine(), "cases": {}}

    def get(self, key: str) -> list[dict]:
        return self.record["cases"].setdefault(key, [])

    def add(self, key: str, row: dict) -> None:
        self.get(key).append(row)
        self.path.write_text(json.dumps(self.record, indent=1) + "\n")
        print(
            f"{key}, seed {row['seed']}: {row['correct'] / row['n']:.1%} in {row['seconds']:.0f} s",
            flush=True,
        )


def measure(cases: Cases, target: str, data: Dataset, sources: dict, per_class: int, seeds: int) -> None:
    """The cases of one target and number of images that are not there yet."""
    classes = len(data.classes)
    test = data.test.take(range(min(len(data.test), MOST_TEST)))
    for recipe in (LINEAR_PROBE, FINETUNE):
        for name, source in sources.items():
            key, training = f"{target}, {per_class}, {recipe.name} from {name}", None
            for seed in range(len(cases.get(key)), seeds):
                train, _ = draw(data.train, per_class, seed)
                started = time.perf_counter()
                if training is None:
                    network = build_transfer(source, (SIZE, SIZE), classes).model
                    begin, training = network.get_weights(), Training(network, recipe, len(train), classes)
                training.run(begin, train, seed)
                cases.add(key, _describe(training.count_correct(test), test, train, seed, started))
            if training is not None:
                training.close()
    key, training = f"{target}, {per_class}, from scratch", None
    for seed in range(len(cases.get(key)), seeds):
        train, _ = draw(data.train, per_class, seed)
        started = time.perf_counter()
        set_seeds(seed)
        spec = resolve_spec(cases.record["network"])
        network = build_network(spec, (SIZE, SIZE, 3), classes, fit_normalization("channel", train))
        if training is None:
            recipe = replace(IMAGES, model=spec.name)
            training = Training(network, recipe, len(train), classes)
        training.run(network.get_weights(), train, seed)
        cases.add(key, _describe(training.count_correct(test), test, train, seed, started))
    if training is not None:
        training.close()


def _describe(correct: int, test, train, seed: int, started: float) -> dict:
    seconds = round(time.perf_counter() - started, 1)
    return {"seed": seed, "n": len(test), "correct": correct, "train": len(train), "seconds": seconds}


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("cifar10", "signs", "photos"):
        parser.add_argument(name, help=f"A run on {name}.")
    parser.add_argument("--photos-zip", required=True)
    parser.add_argument("--seeds", nargs="+", default=["10:5", "50:3", "200:1"], help="images a class:seeds")
    parser.add_argument("--only-from-scratch", action="store_true")
    parser.add_argument("--targets", nargs="+", default=["signs", "photos", "cifar10"])
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    cases = Cases(asked.out)
    sources, facts = {}, {}
    for name in ("cifar10", "signs", "photos"):
        run = open_run(getattr(asked, name))
        sources[name] = Pretrained(run.model, name, (SIZE, SIZE), "", takes_raw_pixels=True)
        shown = run.report["validation"]
        facts[name] = {"epochs": run.report["epochs"], "validation": shown["accuracy"], "of": shown["n"]}
        cases.record["network"] = run.folder.record.network.name
    cases.record["sources"] = facts
    for line in asked.seeds:
        per_class, seeds = map(int, line.split(":"))
        for target in asked.targets:
            data = load_data(asked.photos_zip if target == "photos" else target, SIZE)
            others = {name: source for name, source in sources.items() if name != target}
            others = {} if asked.only_from_scratch else others
            measure(cases, target, data, others, per_class, seeds)


if __name__ == "__main__":
    main()
