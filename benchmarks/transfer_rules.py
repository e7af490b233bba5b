"""How fine-tuning treats batch norm, rates and freezing: rules for recipe `finetune`, compared on real transfers.

    RESIDUAL_DATA=... python benchmarks/transfer_rules.py RUN --photos ZIP --seeds 3 --out FILE.json

RUN is a run on CIFAR-10. It is transferred to SIGNS and to the photos, with a few images a class. Each case trains as
the recipe does but for the rule in question, and is judged on up to 1,000 training images that its training set leaves
over; no test image is read. Finished cases in FILE.json are kept.
"""

import argparse
import json
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from machine import machine
from msgspec.structs import replace

from residual import load_data, open_run
from residual.backend import import_keras_quietly, set_seeds
from residual.data.images import Images
from residual.models.given import Pretrained
from residual.training.recipes import FINETUNE

import_keras_quietly()

from transfers import Training, draw

from residual.models.transfer import build_transfer

ALL = {"unfreeze": 0.0}  # all stages from the first epoch
HEAD = {"epochs": 0, "freeze": "body"}
RULES = {
    "head, kept": {"statistics": "kept", **HEAD},
    "head, adapted": {"statistics": "adapted", **HEAD},
    "kept": {"statistics": "kept", **ALL},
    "adapted": {"statistics": "adapted", **ALL},
    "batch": {"statistics": "batch", **ALL},
    "batch, three times the rate": {"statistics": "batch", "scale": 3.0, **ALL},
    "adapted, three times the rate": {"statistics": "adapted", "scale": 3.0, **ALL},
    "batch, one rate for all": {"statistics": "batch", "depth_decay": 1.0, **ALL},
    "batch, stage 1 and stem frozen": {"statistics": "batch", "freeze": "stage1", **ALL},
}


def measure(pretrained: Pretrained, images: Images, classes: int, per_class: int, rule: dict, seeds: range):
    """For each seed, how many of the others are right."""
    changes = dict(rule)
    scale = changes.pop("scale", 1.0)
    recipe = replace(FINETUNE, **changes)
    recipe = replace(recipe, schedule=replace(recipe.schedule, peak=recipe.schedule.peak * scale))
    network = build_transfer(pretrained, images.x.shape[1:3], classes).model
    begin = network.get_weights()
    training, found = Training(network, recipe, per_class * classes, classes), []
    for seed in seeds:
        set_seeds(seed)
        train, rest = draw(images, per_class, seed)
        others = images.take(rest[:1000])
        training.run(begin, train, seed)
        found.append({"seed": seed, "n": len(others), "correct": training.count_correct(others)})
    training.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("run")
    parser.add_argument("--photos", required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--per-class", type=int, nargs="+", default=[10, 50])
    parser.add_argument("--rules", nargs="+", default=list(RULES))
    parser.add_argument("--targets", nargs="+", default=["signs", "photos"])
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    run = open_run(asked.run)
    pretrained = Pretrained(
        run.model, asked.run, (32, 32), run.report["weights_sha256"], takes_raw_pixels=True
    )
    record = json.loads(asked.out.read_text()) if asked.out.exists() else {"machine": machine(), "cases": {}}
    facts = {"network": run.folder.record.network.name, "validation": run.report["validation"]["accuracy"]}
    record["source"] = {"data": "cifar10", "epochs": run.report["epochs"], **facts}
    places = {"signs": "signs", "photos": asked.photos}
    data = {target: load_data(places[target], 32) for target in asked.targets}
    for per_class in asked.per_class:
        for name in asked.rules:
            for target in asked.targets:
                found = data[target]
                key = f"{target}, {per_class}, {name}"
                if len(record["cases"].get(key, [])) >= asked.seeds:
                    continue
                rows = measure(
                    pretrained, found.train, len(found.classes), per_class, RULES[name], range(asked.seeds)
                )
                record["cases"][key] = rows
                asked.out.write_text(json.dumps(record, indent=1) + "\n")
                mean = statistics.mean(row["correct"] / row["n"] for row in rows)
                print(f"{key}: {mean:.1%}", flush=True)


if __name__ == "__main__":
    main()
