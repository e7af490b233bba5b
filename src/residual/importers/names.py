"""Weights by a published name, such as "torchvision/resnet50.v2": a local file, else what its library downloads.

torchvision/resnet50.v2          keras-applications/resnet50       keras-hub/resnet_50_imagenet
timm/resnet50.a1_in1k            hf/microsoft/resnet-50
"""

import difflib
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from residual._text import first_line
from residual.errors import RunError
from residual.importers import downloads
from residual.importers.json_file import read_json

VARIABLE = "RESIDUAL_WEIGHTS"
LIBRARIES = ("torchvision", "timm", "keras-hub", "keras-applications", "hf")
_NAME = re.compile(
    r"(torchvision|timm|keras-hub|keras-applications|hf)/([A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9._-]+)?)"
)
_ENDINGS = (".safetensors", ".pth", ".pt", ".bin", ".h5", ".onnx", ".keras")

# Name -> file as torchvision publishes it. Source: torchvision 0.28, models/resnet.py.
_TORCHVISION = {
    "resnet18.v1": "resnet18-f37072fd.pth",
    "resnet34.v1": "resnet34-b627a593.pth",
    "resnet50.v1": "resnet50-0676ba61.pth",
    "resnet50.v2": "resnet50-11ad3fa6.pth",
    "resnet101.v1": "resnet101-63fe2227.pth",
    "resnet101.v2": "resnet101-cd907fc2.pth",
    "resnet152.v1": "resnet152-394f9c45.pth",
    "resnet152.v2": "resnet152-f82ba261.pth",
    "resnext50_32x4d.v1": "resnext50_32x4d-7cdf4587.pth",
    "resnext50_32x4d.v2": "resnext50_32x4d-1a0047aa.pth",
    "resnext101_32x8d.v1": "resnext101_32x8d-8ba56ff5.pth",
    "resnext101_32x8d.v2": "resnext101_32x8d-110c445d.pth",
    "resnext101_64x4d.v1": "resnext101_64x4d-173b62eb.pth",
    "wide_resnet50_2.v1": "wide_resnet50_2-95faca4d.pth",
    "wide_resnet50_2.v2": "wide_resnet50_2-9ba9bcbe.pth",
    "wide_resnet101_2.v1": "wide_resnet101_2-32ee1156.pth",
    "wide_resnet101_2.v2": "wide_resnet101_2-d733dc28.pth",
}
# Name -> file as Keras publishes it. Source: keras 3.15.1, applications/resnet.py.
_APPLICATIONS = {
    name: f"{name}_weights_tf_dim_ordering_tf_kernels.h5"
    for name in ("resnet50", "resnet101", "resnet152", "resnet50v2", "resnet101v2", "resnet152v2")
}


@dataclass(frozen=True)
class Published:
    """Weights that a library publishes.

    Attributes:
        library: one of `LIBRARIES`.
        name: within the library.
        file: the file or folder that holds them, as it is published.
        contents: what belongs into it if it is a folder.
        download: gets them with the library's own means, and returns where they lie.
    """

    library: str
    name: str
    file: str
    contents: tuple[str, ...]
    download: Callable[[str], Path]

    @property
    def full_name(self) -> str:
        return f"{self.library}/{self.name}"


def find_published(name: str) -> Published | None:
    """The weights of that name; None if it is not written as one.

    Raises:
        RunError: the library is known and has no such weights.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    library, own = match.groups()
    if library == "torchvision":
        return Published(
            library, own, _look_up(_TORCHVISION, library, own), (), downloads.download_torchvision
        )
    if library == "keras-applications":
        return Published(
            library, own, _look_up(_APPLICATIONS, library, own), (), downloads.download_applications
        )
    contents: tuple[str, ...] = ("config.json", "model.safetensors")
    if library == "timm":
        return Published(library, own, own, contents, downloads.download_timm)
    if library == "hf":
        return Published(library, own, own, (*contents, "preprocessor_config.json"), downloads.download_hf)
    contents = ("config.json", "task.json", "image_converter.json", "model.weights.h5", "task.weights.h5")
    return Published(library, own, own, contents, downloads.download_keras_hub)


def _look_up(table: dict[str, str], library: str, name: str) -> str:
    if name not in table:
        near = difflib.get_close_matches(name, table, n=3, cutoff=0) or list(table)[:3]
        raise RunError(f"{library} publishes no weights {name}; the nearest are {', '.join(near)}.")
    return table[name]


def list_folders() -> list[Path]:
    """Where local weights are looked for: the folders in RESIDUAL_WEIGHTS, then one of the user's own."""
    named = [Path(part).expanduser() for part in os.environ.get(VARIABLE, "").split(os.pathsep) if part]
    return [*named, platformdirs.user_data_path("residual") / "weights"]


def find_weights(name: str) -> Path:
    """The file or folder of weights with a published name: a local one, else what the library downloads.

    Args:
        name: such as "torchvision/resnet50.v2".

    Raises:
        RunError: there is no such name; or the weights are not on this machine and cannot be downloaded. The message
            says which file belongs where.
    """
    published = find_published(name)
    if published is None:
        raise RunError(
            f"weights must be a file, a folder, or a name that begins with {', '.join(LIBRARIES)} and a slash, such as "
            f"torchvision/resnet50.v2; got {name!r}."
        )
    local = next((path for path in _list_places(published) if path.exists()), None)
    if local is not None:
        return local
    try:
        return published.download(published.name)
    except ImportError as error:
        reason = f"{error.name or published.library} is not installed, which could download them"
    except Exception as error:  # of the library, the network or the disk: they have no common class
        reason = f"they cannot be downloaded ({first_line(error)})"
    raise RunError(_explain_absence(published, reason)) from None


def _list_places(published: Published) -> Iterator[Path]:
    """Every path where the weights may lie, the likeliest first."""
    for folder in list_folders():
        yield from (folder / published.library / published.file, folder / published.file)
        yield from (folder / published.library / f"{published.name}{ending}" for ending in _ENDINGS)
    yield from downloads.list_caches(published.library, published.file)


def _explain_absence(published: Published, reason: str) -> str:
    folder = list_folders()[0]
    place = folder / published.library / published.file
    if published.contents:
        what = f"the folder {published.file} of {published.library}, with {', '.join(published.contents)},"
    else:
        what = f"the file {published.file} of {published.library}"
    return (
        f"The weights {published.full_name} are not on this machine, and {reason}. Fetch {what} on a machine with a "
        f"network and put it at {place}. Other folders can be named in {VARIABLE}."
    )


def guess_name(path: Path) -> str | None:
    """The published name of a file or folder, by the name of the file or by config.json; None if it has none."""
    for library, table in (("torchvision", _TORCHVISION), ("keras-applications", _APPLICATIONS)):
        for name, file in table.items():
            if file == path.name:
                return f"{library}/{name}"
    config = path / "config.json"
    if not config.is_file():
        return None
    try:
        table = read_json(config)
    except RunError:
        return None
    published, architecture = table.get("pretrained_cfg"), table.get("architecture")
    if isinstance(published, dict) and isinstance(architecture, str):  # timm's
        tag = published.get("tag")
        return f"timm/{architecture}.{tag}" if tag else f"timm/{architecture}"
    return None
