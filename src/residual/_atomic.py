"""Files that are written whole or not at all."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def replace_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a path beside `path`, with the same ending, to write to; it takes the place of `path` at the end.

    A crash or an error leaves the old file as it was. A missing folder is made.

    Raises:
        OSError: it cannot be written; the error names `path`, not the file beside it.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.stem}-{secrets.token_hex(4)}{target.suffix}")
    try:
        yield partial
        os.replace(partial, target)
    except OSError as error:
        is_of_another_file = error.filename is not None and str(error.filename) != str(partial)
        if error.errno is None or is_of_another_file:
            raise
        raise OSError(error.errno, error.strerror, str(target)) from error
    finally:
        with suppress(OSError):  # a read-only disk refuses even to remove what is not there
            partial.unlink(missing_ok=True)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a UTF-8 file: a reader sees the old text or the new."""
    with replace_file(path) as partial:
        partial.write_text(text, "utf-8")


def write_bytes(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a binary file: a reader sees the old content or the new."""
    with replace_file(path) as partial:
        partial.write_bytes(content)


def sync_folder(folder: Path) -> None:
    """Have the folder's own entries on the disk, if the system can do that: a new name survives a power cut."""
    if os.name != "posix":
        return
    entries = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(entries)
    finally:
        os.close(entries)
