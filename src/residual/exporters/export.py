"""One network, one format, one file, and the card beside it."""

import time
import warnings
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from residual.engines.card import ModelCard, card_path, hash_file, write_card
from residual.errors import ResidualWarning, RunError

if TYPE_CHECKING:
    import keras

# What extras bring; the packages of the other formats are always there.
_NEEDED = {"openvino": ("openvino",), "litert": ("ai_edge_litert",)}
# Packages whose versions the card names.
_PACKAGES = ("residual-learning", "keras", "tensorflow", "tensorflow-cpu", "jax", "torch", "onnx", "openvino")


def export_model(
    model: "keras.Model",
    card: ModelCard,
    format: str,
    path: Path,
    precision: str = "fp32",
    overwrite: bool = False,
) -> Path:
    """Write a network in a format, with its card inside, and the card beside it.

    Args:
        model: functional; takes raw RGB pixels, 0 to 255, and returns probabilities.
        card: what the network is; precision, format, versions, date and hashes are filled in here.
        format: a key of `EXPORTERS`.
        path: of the file, with the format's ending.
        precision: one of the format's.
        overwrite: replace a file that is there.

    Returns:
        The path.

    Raises:
        RunError: if the network cannot be exported so, a package is missing, or the file is there already.
    """
    from residual.exporters.formats import EXPORTERS

    exporter = EXPORTERS[check_format(format, precision)]
    if precision == "int8":
        raise RunError("int8 is calibrated on training images and checked: export it with export_certified.")
    if path.suffix != exporter.suffix:
        raise RunError(f"path must end in {exporter.suffix} for {format}; got {path}.")
    if not overwrite:
        check_free(*list_files(path, format))
    path.parent.mkdir(parents=True, exist_ok=True)
    card = complete_card(card, format, precision)
    exporter.write(model, card, path, precision)
    write_card_beside(card, path)
    return path


def complete_card(card: ModelCard, format: str, precision: str) -> ModelCard:
    """A card with format, precision, versions and date.

    Warns:
        ResidualWarning: the licence of the weights forbids commercial use.
    """
    if card.license:
        from residual.importers.licenses import describe_license, is_non_commercial

        if is_non_commercial(card.license):
            warnings.warn(describe_license(card.license)[0], ResidualWarning, stacklevel=3)
    return replace(
        card,
        exported_to=format,
        precision=precision,
        versions={**_list_versions(), **card.versions},
        created=card.created or time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        file_sha256="",
    )


def write_card_beside(card: ModelCard, path: Path) -> None:
    """Write the card beside an exported file, with the hash of the file."""
    write_card(replace(card, file_sha256=hash_file(path)), card_path(path))


def check_format(format: str, precision: str = "fp32") -> str:
    """The format, if there is one of that name that has the precision, and the packages that write it are there.

    Raises:
        RunError: naming those that there are.
    """
    from residual.exporters.formats import EXPORTERS

    if format not in EXPORTERS:
        raise RunError(f"format must be one of {', '.join(EXPORTERS)}; got {format!r}.")
    precisions = EXPORTERS[format].precisions
    if precision not in precisions:
        raise RunError(
            f"precision must be {' or '.join(sorted(precisions))} for {format}; got {precision!r}."
        )
    missing = [package for package in _NEEDED.get(format, ()) if find_spec(package) is None]
    if missing:
        raise RunError(
            f"{format} needs the package {' and '.join(missing)}. Install it with "
            "pip install 'residual-learning[export]'."
        )
    return format


def list_files(path: Path, format: str) -> list[Path]:
    """All files that an export may write, `path` first: weights, card, certificate and the programs that use it.

    Args:
        path: of the exported file.
        format: a key of `EXPORTERS`.
    """
    from residual.exporters.snippets import TEMPLATES

    weights = [path.with_suffix(".bin")] if format == "openvino" else []
    certificate = [path.with_name(f"{path.name}.certificate{ending}") for ending in (".json", ".html")]
    programs = [path.with_name(f"{path.stem}.{name}") for name in TEMPLATES] if format == "onnx" else []
    return [path, *weights, card_path(path), *certificate, *programs]


def check_free(*paths: Path) -> None:
    """Refuse to replace files.

    Raises:
        RunError: naming those that are there.
    """
    there = [path for path in paths if path.exists()]
    if not there:
        return
    names = ", ".join([str(there[0]), *(path.name for path in there[1:])])  # all lie in one folder
    verb, them = ("exists", "it") if len(there) == 1 else ("exist", "them")
    raise RunError(f"{names} {verb} already. Remove {them}, or choose another folder (`out`).")


def _list_versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
