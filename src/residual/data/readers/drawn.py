"""Drawn hands, in place of SIGNS if the real files are not found."""

from residual.data.arrays import hold_images
from residual.data.drawn_hands import hands
from residual.data.images import Images
from residual.data.location import Location
from residual.data.source import ArraySource


class DrawnReader:
    """Draws hands that show 0 to 5 fingers."""

    name = "drawn"
    label = "drawn hands"
    suffixes: tuple[str, ...] = ()
    options: frozenset[str] = frozenset()

    def matches(self, location: Location) -> bool:
        """By the name of the data, if it is nowhere on the disk."""
        return location.name == "signs" and location.path is None

    def open(self, location: Location) -> ArraySource:
        """The drawings."""
        x, y, x_test, y_test = hands.render_signs()
        said = (
            "drawn hands, a stand-in: the real SIGNS files (train_signs.h5, test_signs.h5) were not found "
            "in the folder given, RESIDUAL_DATA or ./datasets"
        )
        return hold_images(
            {"train": Images(x, y), "test": Images(x_test, y_test)},
            name="signs",
            layout=self.label,
            where=said,
            classes=tuple("012345"),
            description=said,
        )
