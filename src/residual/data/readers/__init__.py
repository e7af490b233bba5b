"""One file for each layout, and one row in `READERS`. Readers do not know each other."""

from typing import Protocol

from residual.data.location import Location
from residual.data.readers.array_files import ArrayFilesReader
from residual.data.readers.arrays import ArraysReader
from residual.data.readers.cifar100 import Cifar100Reader
from residual.data.readers.cifar_archive import CifarArchiveReader
from residual.data.readers.cifar_batches import CifarBatchesReader
from residual.data.readers.cifar_download import CifarDownloadReader
from residual.data.readers.coco import CocoReader
from residual.data.readers.digits import DigitsReader
from residual.data.readers.drawn import DrawnReader
from residual.data.readers.folder import FolderReader
from residual.data.readers.gtsrb import GtsrbReader
from residual.data.readers.hdf5 import Hdf5Reader
from residual.data.readers.hub import HubReader
from residual.data.readers.idx import IdxReader
from residual.data.readers.parquet import ParquetReader
from residual.data.readers.pixel_table import PixelTableReader
from residual.data.readers.signs import SignsReader
from residual.data.readers.stl10 import Stl10Reader
from residual.data.readers.svhn import SvhnReader
from residual.data.readers.table import TableReader
from residual.data.readers.tar import TarReader
from residual.data.readers.tfrecord import TfRecordReader
from residual.data.readers.webdataset import WebDatasetReader
from residual.data.readers.zip import ZipReader
from residual.data.source import Source


class Reader(Protocol):
    """What reads one layout.

    Attributes:
        name: a short name.
        label: what the layout is, in a few words: "a zip of class folders".
        suffixes: endings of its files, for the message that lists them.
        options: what may stand behind "::".
    """

    name: str
    label: str
    suffixes: tuple[str, ...]
    options: frozenset[str]

    def matches(self, location: Location) -> bool:
        """Whether this reader is the one; cheap: names, endings, first bytes."""
        ...

    def open(self, location: Location) -> Source:
        """The images there, listed and not decoded."""
        ...


# The first that matches reads, so what is told by its content stands before what is told by its ending.
READERS: tuple[Reader, ...] = (
    DigitsReader(),
    DrawnReader(),
    CifarDownloadReader(),
    HubReader(),
    CifarBatchesReader(),
    Cifar100Reader(),
    CifarArchiveReader(),
    TfRecordReader(),
    Stl10Reader(),
    IdxReader(),
    SignsReader(),
    ArrayFilesReader(),
    Hdf5Reader(),
    ArraysReader(),
    SvhnReader(),
    ParquetReader(),
    ZipReader(),
    WebDatasetReader(),
    TarReader(),
    PixelTableReader(),
    GtsrbReader(),
    CocoReader(),
    TableReader(),
    FolderReader(),
)


def find_reader(location: Location) -> Reader | None:
    """The reader of a location, None if there is none."""
    return next((reader for reader in READERS if reader.matches(location)), None)
