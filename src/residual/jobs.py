"""A job: what a training was asked to do, with its data loaded; run.toml holds it, and gives it back."""

import json
import os
import platform
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from rich.console import Console

from residual import backend, networks, zoo
from residual.backend import processor
from residual.backend.choice import check_precision
from residual.data import balance as balancing
from residual.data.fingerprints import STYLE, compute_data_hash, compute_fingerprint
from residual.data.images import Dataset
from residual.data.load import load_data
from residual.data.named import NAMES, SEARCHED
from residual.data.passed_over import summarize_passed_over
from residual.data.pixel_store import PixelStore
from residual.data.readers.hub import PREFIX
from residual.data.source import MAX_UNREADABLE
from residual.errors import DataError, RunError
from residual.spec import NetworkSpec
from residual.training import recipes, trainer
from residual.training.recipes import Recipe
from residual.training.runs import RunFolder

_HASHES = ("test_fingerprint", "data_sha256", "hash_style")


@dataclass(frozen=True)
class Job:
    """What is to be trained on what.

    Attributes:
        data: as it was loaded.
        split: the same with validation images.
        recipe, spec: how to train, and what.
        asked: run.toml, which holds all else: seed, precision, balance, budget.
        started: `time.perf_counter()` when it was asked for, before the data was read.
    """

    data: Dataset
    split: Dataset
    recipe: Recipe
    spec: NetworkSpec
    asked: dict
    started: float


def plan(
    data: str, recipe: str | Recipe, model: str | NetworkSpec | None, **changes
) -> tuple[Recipe, NetworkSpec]:
    """The recipe and the network for data of this name; `changes` replace values of the recipe."""
    chosen = recipe if isinstance(recipe, Recipe) else recipes.recipe(recipe, data)
    changed = {name: value for name, value in changes.items() if value is not None}
    if changed:
        chosen = replace(chosen, **changed, expected="")  # what the recipe reached, it reached unchanged
    spec = zoo.as_spec(model or chosen.model)
    return replace(chosen, model=spec.name), spec


def new_job(
    data: str | Path,
    *,
    model: str | NetworkSpec | None,
    recipe: str | Recipe,
    changes: dict,
    image_size: int | None,
    seed: int,
    validation_split: float,
    precision: str,
    time_budget: str | None,
    class_balance: str | None,
    max_unreadable: float,
    search_dir: str | Path | None,
) -> Job:
    """The job that arguments of `api.train` ask for; `changes` are those to the recipe."""
    started = time.perf_counter()
    plan("", recipe, model, **changes)  # a wrong name is told before the data is read
    check_precision(precision)
    loaded = load_data(data, image_size, search_dir, max_unreadable)
    chosen, spec = plan(loaded.name, recipe, model, **changes)
    networks.check_size(spec, (*loaded.size, 3))
    split = trainer.with_validation(loaded, validation_split, seed)
    facts = {"asked": place(data), **_facts(loaded, split), "validation_share": validation_split}
    facts |= {"size": image_size} if image_size else {}
    facts |= {"unreadable": max_unreadable} if loaded.unreadable or max_unreadable != MAX_UNREADABLE else {}
    facts |= {"root": _root(search_dir)} if str(data) in SEARCHED and _root(search_dir) else {}
    asked = {
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "seed": seed,
        "precision": precision,
        **({"balance": class_balance} if class_balance else {}),
        **({"budget": time_budget} if time_budget else {}),
        "data": facts,
        "network": {"name": spec.name, "source": spec.source, "spec": asdict(spec)},
        "recipe": chosen.to_table(),
        "machine": machine(),
    }
    return Job(loaded, split, chosen, spec, asked, started)


def job_of(folder: RunFolder) -> Job:
    """The job of a run, its data loaded again.

    Raises:
        DataError: when the data is not that of the run any more.
        RunError: when run.toml cannot be read, or does not say enough.
    """
    asked, started = folder.asked, time.perf_counter()
    try:
        facts, seed = asked["data"], asked["seed"]
        spec = NetworkSpec(
            **{k: tuple(v) if isinstance(v, list) else v for k, v in asked["network"]["spec"].items()}
        )
        recipe = Recipe.from_table(asked["recipe"])
        share, expected = facts["validation_share"], facts["data_sha256"]
        check_precision(asked["precision"])
    except (KeyError, TypeError, AttributeError) as error:
        raise RunError(f"{folder.path / 'run.toml'} is not a whole run.toml: {error!r} is missing.") from None
    loaded = loaded_again(facts)
    split = trainer.with_validation(loaded, share, seed)
    if compute_data_hash(split, hash_style(facts)) != expected:
        raise DataError(
            f"The images of {facts['asked']} are not those that {folder.path} was trained on. The run: "
            f"{facts['source']}. Now: {loaded.source}. Put the data back as it was, or start a new run."
        )
    return Job(loaded, split, recipe, spec, asked, started)


def loaded_again(facts: dict) -> Dataset:
    """The data of a run, from the [data] table of its run.toml."""
    return load_data(
        facts["asked"], facts.get("size"), facts.get("root"), facts.get("unreadable", MAX_UNREADABLE)
    )


def as_begun(job: Job) -> Job:
    """A job with the recipe that its run.toml holds, whose epochs a budget may have chosen."""
    return replace(job, recipe=Recipe.from_table(job.asked["recipe"]))


def check_same(job: Job, folder: RunFolder, precision: str) -> None:
    """Refuse to go on with an interrupted run of the same name that was asked for otherwise.

    Args:
        job: what is asked now.
        folder: of the run.
        precision: as asked now; "auto" takes what the run began with.

    Raises:
        RunError: naming what differs.
    """
    before = folder.asked
    found = _differences(job.asked, before) or _find_other_images(job, before)
    if precision not in ("auto", before["precision"]):
        found.append(f"precision was {before['precision']}, now {precision}")
    if found:
        raise RunError(
            f"{folder.path} was interrupted, and was asked for otherwise: {'; '.join(found)}. Go on with it as it was "
            f"by residual train --resume {folder.path.name}, or choose another --name."
        )


def changed_machine(before: dict) -> str:
    """What is not as it was when a run began, such as "keras 3.14.0 became 3.15.1"; "" where all is."""
    now = machine()
    known = {"onednn": "not recorded", **before}
    names = [name for name in now if name != "system" and name in known and now[name] != known[name]]
    return ", ".join(f"{name} {known[name]} became {now[name]}" for name in names)


def _differences(asked: dict, before: dict) -> list[str]:
    """In what a job differs from an earlier one, a phrase for each."""

    def flat(job: dict) -> dict:
        recipe = {name: value for name, value in job["recipe"].items() if name not in ("expected", "about")}
        if "budget" in job:
            recipe.pop("epochs")  # the budget chose them
        data = {
            name: value for name, value in job["data"].items() if name not in ("source", "root", *_HASHES)
        }
        network = {"network": job["network"]["spec"]}
        return {
            **{name: job.get(name) for name in ("seed", "balance", "budget")},
            **data,
            **network,
            **recipe,
        }

    now, then = flat(json.loads(json.dumps(asked))), flat(before)  # tuples are lists in run.toml
    names = [name for name in {**then, **now} if now.get(name) != then.get(name)]
    return [f"{name} was {_told(then.get(name))}, now {_told(now.get(name))}" for name in names]


def _find_other_images(job: Job, before: dict) -> list[str]:
    """One phrase if a job's images are not those of an earlier one, however the run of that one hashed them."""
    style = hash_style(before["data"])
    same = compute_data_hash(job.split, style) == before["data"]["data_sha256"]
    return [] if same else ["its images were others"]


def hash_style(facts: dict) -> str:
    """How a run has hashed its images, by the [data] table of its run.toml; version 0.1 does not say."""
    return facts.get("hash_style", "")


def _told(value) -> str:
    if isinstance(value, dict):
        return value.get("name") or value.get("kind") or "another"
    return "nothing" if value is None else str(value)


def machine() -> dict:
    """Where and with what a run is trained."""
    return {
        "system": platform.platform(),
        "processor": processor.name(),
        "cores": os.cpu_count() or 0,
        **backend.versions(),
    }


def _facts(loaded: Dataset, split: Dataset) -> dict:
    return {
        "source": loaded.source,
        "classes": list(loaded.classes),
        "train_images": len(split.train),
        "validation_images": len(split.validation),
        "test_images": len(loaded.test),
        "test_fingerprint": compute_fingerprint(loaded.test),
        "data_sha256": compute_data_hash(split),
        "hash_style": STYLE,
        "image_size": list(loaded.size),
    }


def place(data: str | Path) -> str:
    """How a run remembers its data: a name as it is, a path in full."""
    if str(data) in NAMES or str(data).startswith(PREFIX):
        return str(data)
    return str(Path(data).expanduser().resolve())


def _root(root: str | Path | None) -> str | None:
    """Where "signs" and "cifar10" were searched for, in full, so that they are found again from elsewhere."""
    found = root or os.environ.get("RESIDUAL_DATA") or ("datasets" if Path("datasets").is_dir() else None)
    return str(Path(found).expanduser().resolve()) if found else None


def announce(console: Console, job: Job, folder: RunFolder) -> None:
    """Say what is about to be trained on what."""
    split, recipe, balance = job.split, job.recipe, job.asked.get("balance")
    unequal = balancing.imbalance(split.train.y, split.classes)
    advice = f"--balance {balance}" if balance else "see --balance, and read the balanced accuracy"
    counts = (
        f"{len(split.train):,} to train, {len(split.validation):,} to validate, {len(split.test):,} to test"
    )
    pixels = "x".join(map(str, split.size))
    for label, text in (
        ("data", split.source),
        *(("", note) for note in split.notes),
        *(("", text) for text in [summarize_passed_over(split.passed_over)] if text),
        ("", counts),
        *([("", f"{unequal}; {advice}")] if unequal else []),
        *((("", split.train.x.description),) if isinstance(split.train.x, PixelStore) else ()),
        ("network", f"{job.spec.name}, {pixels} pixels, {len(split.classes)} classes"),
        ("recipe", f"{recipe.name}: epochs {recipe.epochs}, batch {recipe.batch_size}, {recipe.optimizer}"),
        ("run", str(folder.path)),
    ):
        console.print(f"{label:8} {text}", highlight=False, soft_wrap=True, markup=False)
