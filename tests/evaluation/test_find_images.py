"""Which files the names and patterns of `predict` stand for."""

import pytest

from residual.errors import DataError
from residual.evaluation.predict import find_images
from tests.support.image_files import photos, png


@pytest.fixture
def top(tmp_path):
    """Eight images in two folders, one beside them, and a folder without images."""
    for name, content in {**photos("cats", "dogs"), "photo.png": png(7), "notes/a.txt": b"x"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    return tmp_path


def test_a_pattern_stands_for_the_images_in_the_folders_that_it_matches(top):
    found = find_images([str(top / "*")])
    assert [file.relative_to(top).as_posix() for file in found] == [
        *(f"{name}/{i}.png" for name in ("cats", "dogs") for i in range(4)),
        "photo.png",
    ]
    assert find_images([str(top / "**")]) == [top / "cats" / "0.png", *find_images([str(top / "**")])[1:]]
    assert len(find_images([str(top / "**" / "*.png")])) == 9


def test_a_pattern_of_folders_without_images_says_so(top):
    with pytest.raises(DataError, match=r"No image matches '.*n\*': it matches 1 folders without images\."):
        find_images([str(top / "n*")])
    with pytest.raises(DataError, match=r"No image matches '.*gif'\.$"):
        find_images([str(top / "*.gif")])
