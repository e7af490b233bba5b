"""Folders as people have them: what is read, what is passed over with its name, and what is refused with a way out."""

import os
import tarfile

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

from residual.auditing.audit import audit_source
from residual.cli import app
from residual.data.load import open_source
from residual.data.words import find_split, parse_split
from residual.errors import DataError
from tests.support.image_files import pack, photos, png


def lay_out(top, files: dict[str, bytes]):
    """Write files into folders; a name that ends in "/" is an empty folder."""
    for name, content in files.items():
        path = top / name
        if name.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return top


def pack_tar(path, files: dict[str, bytes], top):
    """A tar of the same files."""
    lay_out(top, files)
    with tarfile.open(path, "w:gz") as archive:
        archive.add(top, arcname="photos")
    return path


def count(source) -> dict[str, dict[str, int]]:
    return {
        split: dict(
            zip(
                source.classes,
                np.bincount(source.labels[rows], minlength=len(source.classes)).tolist(),
                strict=True,
            )
        )
        for split in ("train", "validation", "test")
        if len(rows := source.indices(split))
    }


def said(path) -> str:
    with pytest.raises(DataError) as caught:
        open_source(path)
    return str(caught.value)


def split_photos(*places: str) -> dict[str, bytes]:
    """Images of cats and dogs below each place."""
    return photos(*(f"{place}/{name}" for place in places for name in ("cats", "dogs")))


BOTH = {"cats": 4, "dogs": 4}
# files -> images of each class in each split
READ = {
    "words that repeat their folder": (
        split_photos("archive/training_set/training_set", "archive/test_set/test_set"),
        {"train": BOTH, "test": BOTH},
    ),
    "Training and Testing": (split_photos("Training", "Testing"), {"train": BOTH, "test": BOTH}),
    "eval is the test": (split_photos("train", "eval"), {"train": BOTH, "test": BOTH}),
    "a common word beside the split": (split_photos("seg_train", "seg_test"), {"train": BOTH, "test": BOTH}),
    "a common word and a repeated folder": (
        split_photos("seg_train/seg_train", "seg_test/seg_test"),
        {"train": BOTH, "test": BOTH},
    ),
    "numbers": (split_photos("train2017", "val2017"), {"train": BOTH, "test": BOTH}),
    "numbers before": (
        split_photos("1_train", "2_valid", "3_test"),
        {"train": BOTH, "validation": BOTH, "test": BOTH},
    ),
    "words glued together": (split_photos("trainset", "testset"), {"train": BOTH, "test": BOTH}),
    "humps": (split_photos("TrainImages", "TestImages"), {"train": BOTH, "test": BOTH}),
    "blanks": (split_photos("train images", "test images"), {"train": BOTH, "test": BOTH}),
    "dev": (split_photos("train", "dev", "test"), {"train": BOTH, "validation": BOTH, "test": BOTH}),
    "hold-out": (split_photos("train", "hold-out"), {"train": BOTH, "test": BOTH}),
    "plural": (split_photos("trains", "tests"), {"train": BOTH, "test": BOTH}),
    "a folder around everything": (split_photos("data/photos"), {"train": BOTH}),
    "splits below the classes": (
        photos("cats/train", "cats/test", "dogs/train", "dogs/test"),
        {"train": BOTH, "test": BOTH},
    ),
    "test beside the classes": (
        {**photos("cats", "dogs"), **split_photos("test")},
        {"train": BOTH, "test": BOTH},
    ),
    "a class that is called train": (
        photos("bus", "car", "train"),
        {"train": {"bus": 4, "car": 4, "train": 4}},
    ),
    "classes that begin with a split's word": (
        photos("train_station", "test_tube"),
        {"train": {"test_tube": 4, "train_station": 4}},
    ),
    "masks beside the images": (
        split_photos("train", "test", "train_masks"),
        {"train": BOTH, "test": BOTH},
    ),
    "a test folder that lacks a class": (
        {**split_photos("train"), **photos("test/cats")},
        {"train": BOTH, "test": {"cats": 4, "dogs": 0}},
    ),
    "other folders beside the only one": (
        {
            **photos("food/images/cats", "food/images/dogs"),
            "food/meta/train.txt": b"cats/0",
            "food/readme.txt": b"x",
        },
        {"train": BOTH},
    ),
    "a data set inside itself": (
        split_photos("x/train", "x/test", "x/x/train"),
        {"train": BOTH, "test": BOTH},
    ),
    "another folder of test images": (
        {**split_photos("Training", "Test"), **photos("test-multiple")},
        {"train": BOTH, "test": BOTH},
    ),
    "unlabelled test images in a folder": (
        {**split_photos("train"), **photos("test/unknown")},
        {"train": BOTH},
    ),
    "capitals differ between the splits": (
        {**split_photos("train"), **photos("test/Cats", "test/DOGS")},
        {"train": BOTH, "test": BOTH},
    ),
    "test images without folders": ({**split_photos("train"), **photos("test1")}, {"train": BOTH}),
    "a table labels the test images": (
        {
            **split_photos("train"),
            **photos("test"),
            "test.csv": b"id,kind\n0.png,cats\n1.png,dogs\n2.png,cats\n3.png,dogs\n",
        },
        {"train": BOTH, "test": {"cats": 2, "dogs": 2}},
    ),
    "Tiny ImageNet": (
        {
            **photos("train/n01/images", "train/n02/images", "val/images", "test/images"),
            "train/n01/n01_boxes.txt": b"0.png\t0\t0\t8\t8\n",
            "val/val_annotations.txt": b"".join(
                b"%d.png\tn0%d\t0\t0\t8\t8\n" % (i, 1 + i % 2) for i in range(4)
            ),
            "wnids.txt": b"n01\nn02\n",
            "words.txt": b"n01\tgoldfish\nn02\tshark\n",
        },
        {"train": {"n01": 4, "n02": 4}, "test": {"n01": 2, "n02": 2}},
    ),
    "what is never data": (
        {
            **photos(
                "cats",
                "dogs",
                "@eaDir/cats",
                "#recycle",
                "$RECYCLE.BIN",
                "__pycache__",
                ".thumbnails",
                "__MACOSX/cats",
            ),
            "runs/pets-1/run.toml": b"",
            "runs/pets-1/confusion.png": png(1),
            "runs/pets-2/run.toml": b"",
            "cats/Thumbs.db": b"",
            "cats/.DS_Store": b"",
            "cats/desktop.ini": b"",
        },
        {"train": BOTH},
    ),
    "stray files and a folder without images": (
        {**photos("cats", "dogs"), "IMG_1.png": png(200), "docs/readme.pdf": b"%PDF", "cats/notes.txt": b"x"},
        {"train": BOTH},
    ),
    "no endings": (
        {name.removesuffix(".png"): content for name, content in photos("cats", "dogs").items()},
        {"train": BOTH},
    ),
    "lists of the splits beside class folders": (
        {
            **photos("food/images/cats", "food/images/dogs"),
            "food/meta/train.txt": b"cats/0\ncats/1\ncats/2\ndogs/0\ndogs/1\n",
            "food/meta/test.txt": b"cats/3\ndogs/2\ndogs/3\n",
            "food/meta/classes.txt": b"cats\ndogs\n",
        },
        {"train": {"cats": 3, "dogs": 2}, "test": {"cats": 1, "dogs": 2}},
    ),
    "lists with paths, endings and labels": (
        {
            **photos("jpg/cats", "jpg/dogs"),
            "train_list.txt": b"jpg/cats/0.png 0\njpg/cats/1.png 0\njpg/dogs/0.png 1\n",
            "val_list.txt": b"jpg/cats/2.png 0\njpg/dogs/1.png 1\n",
            "test_list.txt": b"jpg/cats/3.png 0\n",
        },
        {
            "train": {"cats": 2, "dogs": 1},
            "validation": {"cats": 1, "dogs": 1},
            "test": {"cats": 1, "dogs": 0},
        },
    ),
    "other languages": (split_photos("Trainingsdaten", "Testdaten"), {"train": BOTH, "test": BOTH}),
    "a letter behind the word": (split_photos("train", "test-a"), {"train": BOTH, "test": BOTH}),
    "ten pairs of lists say nothing": (
        {
            **photos("images/cats", "images/dogs"),
            **{
                f"labels/{split}{i}.txt": b"cats/0.png\ndogs/0.png\n"
                for split in ("train", "test")
                for i in (1, 2)
            },
        },
        {"train": BOTH},
    ),
    "CUB-200-2011": (
        {
            **photos("images/001.Gull", "images/002.Jay"),
            "images.txt": b"".join(
                b"%d %s/%d.png\n" % (1 + 4 * k + i, name, i)
                for k, name in enumerate((b"001.Gull", b"002.Jay"))
                for i in range(4)
            ),
            "train_test_split.txt": b"".join(b"%d %d\n" % (i, i % 4 != 0) for i in range(1, 9)),
            "classes.txt": b"1 001.Gull\n2 002.Jay\n",
        },
        {"train": {"001.Gull": 3, "002.Jay": 3}, "test": {"001.Gull": 1, "002.Jay": 1}},
    ),
    "an empty validation word is no class": ({**photos("cats", "dogs"), "val/": b""}, None),
}


@pytest.mark.parametrize("kind", ["folder", "zip", "tar"])
@pytest.mark.parametrize("layout", [name for name, (_, wanted) in READ.items() if wanted])
def test_a_layout_is_read_alike_everywhere(tmp_path, layout, kind):
    files, wanted = READ[layout]
    path = tmp_path / "photos"
    if kind == "zip":
        path = pack(tmp_path / "photos.zip", files)
    elif kind == "tar":
        path = pack_tar(tmp_path / "photos.tgz", files, tmp_path / "unpacked")
    else:
        lay_out(path, files)
    if kind == "tar" and ":" in layout:
        pytest.skip("a tar has the names of a folder")
    source = open_source(path)
    assert count(source) == wanted
    data = source.to_dataset(8)
    assert (data.notes, data.passed_over) == (source.notes, source.passed_over)
    taken = {os.path.basename(os.path.dirname(name)) for name in source.names}
    assert not taken & {"@eaDir", "#recycle", "$RECYCLE.BIN", "__pycache__", ".thumbnails", "pets-1"}


# files -> what the message says
REFUSED = {
    "class folders inside what would be classes": (
        split_photos("2019", "2020"),
        [
            "2019 and 2020 hold the same folders, cats and dogs",
            "::train=2019,test=2020",
            "::label=parent",
            "::label=folder",
        ],
    ),
    "flat images with the class in their names": (
        {
            f"{split}/{name}.{i}.png": png(i)
            for split in ("train", "test1")
            for name in ("cat", "dog")
            for i in range(3)
        },
        ["needs at least two folders", "begin with cat and dog", "::label=name takes these"],
    ),
    "names in a folder of images": (
        {f"images/{name}_{i}.png": png(i) for name in ("pug", "great_dane") for i in range(3)},
        ["it has 1: images.", "begin with great_dane and pug", "::label=name takes these"],
    ),
    "a test class that training lacks": (
        {**split_photos("train"), **photos("test/cats", "test/mice")},
        ["test has classes that the training folder lacks: mice."],
    ),
    "an empty class folder": (
        {**photos("cats", "dogs"), "mice/": b""},
        ["no training images for mice", "is empty"],
    ),
    "a class of a format that cannot be read": (
        {**photos("cats", "dogs"), "mice/1.cr2": b"raw"},
        ["mice has no image that can be read, but .cr2 files: save as JPEG or PNG."],
    ),
    "a flat test folder beside classes": (
        photos("cats", "dogs", "test"),
        ["test stands beside cats, dogs", "::label=folder"],
    ),
    "an empty test folder": (
        {**split_photos("train"), "test/": b""},
        ["has no test images, only a place for them"],
    ),
    "only a test folder": (split_photos("test", "val"), ["no folder train to learn from"]),
    "sites with splits that hold the same folders": (
        split_photos("siteA/train", "siteA/test", "siteB/train", "siteB/test"),
        [
            "siteA and siteB each have folders of splits",
            "hold the same folders: cats, dogs",
            "::label=parent",
        ],
    ),
    "parts of one set": (
        {**photos("HAM_images_part_1", "HAM_images_part_2"), "HAM_metadata.csv": b"image_id,dx\n"},
        [
            "look like parts of one set and not like classes",
            "If HAM_metadata.csv says which image has which label",
        ],
    ),
    "Oxford Pets": (
        {
            **{f"images/{n}_{i}.png": png(i) for n in ("Abyssinian", "beagle") for i in range(3)},
            **photos("annotations/trimaps"),
        },
        [
            "annotations belongs to the images in images",
            "::train=images,label=name takes these for the classes",
        ],
    ),
    "an archive in a folder": ({"photos.zip": b"PK", "a.txt": b"x"}, ["It holds photos.zip: name that"]),
    "images and masks": (
        photos("images", "masks"),
        ["laid out for segmentation: masks belongs to the images in images", "::label=folder"],
    ),
    "images and masks in each split": (
        photos("train/images", "train/labels", "test/images", "test/labels"),
        ["laid out for segmentation: labels belongs to the images in images"],
    ),
    "Pascal VOC": (
        {
            **photos("VOC/JPEGImages", "VOC/SegmentationClass", "VOC/SegmentationObject"),
            **{f"VOC/Annotations/{i}.xml": b"<a/>" for i in range(4)},
        },
        ["SegmentationClass and SegmentationObject belong to the images in JPEGImages"],
    ),
    "YOLO": (
        {
            **photos("images/train", "images/val"),
            **{f"labels/{split}/{i}.txt": b"0 .5 .5 .1 .1" for split in ("train", "val") for i in range(4)},
            "data.yaml": b"nc: 2",
        },
        ["laid out for object detection (YOLO)", ".txt has the boxes of one image", "one folder per class"],
    ),
    "YOLO, splits outside": (
        {
            **photos("train/images", "valid/images"),
            **{f"{split}/labels/{i}.txt": b"0 .5 .5 .1 .1" for split in ("train", "valid") for i in range(4)},
        },
        ["laid out for object detection (YOLO)"],
    ),
    "two folders of one split": (
        split_photos("train1", "train2", "test"),
        ["train1 and train2 are both called train images", "::train=train1"],
    ),
}


@pytest.mark.parametrize("layout", REFUSED)
def test_what_can_be_read_in_two_ways_is_refused_with_a_way_out(tmp_path, layout):
    files, wanted = REFUSED[layout]
    text = said(lay_out(tmp_path / "photos", files))
    assert text.startswith(str(tmp_path / "photos"))
    assert [part for part in wanted if part not in text] == []


def test_data_audit_and_train_refuse_alike(tmp_path):
    top = lay_out(tmp_path / "photos", {**photos("cats", "dogs"), "mice/": b""})
    texts = set()
    for arguments in (["data", str(top)], ["audit", str(top)], ["train", str(top), "--epochs", "1"]):
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 2
        texts.add(result.stderr.strip().splitlines()[-1])
    assert len(texts) == 1


def test_options_decide(tmp_path):
    top = lay_out(tmp_path / "years", split_photos("2019", "2020"))
    assert count(open_source(f"{top}::train=2019,test=2020")) == {"train": BOTH, "test": BOTH}
    assert count(open_source(f"{top}::label=parent")) == {"train": {"cats": 8, "dogs": 8}}
    assert count(open_source(f"{top}::label=folder")) == {"train": {"2019": 8, "2020": 8}}
    flat = lay_out(
        tmp_path / "flat", {f"train/{n}.{i}.png": png(i) for n in ("cat", "dog") for i in range(3)}
    )
    assert count(open_source(f"{flat}::label=name")) == {"train": {"cat": 3, "dog": 3}}
    assert f"{flat}: label must be folder, parent or name; got 'colour'." == said(f"{flat}::label=colour")
    assert "has no folder 2021; it has 2019, 2020." in said(f"{top}::test=2021")


def test_val_alone_is_the_test_set_and_says_so(tmp_path):
    top = lay_out(tmp_path / "photos", split_photos("train", "val"))
    source = open_source(top)
    assert count(source) == {"train": BOTH, "test": BOTH}
    assert any(
        "validation images are the test set" in note and "::validation=val" in note for note in source.notes
    )
    other = open_source(f"{top}::validation=val")
    assert count(other) == {"train": BOTH, "validation": BOTH}
    data = other.to_dataset(8)
    assert (len(data.train), len(data.validation), len(data.test), data.made_test) == (6, 8, 2, True)
    result = CliRunner().invoke(app, ["data", str(top)])
    assert "validation images are the test set" in result.stdout


def test_what_is_passed_over_is_named_and_counted(tmp_path):
    top = lay_out(
        tmp_path / "photos",
        {
            **photos("cats", "dogs", ".git"),
            "IMG_1.png": png(200),
            "cats/phone.heic.cr2": b"raw",
            "cats/notes.txt": b"x",
            "dogs/Thumbs.db": b"",
            "runs/a-1/run.toml": b"",
        },
    )
    source = open_source(top)
    assert {(item.name, item.reason) for item in source.passed_over} == {
        ("IMG_1.png", "in no class folder"),
        (os.path.join("cats", "notes.txt"), "no image"),
        (os.path.join("cats", "phone.heic.cr2"), "save as JPEG or PNG"),
        (os.path.join("dogs", "Thumbs.db"), "of the system"),
        (".git", "hidden"),
        (os.path.join("runs", "a-1"), "a run of residual"),
    }
    text = CliRunner().invoke(app, ["data", str(top)]).stdout
    assert "passed over: " in text
    assert "IMG_1.png" in text
    found = audit_source(source).to_dict()
    assert found["passed_over"]["count"] == 6
    assert found["passed_over"]["reasons"]["no image"] == 1
    (finding,) = [each for each in found["findings"] if each["kind"] == "other-file"]
    assert finding["count"] == 6


def test_links_are_followed_once_and_never_back(tmp_path):
    top = lay_out(tmp_path / "photos", photos("cats"))
    other = lay_out(tmp_path / "elsewhere", photos("dogs"))
    (top / "dogs").symlink_to(other / "dogs")
    (top / "cats" / "up").symlink_to(top)
    source = open_source(top)
    assert count(source) == {"train": BOTH}
    assert [item.reason for item in source.passed_over] == ["a link that leads back"]


def test_folders_inside_a_class_are_said(tmp_path):
    top = lay_out(tmp_path / "animals", photos("mammals/cat", "mammals/dog", "birds"))
    source = open_source(top)
    assert count(source) == {"train": {"birds": 4, "mammals": 8}}
    assert any("class mammals has the images of its folders cat and dog" in note for note in source.notes)


@pytest.mark.parametrize(
    ("name", "split"),
    [
        *(
            (name, "train")
            for name in ("train", "TRAIN", "training_set", "Train Images", "01-train", "traindata", "trn")
        ),
        *(
            (name, "validation")
            for name in ("val", "valid", "validation_split", "dev", "eval", "val2017", "vals")
        ),
        *(
            (name, "test")
            for name in ("test", "Testing", "test1", "testset", "hold-out", "heldout", "test_data", "tests")
        ),
        *(
            (name, None)
            for name in (
                "cats",
                "steam_train",
                "train_test",
                "contest",
                "latest",
                "value",
                "",
                "7",
                "trainer",
            )
        ),
    ],
)
def test_words_for_splits(name, split):
    assert find_split(name) == split


def test_other_words_of_a_name_are_kept():
    assert parse_split("seg_train") == ("train", ("seg",))
    assert parse_split("asl_alphabet_test") == ("test", ("asl", "alphabet"))


def test_the_frames_of_a_traffic_sign_stay_together(tmp_path):
    images = {
        f"Final_Training/Images/0000{label}/{track:05}_{frame:05}.ppm": png(10 * label + track)
        for label in (0, 1)
        for track in range(4)
        for frame in range(3)
    }
    test = {f"Final_Test/Images/{i:05}.ppm": png(100 + i) for i in range(4)}
    table = "Filename;Width;Height;Roi.X1;ClassId\n" + "".join(
        f"{i:05}.ppm;8;8;1;{i % 2}\n" for i in range(4)
    )
    top = lay_out(tmp_path / "GTSRB", {**images, **test, "GT-final_test.csv": table.encode()})
    source = open_source(top)
    assert source.layout == "GTSRB's class folders"
    assert count(source) == {"train": {"00000": 12, "00001": 12}, "test": {"00000": 2, "00001": 2}}
    train = source.indices("train")
    assert len(set(source.groups[train].tolist())) == 8


def test_a_table_beside_class_folders_is_named(tmp_path):
    top = lay_out(tmp_path / "birds", photos("cats", "dogs"))
    for i in range(4):
        (top / "dogs" / f"{i}.png").rename(top / "dogs" / f"{4 + i}.png")
    (top / "metadata.csv").write_text("file,place\n" + "".join(f"x/{i}.png,{i % 2}\n" for i in range(8)))
    assert any(
        "metadata.csv names the images too; name it as the data" in note for note in open_source(top).notes
    )
    (top / "metadata.csv").write_text("file,place\n" + "".join(f"x/{i}.png,{i % 2}\n" for i in range(4)))
    assert open_source(top).notes == ()


@pytest.mark.parametrize(
    ("name", "reader"),
    [
        ("archive", "a zip of class folders"),
        ("data.npz", "a zip of class folders"),
        ("data.tar", "a zip of class folders"),
        ("data.h5", "a zip of class folders"),
    ],
)
def test_a_zip_is_known_by_its_content(tmp_path, name, reader):
    assert open_source(pack(tmp_path / name, photos("cats", "dogs"))).layout == reader


@pytest.mark.parametrize("name", ["arrays", "a.zip", "a.h5", "a.hdf"])
@pytest.mark.parametrize("kind", ["npz", "h5"])
def test_arrays_are_known_by_their_content(tmp_path, name, kind):
    x, y = np.arange(12 * 192, dtype=np.uint16).astype(np.uint8).reshape(12, 8, 8, 3), np.arange(12) % 2
    if kind == "npz":
        np.savez(tmp_path / "a.npz", x=x, y=y)
    else:
        with h5py.File(tmp_path / "a.npz", "w") as file:
            file["x"], file["y"] = x, y
    (tmp_path / "a.npz").rename(tmp_path / name)
    assert (open_source(tmp_path / name).layout, len(open_source(tmp_path / name))) == (
        "arrays in one file",
        12,
    )


def test_a_tar_is_known_by_its_content(tmp_path):
    path = pack_tar(tmp_path / "a.zip", photos("cats", "dogs"), tmp_path / "unpacked")
    assert open_source(path).layout == "a tar of class folders"
