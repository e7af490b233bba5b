"""How fine-tuning treats batch norm, depth and freezing: the rules of recipe `finetune`, compared on real transfers.

    RESIDUAL_DATA=... python benchmarks/transfer_rules.py RUN --photos ZIP --seeds 3 --out FILE.json

RUN is a run on CIFAR-10. It is transferred to SIGNS and to the photos, with a few images a class. Each case begins with
the same fitted head for its statistics, trains as the recipe does but for the rule in question, and is judged on the
validation images that the training set leaves over; no test image is read. Finished cases in FILE.json are kept.
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

import numpy as np

from residual.backend import accelerate
from residual.models.transfer import assign_head, build_body, build_transfer
from residual.training.batch_norm import assign_statistics, moving_statistics, recompute_batch_norm
from residual.training.batches import Batches, in_order
from residual.training.compile import compile_model
from residual.training.phases import Phases
from residual.training.probe import fit_head

ALL = {"unfreeze": 0.0}  # all stages from the first epoch
RULES = {
    "kept": {"statistics": "kept", **ALL},
    "adapted": {"statistics": "adapted", **ALL},
    "batch": {"statistics": "batch", **ALL},
    "adapted, three times the rate": {"statistics": "adapted", "scale": 3.0, **ALL},
    "batch, three times the rate": {"statistics": "batch", "scale": 3.0, **ALL},
    "batch, one rate for all": {"statistics": "batch", "depth_decay": 1.0, **ALL},
    "batch, stages in three steps": {"statistics": "batch", "unfreeze": 0.5},
}


def draw(images: Images, per_class: int, seed: int) -> tuple[Images, Images]:
    """So many images of each class, and up to 1,000 others to judge by."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(images))
    chosen = np.concatenate([order[images.y[order] == k][:per_class] for k in np.unique(images.y)])
    rest = np.setdiff1d(order, chosen)
    return images.take(np.sort(chosen)), images.take(np.sort(rng.permutation(rest)[:1000]))


def score(model, images: Images, classes: int) -> int:
    rows = model.predict(in_order(images, classes, 128), verbose=0)
    return int((rows.argmax(1) == images.y).sum())


def measure(pretrained: Pretrained, images: Images, classes: int, per_class: int, rule: dict, seeds: range):
    """For each seed: how many of the others are right with the fitted head alone, and after the fine-tuning."""
    changes = dict(rule)
    scale = changes.pop("scale", 1.0)
    recipe = replace(FINETUNE, **changes)
    recipe = replace(recipe, schedule=replace(recipe.schedule, peak=recipe.schedule.peak * scale))
    network = build_transfer(pretrained, images.x.shape[1:3], classes).model
    begin = network.get_weights()
    steps = -(-per_class * classes // recipe.batch_size)
    phases = Phases(network, recipe, lambda: compile_model(network, recipe, steps), steps)
    found = []
    with accelerate.accelerated(network):
        for seed in seeds:
            set_seeds(seed)
            train, others = draw(images, per_class, seed)
            network.set_weights(begin)
            if recipe.statistics != "kept":
                recompute_batch_norm(network, train, recipe.batch_size)
            body = build_body(network)
            known = [body.predict(in_order(part, classes, 128), verbose=0) for part in (train, others)]
            head = fit_head(known[0], train.y, classes, seed=seed)
            assign_head(network, head.kernel, head.bias)
            start = int((head.predict(known[1]).argmax(1) == others.y).sum())
            batches = Batches(train, classes, recipe.batch_size, recipe.augment, seed)
            phases._current = None
            epoch = 0
            while epoch < recipe.epochs:
                phases.enter(epoch)
                batches.begin_at(epoch)
                network.fit(
                    batches, initial_epoch=epoch, epochs=phases.end_of(epoch), shuffle=False, verbose=0
                )
                epoch = phases.end_of(epoch)
            row = {"seed": seed, "n": len(others), "head": start, "moving": score(network, others, classes)}
            if recipe.statistics == "batch":
                moving = moving_statistics(network)
                recompute_batch_norm(network, train, recipe.batch_size, recipe.augment)
                row["finetuned"] = score(network, others, classes)
                assign_statistics(network, moving)
            else:
                row["finetuned"] = row["moving"]
            found.append(row)
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("run")
    parser.add_argument("--photos", required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--per-class", type=int, nargs="+", default=[10, 50])
    parser.add_argument("--rules", nargs="+", default=list(RULES))
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    run = open_run(asked.run)
    pretrained = Pretrained(
        run.model, asked.run, (32, 32), run.report["weights_sha256"], takes_raw_pixels=True
    )
    record = json.loads(asked.out.read_text()) if asked.out.exists() else {"machine": machine(), "cases": {}}
    record["source"] = {
        "data": "cifar10",
        "epochs": run.report["epochs"],
        "network": run.folder.record.network.name,
    }
    for target in ("signs", "photos"):
        data = load_data("signs" if target == "signs" else asked.photos, 32)
        for per_class in asked.per_class:
            for name in asked.rules:
                key = f"{target}, {per_class}, {name}"
                if len(record["cases"].get(key, [])) >= asked.seeds:
                    continue
                rows = measure(
                    pretrained, data.train, len(data.classes), per_class, RULES[name], range(asked.seeds)
                )
                record["cases"][key] = rows
                asked.out.write_text(json.dumps(record, indent=1) + "\n")
                means = [
                    statistics.mean(row[part] / row["n"] for row in rows) for part in ("head", "finetuned")
                ]
                print(f"{key}: head {means[0]:.1%}, fine-tuned {means[1]:.1%}", flush=True)


if __name__ == "__main__":
    main()
