"""Where the network looked: the map shows the part that the label hangs on."""

import base64

import numpy as np
import pytest
from PIL import Image

from residual.data.image_file import read_image
from residual.serving.occlusion import average_drops, cover_parts
from tests.serving.conftest import RED, encode_image

# Red in the first quarter, a little blue everywhere else: without that quarter it is blue.
QUARTER = np.full((8, 8, 3), (0, 0, 30), np.uint8)
QUARTER[:4, :4] = (220, 0, 0)


def test_the_map_is_highest_where_the_label_comes_from(client_with):
    client = client_with(max_batch=2, queue=3)
    answer = client.post("/explain", content=encode_image(QUARTER)).json()
    assert answer["label"] == "red"
    drops = np.array(answer["drops"])
    assert drops.shape == (2, 2)
    seen = read_image(base64.b64decode(answer["seen"].partition(",")[2]))
    assert np.array_equal(seen, QUARTER)


def test_the_map_of_another_label_can_be_asked_for(client):
    plain = client.post("/explain", content=RED, params={"label": "blue"}).json()
    files = {"image": ("a.png", RED)}
    assert client.post("/explain", files=files, data={"label": "blue"}).json() == plain
    assert plain["label"] == "blue"
    assert plain["probability"] < 0.1


def test_one_image_and_a_known_label_are_needed(client):
    many = client.post("/explain", files=[("image", ("a", RED))] * 2)
    assert (many.status_code, many.json()["error"]) == (
        422,
        "Only one image can be explained at a time; got 2.",
    )
    other = client.post("/explain", content=RED, params={"label": "<b>"})
    assert other.status_code == 422


@pytest.mark.parametrize(
    ("shape", "cells"), [((64, 64, 3), (8, 8)), ((16, 40, 3), (4, 8)), ((2, 9, 3), (2, 2))]
)
def test_every_part_is_covered_once_and_nothing_else_is(shape, cells):
    image = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    copies, found = cover_parts(image)
    assert found == cells
    assert len(copies) == (cells[0] - 1) * (cells[1] - 1)
    changed = (copies != image).any(-1)
    assert changed.any((1, 2)).all()
    assert changed.any(0).mean() > 0.95
    whole = shape[0] * shape[1]
    assert all(one.sum() <= whole * 4 / (cells[0] * cells[1]) * 1.3 for one in changed)


def test_a_cell_has_the_mean_of_the_parts_that_cover_it():
    drops = np.array([[1.0, 0.0], [0.0, 0.0]]).ravel()  # of the four parts of 3 x 3 cells
    assert average_drops(drops, (3, 3)).tolist() == [[1, 0.5, 0], [0.5, 0.25, 0], [0, 0, 0]]


def test_the_part_that_matters_is_found():
    image = np.zeros((64, 64, 3), np.uint8)
    image[40:56, 8:24, 0] = 255
    copies, cells = cover_parts(image)
    weight = copies[..., 0].astype(float).mean((1, 2))
    drops = average_drops(weight.max() - weight, cells)
    row, column = np.unravel_index(drops.argmax(), cells)
    assert (row, column) in {(5, 1), (5, 2), (6, 1), (6, 2)}


def test_transparent_images_are_seen_on_white(client):
    answer = client.post("/explain", content=encode_image(Image.new("RGBA", (8, 8), (0, 0, 0, 0)))).json()
    assert read_image(base64.b64decode(answer["seen"].partition(",")[2])).min() == 255
