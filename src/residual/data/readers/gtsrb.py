"""GTSRB, the German traffic signs, as published and as it stands on Kaggle: frames of one track stay in one split."""

import os
import re
from pathlib import Path

import numpy as np

from residual.data.class_tree import OPTIONS, list_classes
from residual.data.folders import list_folder
from residual.data.location import Location
from residual.data.source import FileSource
from residual.errors import DataError

# class_track_frame.png, or track_frame.ppm in the folder of the class
_FRAME = re.compile(r"(?:\d{5}_)?(\d{5})_\d{5}\.\w+$")


class GtsrbReader:
    """Reads the folder with Final_Training and Final_Test, or with Train, Test and Meta.csv.

    A track is one sign, photographed about 30 times: its frames are a group. The labels of the test images come from
    GT-final_test.csv or Test.csv; without it they are passed over.
    """

    name = "gtsrb"
    label = "GTSRB's class folders"
    suffixes: tuple[str, ...] = ()
    options: frozenset[str] = OPTIONS

    def matches(self, location: Location) -> bool:
        """By the names of folders and files that only GTSRB has."""
        if not location.is_folder():
            return False
        folder = location.file
        published = (
            "Final_Training/Images",
            "GTSRB/Final_Training/Images",
            "Images/00000/GT-00000.csv",
            "00000/GT-00000.csv",
        )
        return any((folder / place).exists() for place in published) or (
            (folder / "Train" / "0").is_dir() and (folder / "Meta.csv").is_file()
        )

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
        columns["notes"] += ("the frames of one track stay in one split",)
        return FileSource(
            name=folder.resolve().name,
            layout=self.label,
            where=str(folder),
            prefix=os.path.join(folder, ""),
            groups=_group_tracks(names, columns["labels"]),
            is_seekable=True,
            opener=lambda i: folder / names[i],
            **columns,
        )


def _group_tracks(names: list[str], labels: np.ndarray) -> np.ndarray:
    """int (n,), equal for frames of one track; an image that names no track is alone."""
    found = [_FRAME.search(Path(name).name) for name in names]
    tracks = [
        f"{label} {match[1]}" if match else name
        for name, label, match in zip(names, labels, found, strict=True)
    ]
    return np.unique(tracks, return_inverse=True)[1]
