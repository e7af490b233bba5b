"""Splits that keep the mixture of classes, and keep images with the same pixels together."""

import numpy as np

from residual.data.digests import Digests, group_duplicates
from residual.data.images import Images
from residual.errors import DataError

TEST_SHARE = 0.15


def stratified_split(
    labels: np.ndarray, fraction: float, seed: int, groups: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Sorted indices of the larger and of the smaller part.

    Every class gives `fraction` of its images to the smaller part, rounded, but at least one and never
    all; a class of a single image stays in the larger part. A group goes to one part whole: a class then
    gives as many as its groups allow, and none where all its images are one group. Where every group is a
    single image the split is the one without groups.

    Args:
        labels: int (n,).
        fraction: share of the smaller part, between 0 and 1.
        seed: fixes which images are drawn.
        groups: int (n,), equal for images that belong together; None for images that are all on their own.

    Raises:
        DataError: for a fraction outside 0..1, or when no class has two images, or two groups.
    """
    if not 0 < fraction < 1:
        raise DataError(f"The share that is split off must lie between 0 and 1; got {fraction}.")
    labels = np.asarray(labels)
    draw = _Draw(labels, groups)
    rng = np.random.default_rng(seed)
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        count = min(max(1, round(fraction * len(members))), len(members) - 1)
        draw.take(members, count)
    if not draw.taken.any():
        together = " that may be parted" if len(labels) > len(set(labels.tolist())) else ""
        raise DataError(f"No class has two images{together}, so none can be set aside: add images.")
    return np.flatnonzero(~draw.taken), np.flatnonzero(draw.taken)


class _Draw:
    """Which images are taken so far.

    Args:
        labels: int (n,).
        groups: as `stratified_split` takes them.

    Attributes:
        taken: bool (n,).
        together: image -> the images of its group, itself among them; only of groups of several.
    """

    def __init__(self, labels: np.ndarray, groups: np.ndarray | None):
        self.taken = np.zeros(len(labels), bool)
        self.together: dict[int, np.ndarray] = {}
        if groups is not None:
            _, group, sizes = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
            order, ends = np.argsort(group, kind="stable"), np.cumsum(sizes)
            for number in np.flatnonzero(sizes > 1):
                members = order[ends[number] - sizes[number] : ends[number]]
                self.together.update(dict.fromkeys(members.tolist(), members))
        _, self._label = np.unique(labels, return_inverse=True)
        self._left = np.bincount(self._label)  # images of each class that are not taken

    def take(self, members: np.ndarray, count: int) -> None:
        """Take `count` of `members`, in their order; fewer where the rest of the groups is too large."""
        if not self.together:
            self.taken[members[:count]] = True
            return
        label = self._label[members[0]]
        passed_over = []
        for member in members.tolist():
            open_places = count - (len(members) - self._left[label])
            if open_places <= 0:
                return
            group = self._group(member)
            if self.taken[member] or not self._may_go(group):
                continue
            if self._count(group)[label] > open_places:
                passed_over.append(group)
                continue
            self._take(group)
        if count and self._left[label] == len(members) and passed_over:
            self._take(min(passed_over, key=lambda group: self._count(group)[label]))

    def _group(self, member: int) -> np.ndarray:
        return self.together.get(member, np.array([member]))

    def _count(self, group: np.ndarray) -> np.ndarray:
        return np.bincount(self._label[group], minlength=len(self._left))

    def _may_go(self, group: np.ndarray) -> bool:
        """Whether every class keeps an image without the group."""
        count = self._count(group)
        return bool((self._left - count > 0)[count > 0].all())

    def _take(self, group: np.ndarray) -> None:
        self.taken[group] = True
        self._left -= self._count(group)


def join_groups(*groups: np.ndarray | None) -> np.ndarray | None:
    """Groups that hold together what any of `groups` holds together; None where all of them are None.

    Args:
        groups: int (n,) each, or None.
    """
    given = [np.unique(group, return_inverse=True)[1] for group in groups if group is not None]
    if not given:
        return None
    joined = np.arange(len(given[0]))
    while True:  # every image takes the lowest number that a group of its own holds, until none changes
        before = joined
        for group in given:
            lowest = np.full(len(group), len(group))
            np.minimum.at(lowest, group, joined)
            joined = lowest[group]
        if (joined == before).all():
            return joined


def hold_out(images: Images, where: str, groups: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Indices of (train, test): `TEST_SHARE` of every class is the test set, the same images on every call.

    Images with the same pixels or of one group stay together.

    Args:
        images: all there are.
        where: file or folder they come from, for the error.
        groups: int (n,), equal for images that belong together; None if nothing is known.
    """
    try:
        return split_apart(images, TEST_SHARE, 0, groups)
    except DataError as error:
        raise DataError(f"{where} has no test images. {error}") from None


def split_apart(
    images: Images, fraction: float, seed: int, groups: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """`stratified_split` that parts neither images with the same pixels nor `groups`."""
    return split_digests(images.y, images.digests, groups, fraction, seed)


def split_digests(
    labels: np.ndarray,
    digests: Digests,
    groups: np.ndarray | None = None,
    fraction: float = TEST_SHARE,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """The same for images of which only labels and digests are known; by default the hold-out that is the test set."""
    duplicates = group_duplicates(digests)
    return stratified_split(
        labels, fraction, seed, duplicates if groups is None else join_groups(duplicates, groups)
    )


def find_folds(images: Images, folds: int, seed: int, groups: np.ndarray | None = None) -> np.ndarray:
    """int (n,): the fold of each image, 0 to folds - 1, with the mixture of classes in each as far as it can be.

    Images with the same pixels or of one group are in one fold.

    Args:
        images: that are parted.
        folds: how many, from 2.
        seed: of the draw.
        groups: int (n,), equal for images that belong together; None if nothing is known.

    Raises:
        DataError: if there are fewer groups than folds.
    """
    duplicates = group_duplicates(images.digests)
    joined = join_groups(duplicates) if groups is None else join_groups(duplicates, groups)
    _, group = np.unique(np.asarray(joined), return_inverse=True)
    sizes = np.bincount(group)
    if len(sizes) < folds:
        raise DataError(
            f"folds must be at most the number of images that may be parted, {len(sizes)}; got {folds}."
        )
    _, label = np.unique(images.y, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]  # the large groups first, while there is room
    counts, chosen = np.zeros((folds, label.max() + 1), np.int64), np.zeros(len(sizes), np.int64)
    members = np.split(np.argsort(group, kind="stable"), np.cumsum(sizes)[:-1])
    for number in order.tolist():
        held = np.bincount(label[members[number]], minlength=counts.shape[1])
        most = int(held.argmax())
        chosen[number] = min(range(folds), key=lambda fold: (counts[fold, most], counts[fold].sum()))
        counts[chosen[number]] += held
    return chosen[group]
