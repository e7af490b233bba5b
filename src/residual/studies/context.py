"""What a study works with: images, seeds, time, a console, and a folder in which finished pieces are kept."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from rich.console import Console

from residual._atomic import write_text
from residual._console import print_row, show_work
from residual.data.images import Dataset
from residual.errors import RunError

_ASKED = "asked.json"
_PIECES = "pieces"


@dataclass(frozen=True)
class Asked:
    """What was asked of a study. Pieces of another question are never mixed with it.

    Attributes:
        study: its name.
        data: name or full path of the images.
        seconds: the time budget.
        seeds: of the trainings, in the order in which they are run.
        network: the trained network of the user's; None without one.
        version: of this package.
    """

    study: str
    data: str
    seconds: float
    seeds: tuple[int, ...]
    network: str | None
    version: str


@dataclass(frozen=True)
class Subject:
    """What is known of a trained network of the user's beside the network itself.

    Attributes:
        pixels: the range that it takes, a key of `evaluation.classifier.PIXELS`.
        info: what stands beside the model in its file.
        batch_size, augment: of its training.
        is_run: whether it is a run, whose validation images it was not trained on; of others nobody knows that.
        repair: the file for a repaired network; None writes none.
    """

    pixels: str = "0-255"
    info: dict[str, Any] = field(default_factory=dict)
    batch_size: int = 32
    augment: tuple[Any, ...] = ()
    is_run: bool = False
    repair: Path | None = None


@dataclass
class Context:
    """What a study works with.

    Attributes:
        asked: what was asked.
        folder: where pieces and results go.
        console: where progress is shown.
        load: reads the images; called when a piece that needs them is not there yet.
        network: the user's trained network, a stock Keras model; None without one.
        machine: system, processor, cores, versions.
        started: `time.perf_counter()` when the study began.
        subject: what else is known of the network.
    """

    asked: Asked
    folder: Path
    console: Console
    load: Callable[[], Dataset]
    network: Any = None
    machine: dict[str, Any] = field(default_factory=dict)
    started: float = field(default_factory=time.perf_counter)
    subject: Subject = field(default_factory=Subject)

    @cached_property
    def data(self) -> Dataset:
        """The images, read once."""
        with show_work(self.console, "reading the images"):
            return self.load()

    @property
    def seeds(self) -> Sequence[int]:
        """Of the trainings; the first one is always run, the others if there is time."""
        return self.asked.seeds

    @property
    def elapsed(self) -> float:
        """Seconds that the finished pieces have taken, in this process and those before it."""
        return sum(piece.get("seconds", 0.0) for piece in self._pieces.values())

    @property
    def remaining(self) -> float:
        """Seconds of the budget that are left."""
        return self.asked.seconds - self.elapsed

    @cached_property
    def _pieces(self) -> dict[str, dict[str, Any]]:
        found = {}
        for path in sorted((self.folder / _PIECES).glob("*.json")):
            piece = _read_piece(path)
            if piece is not None:
                found[path.stem] = piece
        return found

    def has(self, name: str) -> bool:
        """Whether a piece is there already."""
        return name in self._pieces

    def remember(
        self, name: str, compute: Callable[[], Any], show: Callable[[Any], str] | None = None
    ) -> Any:
        """The result of a piece: from its file if it was finished before, else computed and written.

        Args:
            name: of the piece: letters, digits and dashes.
            compute: returns what JSON can hold.
            show: a line about the result, for the console; None prints nothing.
        """
        if not self.has(name):
            started = time.perf_counter()
            with show_work(self.console, name):
                result = json.loads(json.dumps(compute()))
            piece = {"seconds": round(time.perf_counter() - started, 2), "result": result}
            write_text(self.folder / _PIECES / f"{name}.json", json.dumps(piece))
            self._pieces[name] = piece
            if show:
                print_row(self.console, name, f"{show(result)}  {piece['seconds']:.0f} s", indent=34)
        return self._pieces[name]["result"]

    def count_seconds(self, name: str) -> float:
        """Seconds that a finished piece took."""
        return self._pieces[name]["seconds"]

    def announce(self, label: str, text: str) -> None:
        """Print a line about what is done next."""
        print_row(self.console, label, text)


def _read_piece(path: Path) -> dict[str, Any] | None:
    """A piece; None if its file is damaged, so that it is computed again."""
    try:
        piece = json.loads(path.read_text("utf-8"))
    except ValueError:
        return None
    return piece if isinstance(piece, dict) and "result" in piece else None


def open_folder(asked: Asked, out: Path | None, root: Path = Path("studies")) -> Path:
    """The folder of a study: a new one, or one that was asked the same, in which the study is resumed.

    The time budget may be another one: with more time a study goes on, with the sizes that it chose at first.

    Args:
        asked: what is asked now.
        out: the folder; None takes the first free one below `root`, named for the study and its data.
        root: folder of the studies.

    Raises:
        RunError: if `out` holds other files, or a study of which something else was asked.
    """
    text = json.dumps(asked.__dict__, indent=1)
    if out is None:
        source = asked.network or asked.data
        stem = f"{asked.study}-{Path(source).stem}"
        names = (root / (stem if i == 1 else f"{stem}-{i}") for i in range(1, 10_000))
        out = next(path for path in names if not path.exists() or _was_asked(path, asked))
    elif out.exists() and not out.is_dir():
        raise RunError(f"out must be a folder; {out} is a file.")
    elif out.is_dir() and any(out.iterdir()) and not _was_asked(out, asked):
        held = "a study of which something else was asked" if (out / _ASKED).exists() else "other files"
        raise RunError(f"{out} holds {held}. Choose another `out`, or remove it.")
    write_text(out / _ASKED, text)
    return out


def _was_asked(folder: Path, asked: Asked) -> bool:
    """Whether a folder holds a study of which the same was asked, but for the time."""
    try:
        before = json.loads((folder / _ASKED).read_text("utf-8"))
    except (OSError, ValueError):
        return False
    now = json.loads(json.dumps(asked.__dict__))
    return isinstance(before, dict) and {**before, "seconds": 0} == {**now, "seconds": 0}
