"""The size that photos are scaled to: the table, and what it is read from."""

import pytest

from residual.data.load import open_source
from residual.data.photo_size import choose_photo_size, fit_side, has_photos
from residual.training.job import make_job
from residual.training.options import TrainOptions
from residual.training.reload import reload_data
from tests.support.image_files import pack, png
from tests.support.made import QUICK, save_npz, striped


@pytest.mark.parametrize(
    ("median", "count", "side"),
    [
        (20, 100, 64),
        (95, 100, 64),
        (96, 100, 96),
        (100, 100, 96),
        (3000, 100, 128),
        (3000, 2_441, 128),
        (3000, 2_442, 96),
        (3000, 5_000, 64),
        (3000, 1_000_000, 64),
        (40, 1_000_000, 64),
    ],
)
def test_the_side_follows_the_photos_and_their_number(median, count, side):
    assert fit_side(median, count).side == side


def test_the_reason_names_the_photos_and_what_limits():
    assert fit_side(100, 200).reason == (
        "photos are scaled to 96x96 pixels: their shorter sides have 100 pixels (median)"
    )
    assert fit_side(375, 12_000).reason == (
        "photos are scaled to 64x64 pixels: their shorter sides have 375 pixels (median), but 12,000 photos take long "
        "to train at a larger size"
    )


@pytest.fixture
def folder(tmp_path):
    """Photos of two classes, 100x120 pixels and one of 20x30; one file is damaged, the test photos are larger."""
    for name, grey in (("cats", 0), ("dogs", 100)):
        place = tmp_path / "pets" / "train" / name
        place.mkdir(parents=True)
        for i in range(12):
            (place / f"{i}.png").write_bytes(png(grey + i, (100, 120) if i else (20, 30)))
        (tmp_path / "pets" / "test" / name).mkdir(parents=True)
        (tmp_path / "pets" / "test" / name / "a.png").write_bytes(png(grey + 90, (600, 600)))
    (tmp_path / "pets" / "train" / "cats" / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    return tmp_path / "pets"


def test_headers_of_training_photos_are_read(folder):
    assert choose_photo_size(open_source(folder)) == fit_side(100, 24)


def test_a_zip_is_read_too(tmp_path):
    content = {f"{name}/{i}.png": png(i, (130, 200)) for name in ("cats", "dogs") for i in range(4)}
    assert choose_photo_size(open_source(pack(tmp_path / "pets.zip", content))).side == 128


def test_arrays_keep_their_size(tmp_path):
    assert not has_photos(open_source(save_npz(tmp_path / "stripes.npz", striped())))


def test_training_says_the_size_and_takes_it_again(folder):
    options = TrainOptions(str(folder), recipe=QUICK)
    job = make_job(options)
    assert job.data.size == (96, 96)
    assert fit_side(100, 24).reason in job.data.notes
    assert "image_size" not in job.record.train, "nobody asked for it"
    for photo in (folder / "train").glob("*/*.png"):
        if not photo.name.startswith("1."):
            photo.write_bytes(png(int(photo.stem), (40, 40)))
    assert make_job(options).data.size == (64, 64)
    again = reload_data(job.record)
    assert again.size == (96, 96)
    assert not any("scaled" in note for note in again.notes)


def test_a_size_that_is_asked_for_is_taken(folder):
    job = make_job(TrainOptions(str(folder), recipe=QUICK, image_size=40))
    assert job.data.size == (40, 40)
    assert not any("scaled" in note for note in job.data.notes)
