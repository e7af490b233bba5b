"""COCO's JSON: read if every image is of one category, refused if it is for detection."""

import json

import pytest

from residual.data.load import open_source
from residual.errors import DataError
from tests.support.image_files import photos


def coco(pairs, names=("cat", "dog"), count: int = 4, **more) -> str:
    """A JSON of images 0.png, 1.png, ...; `pairs` are (image, category)."""
    return json.dumps(
        {
            "info": {},
            "images": [{"id": i, "file_name": f"{i}.png", **more} for i in range(count)],
            "annotations": [
                {"id": n, "image_id": image, "category_id": category, "bbox": [0, 0, 2, 2]}
                for n, (image, category) in enumerate(pairs)
            ],
            "categories": [{"id": n, "name": name} for n, name in enumerate(names)],
        }
    )


def lay_out(top, files: dict):
    for name, content in files.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return top


def said(path) -> str:
    with pytest.raises(DataError) as caught:
        open_source(path)
    return str(caught.value)


TRAIN, VAL = [(0, 0), (0, 0), (1, 0), (2, 1), (3, 1)], [(0, 0), (1, 1)]
FILES = photos("train2017", "val2017")


@pytest.mark.parametrize(
    ("names", "given"),
    [
        (("annotations/instances_train2017.json", "annotations/instances_val2017.json"), ""),
        (("annotations/instances_train2017.json", "annotations/instances_val2017.json"), "train"),
        (("train.json", "val.json"), ""),
        (("train2017/_annotations.coco.json", "val2017/_annotations.coco.json"), ""),
    ],
)
def test_one_category_for_each_image(tmp_path, names, given):
    top = lay_out(tmp_path / "set", {**FILES, names[0]: coco(TRAIN), names[1]: coco(VAL)})
    source = open_source(top / names[0] if given else top)
    assert source.classes == ("cat", "dog")
    assert source.labels.tolist() == [0, 0, 1, 1, 0, 1]
    assert [len(source.indices(split)) for split in ("train", "test")] == [4, 2]
    assert [item.reason for item in source.passed_over] == ["without a label"] * 2
    assert any("has boxes or outlines: they are not used" in note for note in source.notes)
    x = source.to_dataset(4, 0).test.x
    assert x[:, 0, 0, 0].tolist() == [10, 11]  # of val2017, not the files of the same names in train2017


def test_a_category_in_the_entry_of_each_image(tmp_path):
    held = json.loads(coco([], category_id=0))
    for row in held["images"][2:]:
        row["category_id"] = 1
    top = lay_out(tmp_path, {**photos("images"), "labels.json": json.dumps(held)})
    source = open_source(top / "labels.json")
    assert (source.classes, source.labels.tolist()) == (("cat", "dog"), [0, 0, 1, 1])


def test_a_category_without_images_is_no_class(tmp_path):
    text = coco([(i, 1 + i % 2) for i in range(4)], ("animals", "cat", "dog"))
    top = lay_out(tmp_path, {**photos("images"), "labels.json": text})
    assert open_source(top / "labels.json").classes == ("cat", "dog")


def test_detection_is_refused(tmp_path):
    top = lay_out(tmp_path, {**FILES, "annotations/instances_train2017.json": coco([*TRAIN, (0, 1), (3, 0)])})
    text = said(top)
    assert "is for object detection: 2 of 4 images are of several categories (0.png: cat, dog)." in text
    assert "one folder per class" in text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"images": [', "is not JSON that can be read"),
        ('{"images": 7}', "images must be a list; got int"),
        ('{"images": [7], "annotations": []}', "an entry of images has no id: 7"),
        ('{"images": [{"id": 1, "file_name": "0.png"}]}', "names no category of an image"),
        (coco([(0, 7)]), "category 7 has no name among the categories"),
        ('{"images": [], "annotations": [{"image_id": [1]}]}', "an entry of annotations has no image_id"),
    ],
)
def test_a_damaged_file_is_named(tmp_path, text, says):
    top = lay_out(tmp_path, {**photos("images"), "labels.json": text})
    assert said(top / "labels.json").startswith(str(top / "labels.json"))
    assert says in said(top / "labels.json")
