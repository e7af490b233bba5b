"""A tar of class folders, packed or not, read in place."""

import numpy as np

from residual.data.class_tree import OPTIONS, list_classes
from residual.data.folders import list_names
from residual.data.location import Location
from residual.data.source import FileSource
from residual.data.tar_file import SUFFIXES, TarFile, is_packed, is_tar

_LOOKED_INTO = ("", ".zip", ".gz", ".bz2", ".xz", ".data")  # endings that a tar may have by mistake


class TarReader:
    """Reads a tar of class folders, by the rules of `class_tree`."""

    name = "tar"
    label = "a tar of class folders"
    suffixes: tuple[str, ...] = SUFFIXES
    options: frozenset[str] = OPTIONS

    def matches(self, location: Location) -> bool:
        """By the ending, or by the content if the ending says nothing."""
        path = location.path
        if path is None or location.is_folder():
            return False
        if location.kind not in ("", "tar", "packed"):
            return False
        return location.is_file(*SUFFIXES) or (path.suffix.lower() in _LOOKED_INTO and is_tar(path))

    def open(self, location: Location) -> FileSource:
        """The images, in the order of the archive, which is the only quick one if it is packed.

        Raises:
            DataError: if the archive is damaged, names a member outside itself, or lacks class folders.
        """
        path = location.file
        archive = TarFile(path)
        columns = list_classes(
            list_names(archive.members, str(path), archive.read), location.options
        ).columns()
        place = {name: i for i, name in enumerate(archive.members)}
        order = np.argsort([place[name] for name in columns["names"]], kind="stable")
        names = [columns["names"][i] for i in order]
        columns |= {"names": names, "labels": columns["labels"][order], "splits": columns["splits"][order]}
        return FileSource(
            name=path.name.split(".")[0],
            layout=self.label,
            where=str(path),
            is_seekable=not is_packed(path),
            opener=lambda i: archive.read(names[i]),
            **columns,
        )
