"""What is about to be trained on what, for people."""

from rich.console import Console

from residual._console import print_row
from residual.data.balance import imbalance
from residual.data.passed_over import summarize_passed_over
from residual.data.pixel_store import PixelStore
from residual.models.given import GivenNetwork, PretrainedNetwork
from residual.runs.folder import RunFolder
from residual.training.job import Job
from residual.training.optimizers import name_given


def print_job(job: Job, folder: RunFolder, console: Console) -> None:
    """Say what is about to be trained on what."""
    split, recipe, balance = job.split, job.recipe, job.options.class_balance
    unequal = imbalance(split.train.y, split.classes)
    advice = f"class balance: {balance}" if balance else "see `class_balance`, and read the balanced accuracy"
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
        *(("given", text) for text in describe_given(job)),
        ("run", str(folder.path)),
    ):
        print_row(console, label, text)


def describe_given(job: Job) -> list[str]:
    """What was given from Python in place of names, and what must be given again to continue the run."""
    options, texts, again = job.options, [], []
    if isinstance(job.spec, PretrainedNetwork):
        texts.append(_describe_weights(job))
    elif isinstance(job.spec, GivenNetwork):
        texts.append(f"{job.spec.source}, with the weights that it has")
    if options.optimizer:
        texts.append(f"{name_given(options.optimizer)} in place of the recipe's optimizer and schedule")
    if options.callbacks:
        names = ", ".join(type(callback).__name__ for callback in options.callbacks)
        texts.append(f"callbacks {names}")
        again.append("callbacks (what they remember begins anew)")
    if not isinstance(options.data, str):
        again.insert(0, "the same arrays")
    if again:
        texts.append(f"to continue the run after an interruption, give it {' and '.join(again)} again")
    return texts


def _describe_weights(job: Job) -> str:
    """The trained weights that a run begins with, as its record says."""
    facts, recipe = job.record.network.spec, job.recipe
    text = f"the weights of {facts.get('weights', 'a trained network')}"
    text += f" (licence {facts['license']})" if facts.get("license") else ""
    frozen = {"none": "all stages are trained", "body": "all but the head stays as it is"}
    return f"{text}; {frozen.get(recipe.freeze, f'all up to {recipe.freeze} stays as it is')}"
