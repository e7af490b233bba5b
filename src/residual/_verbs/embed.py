"""The features of images by a trained network, from Python: embed."""

import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from residual._run import Run
from residual._verbs.weights import check_weights, open_weights
from residual.backend.devices import AUTO, check_device, use_device
from residual.errors import DataError, ResidualError, ResidualWarning

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

    from residual.data.images import Images
    from residual.embedding.embeddings import Embeddings, Neighbour
    from residual.embedding.reader import FeatureReader
    from residual.models.given import Pretrained

_CHUNK = 256  # images in memory at a time


def embed(
    weights: str | Path | Run,
    images: "str | Path | np.ndarray | Image | Sequence[Any]",
    out: str | Path | None = None,
    *,
    nearest: Any = None,
    most: int = 5,
    image_size: int | None = None,
    overwrite: bool = False,
    device: str = AUTO,
) -> "Embeddings | tuple[Embeddings, list[list[Neighbour]]]":
    """The features of images: what the last layer of a trained network reads.

    Args:
        weights: a run, its name or folder, or a .keras file.
        images: as `predict` takes them; the folders of one folder become labels.
        out: a .npz for names, features, labels and the hash of the weights; None writes none.
        nearest: other images, as `predict` takes them; the nearest of `images` are found for each.
        most: how many of them.
        image_size: scale images to this many pixels a side; None takes what the weights were trained on.
        overwrite: replace `out` if it is there.
        device: as `train` takes it, for networks that no engine computes.

    Returns:
        The features; with `nearest` also the nearest images of each. A warning names images that cannot be read.

    Raises:
        DataError: if no image can be read.
        RunError: if there are no such weights, or `out` is there already.
    """
    from residual.evaluation.predict import find_images

    check_device(device)
    check_weights(weights)
    target = None if out is None else Path(out).expanduser()
    if target is not None:
        from residual.embedding.embeddings import check_target

        check_target(target, overwrite)
    found = find_images(images)
    others = None if nearest is None else find_images(nearest)
    with use_device(device):
        pretrained = open_weights(weights, image_size)
        size = _choose_size(pretrained, image_size)
        known, made = _embed_all(pretrained, size, found, _find_folder(images))
        asked = None if others is None else _embed_all(pretrained, size, others, None, made)[0]
    for error in (*known.errors, *(asked.errors if asked else ())):
        warnings.warn(error, ResidualWarning, stacklevel=2)
    if target is not None:
        known.save(target, overwrite)
    if asked is None:
        return known
    return known, known.find_nearest(asked.features, most)


def _find_folder(images: Any) -> Path | None:
    """The folder that was named, if it is one."""
    if not isinstance(images, str | Path):
        one = list(images) if isinstance(images, list | tuple) else []
        return _find_folder(one[0]) if len(one) == 1 else None
    path = Path(images).expanduser()
    return path if path.is_dir() else None


def _choose_size(pretrained: "Pretrained", image_size: int | None) -> tuple[int, int]:
    size = pretrained.image_size
    if image_size is not None:
        return image_size, image_size
    if size is None:
        raise ResidualError(
            f"image_size must be given: {pretrained.name} takes images of any size and does not say which it was "
            "trained on."
        )
    return size


def _embed_all(
    pretrained: "Pretrained",
    size: tuple[int, int],
    found: Sequence[Any],
    folder: Path | None,
    reader: "FeatureReader | None" = None,
) -> "tuple[Embeddings, FeatureReader]":
    """The features of images, a few hundred at a time, and what computed them.

    Raises:
        DataError: if no image can be read.
    """
    import numpy as np

    from residual.embedding.embeddings import Embeddings, find_labels
    from residual.embedding.reader import FeatureReader
    from residual.evaluation.predict import name_image

    read, errors, parts = [], [], []
    for places, chunk, failed in _read_chunks(found, size):
        errors += failed
        read += places
        if not places:
            continue
        if reader is None:
            from residual.models.transfer import build_transfer

            reader = FeatureReader(build_transfer(pretrained, size, 1).model, size, chunk.x[:8])
        parts.append(reader(chunk))
    if reader is None or not parts:
        raise DataError(" ".join(errors[:3]) or "No image can be read.")
    reader.save()
    embeddings = Embeddings(
        names=tuple(name_image(found[i], i) for i in read),
        features=np.concatenate(parts),
        labels=find_labels([found[i] for i in read], folder),
        weights=pretrained.name,
        weights_sha256=pretrained.weights_sha256,
        image_size=size,
        computed_by=reader.computed_by,
        errors=tuple(errors),
    )
    return embeddings, reader


def _read_chunks(
    found: Sequence[Any], size: tuple[int, int]
) -> "Iterator[tuple[list[int], Images, list[str]]]":
    """The places of some images that can be read, their pixels, and why others cannot."""
    import numpy as np

    from residual.data.images import Images
    from residual.data.ordered_work import count_cores
    from residual.evaluation.predict import read_shown

    def read(place: int) -> Any:
        try:
            return read_shown(found[place], size, None)
        except DataError as error:
            return str(error)

    with ThreadPoolExecutor(count_cores()) as pool:
        for start in range(0, len(found), _CHUNK):
            places = range(start, min(start + _CHUNK, len(found)))
            pixels = dict(zip(places, pool.map(read, places), strict=True))
            right = [place for place in places if not isinstance(pixels[place], str)]
            x = np.stack([pixels[place] for place in right]) if right else np.zeros((0, *size, 3), np.uint8)
            failed = [pixels[place] for place in places if isinstance(pixels[place], str)]
            yield right, Images(x, np.zeros(len(right), np.int64)), failed
