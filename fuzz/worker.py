"""The process that reads what libFuzzer makes, under a limit of memory and of time."""

import os
import random
import resource
import shutil
import sys
import traceback
import warnings
from pathlib import Path

import atheris

_HANG = 10  # seconds for one input
_MEMORY = 2 * 2**30  # bytes above what the imports take
# The package reads images up to Pillow's limit, 89 million pixels: on two threads more than _MEMORY, and what
# mallocs beneath us do when there is none left is no finding. What lies above the limit takes the same path.
_PIXELS = 2**22
_INSTRUMENTED = ["residual", "PIL", "tomllib", "csv", "json", "pickle", "tarfile", "zipfile", "numpy.lib"]


def work(name: str, place: Path, seconds: float | None, inputs: list[Path]) -> None:
    """Fuzz one reader for some seconds, or read the inputs once each; does not return where libFuzzer runs."""
    with atheris.instrument_imports(include=_INSTRUMENTED):
        import h5py  # noqa: F401 (its memory counts before the limit)
        import pyarrow.parquet  # noqa: F401
        from PIL import Image

        from fuzz.readers import READERS

        Image.init()
        Image.MAX_IMAGE_PIXELS = _PIXELS
    reader, corpus = READERS[name], place / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for i, content in enumerate(reader.seeds()):
        (corpus / f"seed-{i}").write_bytes(content)
    _limit_memory()
    room = place / "room"
    shutil.rmtree(room, ignore_errors=True)
    room.mkdir()
    seen = _Findings(place / "findings", reader, room)
    if inputs:
        for file in inputs:
            seen.read(file.read_bytes())
        return
    arguments = [
        *(
            "-len_control=0",
            "-max_len=65536",
            f"-timeout={_HANG}",
            "-rss_limit_mb=4096",
            "-print_final_stats=1",
        ),
        *(f"-max_total_time={max(1, seconds or 0):.0f}", f"-artifact_prefix={place}/", "-verbosity=1"),
    ]
    mutate = reader.mutate
    atheris.Setup(
        [sys.argv[0], *arguments, str(corpus)],
        seen.read,
        custom_mutator=lambda content, most, seed: mutate(bytes(content), random.Random(seed))[:most],
    )
    atheris.Fuzz()


def _limit_memory() -> None:
    status = Path("/proc/self/status").read_text()
    now = int(next(line for line in status.splitlines() if line.startswith("VmData")).split()[1]) * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (now + _MEMORY, resource.RLIM_INFINITY))


class _Findings:
    """Reads inputs and keeps one of every kind that breaks the contract.

    Args:
        folder: where they are kept.
        reader: what reads.
        room: where the reader finds its file.
    """

    def __init__(self, folder: Path, reader, room: Path):
        self.folder, self.reader, self.room = folder, reader, room
        self.folder.mkdir(parents=True, exist_ok=True)
        self.known = {file.stem for file in folder.glob("*.txt")}
        self.content = b""
        warnings.simplefilter("always")
        warnings.showwarning = self._warned
        sys.unraisablehook = lambda told: self._note(told.exc_value, "unraisable")

    def read(self, content: bytes) -> None:
        self.content = bytes(content)
        try:
            self.reader.reads(self.room, self.content)
        except KeyboardInterrupt:
            os._exit(130)
        except BaseException as error:
            self._note(error)

    def _warned(self, message, category, filename, line, file=None, text=None) -> None:
        if "site-packages/PIL" not in filename:
            self._keep(f"warning-{category.__name__}-{Path(filename).stem}-{line}", str(message))

    def _note(self, error, kind: str = "") -> None:
        frames = traceback.extract_tb(error.__traceback__)
        ours = [frame for frame in frames if "residual" in frame.filename or "fuzz" in frame.filename]
        place = ours[-1] if ours else (frames[-1] if frames else None)
        where = f"{Path(place.filename).stem}-{place.lineno}" if place else "nowhere"
        name = f"{kind or type(error).__name__}-{where}"
        self._keep(name, "".join(traceback.format_exception(error)))

    def _keep(self, name: str, told: str) -> None:
        if name not in self.known:
            self.known.add(name)
            (self.folder / f"{name}.bin").write_bytes(self.content)
            (self.folder / f"{name}.txt").write_text(told)
