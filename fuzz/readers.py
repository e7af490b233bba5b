"""What is fuzzed: every reader of files, with its seeds, its mutator and what must hold of its answer."""

import io
import shutil
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from fuzz import mutation, seeds
from residual.auditing.audit import audit_source
from residual.auditing.overview import summarize_source
from residual.data.cifar10 import read_batch_file
from residual.data.image_file import Unreadable, decode_image, read_image
from residual.data.images import Dataset
from residual.data.load import load_data, open_source
from residual.errors import ResidualError
from residual.evaluation.classifier import Classifier
from residual.evaluation.predict import predict_images
from residual.runs.folder import RunFolder
from residual.training.find_recipe import load_recipe


@dataclass(frozen=True)
class Reader:
    """One target.

    Attributes:
        seeds: makes valid files.
        mutate: changes one.
        reads: given (folder, content), reads it in every way that the package does.
    """

    seeds: Callable[[], list[bytes]]
    mutate: mutation.Mutator
    reads: Callable[[Path, bytes], None]


class _Model:
    """In place of a network: says the same of every image."""

    input_shape = (None, 8, 8, 3)

    def predict(self, x: np.ndarray, **_) -> np.ndarray:
        return np.full((len(x), 2), 0.5, np.float32)


def _valid(data: Dataset) -> None:
    for images in (data.train, data.test, data.validation):
        if images is None:
            continue
        assert (images.x.dtype, images.x.ndim, images.x.shape[-1]) == (np.uint8, 4, 3), images.x.shape
        assert (images.y.dtype, len(images.x)) == (np.int64, len(images.y)), images.x.shape
        assert not len(images.y) or 0 <= images.y.min() <= images.y.max() < len(data.classes)
    assert min(len(data.train), len(data.test)) > 0
    assert len(set(data.classes)) == len(data.classes) >= 2


def _told(path: Path, look: Callable[[], None]) -> None:
    """Run it; an error of ours must name the file."""
    try:
        look()
    except ResidualError as error:
        assert str(path) in str(error), f"names no file: {error}"
        raise_memory(error)


def raise_memory(error: BaseException | None) -> None:
    """Raise the MemoryError that an error came of: a small file asked for more than the limit."""
    while error is not None:
        if isinstance(error, MemoryError):
            raise error
        error = error.__context__


def _data(path: Path, size: int | None = None) -> None:
    """As `train`, `data` and `audit` read it."""
    _told(path, lambda: _valid(load_data(path, size, max_unreadable=0.9)))
    _told(path, lambda: summarize_source(open_source(path)))
    _told(path, lambda: audit_source(open_source(path)))


def _file(name: str) -> Callable[[Path, bytes], None]:
    def reads(folder: Path, content: bytes) -> None:
        path = folder / name
        path.write_bytes(content)
        _data(path, 8 if zlib.crc32(content) % 2 else None)

    return reads


def _beside(name: str, companion: str, content_of: Callable[[], bytes]) -> Callable[[Path, bytes], None]:
    """A file whose labels lie in another one beside it."""

    def reads(folder: Path, content: bytes) -> None:
        (folder / companion).write_bytes(content_of())
        _file(name)(folder, content)

    return reads


def _labels_npz() -> bytes:
    file = io.BytesIO()
    np.savez(file, y=np.arange(6) % 2)
    return file.getvalue()


def _stl10(folder: Path, content: bytes) -> None:
    """The images of STL-10, and labels beside them."""
    (folder / "train_X.bin").write_bytes(content)
    (folder / "train_y.bin").write_bytes(bytes([1, 2]))
    _data(folder)


def _lists(folder: Path, content: bytes) -> None:
    """A list of training images beside class folders."""
    top = folder / "set"
    for name in ("cats", "dogs"):
        for i in range(3):
            path = top / "images" / name / f"{i}.png"
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(seeds.encoded("PNG", number=i))
    (top / "train.txt").write_bytes(content)
    (top / "test.txt").write_text("cats/2\ndogs/2\n")
    _data(top)


def _labels_npy() -> bytes:
    file = io.BytesIO()
    np.save(file, np.arange(6) % 2)
    return file.getvalue()


def _labels_idx() -> bytes:
    return b"\0\0\x08\x01" + np.array([6], ">u4").tobytes() + bytes([0, 1] * 3)


def _table(name: str) -> Callable[[Path, bytes], None]:
    def reads(folder: Path, content: bytes) -> None:
        for i in range(8):
            if not (folder / f"{i}.png").exists():
                (folder / f"{i}.png").write_bytes(seeds.encoded("PNG", number=i))
        _file(name)(folder, content)

    return reads


def _image(folder: Path, content: bytes) -> None:
    """As a folder's image, as the audit and as `predict` read it."""
    path = folder / "photo.jpg"
    path.write_bytes(content)

    def check(size):
        image = read_image(content, size, str(path))
        assert (image.dtype, image.ndim, image.shape[2]) == (np.uint8, 3, 3), image.shape
        assert size is None or image.shape[:2] == size

    _told(path, lambda: check(None))
    _told(path, lambda: check((8, 8)))
    (told,) = predict_images(Classifier(_Model(), ("a", "b")), [path])
    assert told.label or str(path) in told.error
    try:
        decode_image(content)
    except Unreadable as problem:
        assert problem.kind
        raise_memory(problem)


def _cifar_batch(folder: Path, content: bytes) -> None:
    path = folder / "test_batch"
    path.write_bytes(content)
    _told(path, lambda: read_batch_file(path))


def _folder(folder: Path, content: bytes) -> None:
    """The members of a zip as files of a folder."""
    top = folder / "photos"
    shutil.rmtree(top, ignore_errors=True)
    top.mkdir()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for info in archive.infolist()[:40]:
                parts = PurePosixPath(info.filename.replace("\0", "")).parts
                if info.file_size > 1 << 20 or info.is_dir() or ".." in parts or "/" in parts:
                    continue
                (top / info.filename).parent.mkdir(parents=True, exist_ok=True)
                (top / info.filename).write_bytes(archive.read(info))
    except Exception:  # no zip: nothing to lay out
        return
    _data(top)


def _recipe(folder: Path, content: bytes) -> None:
    path = folder / "mine.toml"
    path.write_bytes(content)

    def look():
        found = load_recipe(str(path))
        assert type(found).from_table(found.to_table()) == found
        assert len(found.schedule.rates(2, min(found.epochs, 50))) == 2 * min(found.epochs, 50)

    _told(path, look)


def _run(folder: Path, content: bytes) -> None:
    parts = [*content.split(b"\0"), b"", b""][:3]
    for name, part in zip(("run.toml", "report.json", "log.csv"), parts, strict=True):
        (folder / name).write_bytes(part)
    run = RunFolder(folder)
    _told(folder, lambda: run.record)
    _told(folder, lambda: dict(run.report))
    _told(folder, lambda: list(run.log_rows()))


# fmt: off
_JSON = ('{"', '":', "null", "true", "1e999", "NaN", "-1", "[" * 50, "{}", "\ud800", "\\u0000", '"path"', '"label"')
_COCO = ('"id"', '"image_id"', '"category_id"', '"images"', '"annotations"', '"categories"', '"name"', '"file_name"')
_CSV = (",", '"', "\n", "\r", "\t", "path", "label", "split", "group", "train", "val", "test", "../", "\ufeff", "\0")
_TOML = ("=", "[", "]", "{", "}", '"', "inf", "nan", "-1", "true", "1e400", "[[", "kind", "9" * 5000, "[" * 2000)
# fmt: on

READERS: dict[str, Reader] = {
    "image": Reader(seeds.images, mutation.image, _image),
    "hdf5": Reader(seeds.hdf5, mutation.same_length, _file("all.h5")),
    "npz": Reader(seeds.npz, mutation.zip_members(mutation.same_length), _file("all.npz")),
    "parquet": Reader(seeds.parquet, mutation.same_length, _file("all.parquet")),
    "cifar": Reader(seeds.batches, mutation.either, _cifar_batch),
    "tar": Reader(seeds.tars, mutation.tar_members(mutation.either), _file("cifar-10-python.tar.gz")),
    "folder-tar": Reader(seeds.folder_tars, mutation.tar_members(mutation.image), _file("photos.tar.gz")),
    "webdataset": Reader(seeds.shards, mutation.same_length, _file("shard.tar")),
    "cifar100": Reader(
        seeds.cifar100, mutation.tar_members(mutation.either), _file("cifar-100-python.tar.gz")
    ),
    "idx": Reader(
        seeds.idx, mutation.either, _beside("train-images-idx3-ubyte", "train-labels-idx1-ubyte", _labels_idx)
    ),
    "stl10": Reader(seeds.stl10, mutation.either, _stl10),
    "array-files": Reader(
        seeds.image_npz,
        mutation.zip_members(mutation.same_length),
        _beside("x.npz", "y.npz", _labels_npz),
    ),
    "coco": Reader(seeds.cocos, mutation.words(*_JSON, *_COCO), _table("labels.json")),
    "json": Reader(seeds.jsons, mutation.words(*_JSON), _table("all.json")),
    "txt": Reader(seeds.texts, mutation.words(*_CSV, " ", ".png", ".png 0"), _table("all.txt")),
    "lists": Reader(seeds.lists, mutation.words(*_CSV, " ", "cats/", "/2", ".png"), _lists),
    "npy": Reader(seeds.npy, mutation.same_length, _beside("x.npy", "y.npy", _labels_npy)),
    "mat": Reader(seeds.mats, mutation.same_length, _file("all.mat")),
    "pixels": Reader(seeds.pixel_tables, mutation.words(*_CSV), _file("pixels.csv")),
    "zip": Reader(seeds.zips, mutation.zip_members(mutation.image), _file("photos.zip")),
    "folder": Reader(seeds.zips, mutation.zip_members(mutation.image), _folder),
    "csv": Reader(seeds.csvs, mutation.words(*_CSV), _table("all.csv")),
    "jsonl": Reader(seeds.jsonl, mutation.words(*_JSON), _table("all.jsonl")),
    "recipe": Reader(seeds.recipes, mutation.words(*_TOML), _recipe),
    "run": Reader(seeds.runs, mutation.words(*_TOML, *_JSON, "\0"), _run),
}
