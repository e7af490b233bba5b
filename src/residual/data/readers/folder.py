"""A folder of class folders."""

import os

from residual.data.class_tree import OPTIONS, list_classes
from residual.data.folders import list_folder
from residual.data.location import Location
from residual.data.source import FileSource
from residual.errors import DataError


class FolderReader:
    """Reads class folders on the disk, by the rules of `class_tree`."""

    name = "folder"
    label = "class folders"
    suffixes: tuple[str, ...] = ()
    options: frozenset[str] = OPTIONS

    def matches(self, location: Location) -> bool:
        """Whether it is a folder; what is in it is for other readers to look at first."""
        return location.is_folder()

    def open(self, location: Location) -> FileSource:
        """The images of a folder.

        Raises:
            DataError: if there are no class folders, or one may not be listed.
        """
        folder = location.file
        try:
            columns = list_classes(list_folder(folder), location.options).columns()
        except OSError as error:
            raise DataError(f"{error.filename or folder} may not be read: {error.strerror}.") from None
        names = columns["names"]
        return FileSource(
            name=folder.resolve().name,
            layout=self.label,
            where=str(folder),
            prefix=os.path.join(folder, ""),
            is_seekable=True,
            opener=lambda i: folder / names[i],
            **columns,
        )
