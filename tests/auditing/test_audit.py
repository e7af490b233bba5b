"""The audit finds exactly what was planted, in every kind of data."""

import io
import json
import zipfile

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance
from typer.testing import CliRunner

from residual.auditing import scan
from residual.auditing.audit import audit_source
from residual.auditing.checks import CHECKS, SLOW_CHECKS, suspect_label
from residual.auditing.finding import HURTS, NOTE
from residual.auditing.report_html import save_page
from residual.auditing.report_text import print_audit
from residual.auditing.similar import hash_perceptually
from residual.cli import app
from residual.data import image_file
from residual.data.image_file import QUIET
from residual.data.load import open_source
from residual.errors import DataError
from tests.support.image_files import write_cifar


def residual(*words: str) -> tuple[int, str]:
    """Run the command in this process; (exit code, standard output)."""
    result = CliRunner().invoke(app, list(words))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout


def scene(seed: int, side: int = 48) -> Image.Image:
    """A picture like no other: smooth random colours, and noise."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (5, 5, 3), np.uint8)).resize(
        (side, side), Image.Resampling.BICUBIC
    )
    noise = rng.integers(-8, 9, (side, side, 3))
    return Image.fromarray((np.asarray(coarse).astype(int) + noise).clip(0, 255).astype(np.uint8))


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.fixture
def photos(tmp_path):
    """train (2 x 10), val (2 x 3) and test (2 x 5) images, all different."""
    top, seed = tmp_path / "photos", 0
    for part, count in (("train", 10), ("val", 3), ("test", 5)):
        for name in ("cat", "dog"):
            (top / part / name).mkdir(parents=True)
            for i in range(count):
                (top / part / name / f"{i}.png").write_bytes(encoded(scene(seed)))
                seed += 1
    return top


def kinds(found) -> dict[str, int]:
    return {finding.kind: finding.count for finding in found.findings}


def names(found, kind: str) -> list[tuple[str, ...]]:
    return [
        tuple(found.source.names[i] for i in case.images)
        for finding in found.findings
        if finding.kind == kind
        for case in finding.cases
    ]


def test_clean_data_is_clean(photos):
    found = audit_source(open_source(photos))
    assert (kinds(found), found.ok, len(found.source)) == ({}, True, 36)


def test_files_that_cannot_be_read(photos, monkeypatch):
    cats = photos / "train" / "cat"
    whole = encoded(scene(999), "JPEG")
    for name, content in {
        "a.jpg": b"",
        "b.jpg": whole[: len(whole) // 2],
        "c.jpg": b"\n<!DOCTYPE html><html><body>404 not found</body></html>",
        "d.gif": "image not found é".encode(),
        "e.png": bytes(range(256)),
        "f.png": encoded(Image.new("1", (400, 400))),
        "g.png": encoded(scene(998))[:-30],
    }.items():
        (cats / name).write_bytes(content)
    (cats / "h.png").mkdir()
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100_000)
    found = audit_source(open_source(photos))
    assert (kinds(found), found.ok) == ({"unreadable": 7}, False)
    said = {
        found.source.names[case.images[0]][-5:]: case.note.split(":")[0] for case in found.findings[0].cases
    }
    assert said == {
        "a.jpg": image_file.EMPTY,
        "b.jpg": image_file.CUT,
        "c.jpg": image_file.TEXT,
        "d.gif": image_file.TEXT,
        "e.png": image_file.UNKNOWN,
        "f.png": image_file.HUGE,
        "g.png": image_file.CUT,
    }
    assert found.findings[0].says.startswith("7 images cannot be read: 2 cut short, 2 a text or web page, ")


def test_leaks_two_labels_and_repeats_by_pixels(photos):
    again = encoded(Image.open(photos / "train/cat/3.png"), compress_level=0)  # other bytes, the same pixels
    (photos / "test/cat/again.png").write_bytes(again)
    (photos / "val/cat/again.png").write_bytes(again)
    (photos / "train/dog/again.png").write_bytes(encoded(Image.open(photos / "train/cat/5.png")))
    (photos / "train/cat/again.png").write_bytes(encoded(Image.open(photos / "train/cat/6.png")))
    found = audit_source(open_source(photos))
    assert not found.ok
    assert [(finding.kind, finding.count, finding.hurts) for finding in found.findings] == [
        ("leak", 1, True),
        ("leak", 1, True),
        ("leak", 1, True),
        ("two-labels", 1, True),
        ("repeat", 2, False),
    ]
    assert names(found, "leak") == [
        ("val/cat/again.png", "train/cat/3.png"),
        ("test/cat/again.png", "train/cat/3.png"),
        ("test/cat/again.png", "val/cat/again.png"),
    ]
    assert names(found, "two-labels") == [("train/cat/5.png", "train/dog/again.png")]
    assert found.findings[3].cases[0].note == "cat and dog"


CHANGES = {
    "compressed": lambda image: Image.open(io.BytesIO(encoded(image, "JPEG", quality=50))),
    "smaller": lambda image: image.resize((24, 24), Image.Resampling.BILINEAR),
    "larger": lambda image: image.resize((100, 100), Image.Resampling.BICUBIC),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.15),
    "flatter": lambda image: ImageEnhance.Contrast(image).enhance(0.8),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_same_picture_stored_again_is_nearly_the_same(photos, change):
    changed = CHANGES[change](Image.open(photos / "train/cat/3.png"))
    (photos / "test/dog/again.png").write_bytes(encoded(changed))
    (photos / "train/cat/more.png").write_bytes(
        encoded(CHANGES[change](Image.open(photos / "train/cat/7.png")))
    )
    found = audit_source(open_source(photos))
    assert kinds(found) == {"near-leak": 1, "near-two-labels": 1, "near-repeat": 1}
    assert names(found, "near-leak") == [("test/dog/again.png", "train/cat/3.png")]
    assert names(found, "near-repeat") == [("train/cat/7.png", "train/cat/more.png")]
    assert not found.ok


def test_odd_images_and_files(photos):
    cats = photos / "train" / "cat"
    (cats / "really.png").write_bytes(encoded(scene(900), "JPEG"))
    (cats / "white.png").write_bytes(encoded(Image.new("RGB", (48, 48), "white")))
    (cats / "huge.png").write_bytes(encoded(scene(901, 200)))
    (cats / "notes.html").write_text("<p>")
    found = audit_source(open_source(photos))
    assert kinds(found) == {"wrong-ending": 1, "other-file": 1, "one-colour": 1, "odd-size": 1}
    assert found.ok
    notes = {finding.kind: finding.cases[0].note for finding in found.findings}
    assert notes == {
        "wrong-ending": "is JPEG",
        "other-file": "train/cat/notes.html: no image",
        "one-colour": "",
        "odd-size": "200x200",
    }


def test_unequal_and_missing_classes(photos):
    for i in range(8):
        (photos / "train/dog" / f"{i}.png").unlink()
    for file in (photos / "test/cat").iterdir():
        file.unlink()
    found = audit_source(open_source(photos))
    assert [finding.says for finding in found.findings] == [
        "classes are unequal: 10 images of cat, 2 of dog",
        "1 class without test images: cat",
    ]


def everywhere(tmp_path):
    """The same 24 images, two of them equal, as every kind of data."""
    images = [scene(i) for i in range(23)] + [scene(0)]
    x, y = np.stack([np.asarray(image) for image in images]), np.arange(24) % 2
    pngs = [encoded(image) for image in images]
    np.savez(tmp_path / "a.npz", x=x, y=y)
    np.savez(tmp_path / "b.npz", x_train=x, y_train=y, x_test=x[:4] // 2, y_test=y[:4])
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file["pictures"], file["kinds"] = x, y
    (tmp_path / "d" / "files").mkdir(parents=True)
    with zipfile.ZipFile(tmp_path / "e.zip", "w") as archive:
        for i, content in enumerate(pngs):
            archive.writestr(f"photos/{'cat' if i % 2 else 'dog'}/{i}.png", content)
            (tmp_path / "d" / "files" / f"{i}.png").write_bytes(content)
    rows = "".join(f"files/{i}.png,{i % 2}\n" for i in range(24))
    (tmp_path / "d" / "all.csv").write_text("path,label\n" + rows)
    parquet = pytest.importorskip("pyarrow.parquet")
    pa = pytest.importorskip("pyarrow")
    cells = [{"bytes": content, "path": None} for content in pngs]
    parquet.write_table(pa.table({"image": cells, "label": y}), tmp_path / "f.parquet", row_group_size=7)
    return [tmp_path / name for name in ("a.npz", "b.npz", "c.h5", "d/all.csv", "e.zip", "f.parquet")]


def test_every_kind_of_data(tmp_path):
    for data in everywhere(tmp_path):
        found = audit_source(open_source(data))
        assert (
            kinds(found)["two-labels" if found.source.labels[0] != found.source.labels[23] else "repeat"] == 1
        ), data
        same = next(f for f in found.findings if f.kind in ("two-labels", "repeat")).cases[0].images
        assert sorted(
            found.source.open(i)[:9] if isinstance(found.source.open(i), bytes) else b"" for i in same
        )
        sizes = found.facts.size
        assert (sizes == 48).all(), data


def test_batches_and_archives_of_cifar10(tmp_path):
    found = audit_source(open_source(write_cifar(tmp_path / "cifar-10-python.tar.gz")))
    assert (len(found.source), found.source.names[20]) == (24, "test[0]")
    assert found.ok


def published_signs(shared_data, folder):
    """SIGNS as published, rebuilt: 1,080 and 120 images, 1,144 of them unique, 12 of the test images in training."""
    with h5py.File(shared_data / "signs" / "train_signs.h5") as file:
        x, y = file["train_set_x"][:], file["train_set_y"][:].ravel()
    with h5py.File(shared_data / "signs" / "test_signs.h5") as file:
        x_test, y_test = file["test_set_x"][:], file["test_set_y"][:].ravel()
    _, unique = np.unique(x.reshape(len(x), -1), axis=0, return_index=True)
    x, y = x[np.sort(unique)], y[np.sort(unique)]
    rng = np.random.default_rng(0)
    leaked, repeated = rng.choice(len(x), 12, replace=False), rng.choice(len(x), 44, replace=False)
    x_test, y_test = np.concatenate([x_test[:108], x[leaked]]), np.concatenate([y_test[:108], y[leaked]])
    x, y = np.concatenate([x, x[repeated]]), np.concatenate([y, y[repeated]])
    for part, images, labels in (("train", x, y), ("test", x_test, y_test)):
        with h5py.File(folder / f"{part}_signs.h5", "w") as file:
            file[f"{part}_set_x"], file[f"{part}_set_y"] = images, labels
    return leaked, repeated


@pytest.mark.shared
def test_the_twelve_leaks_and_44_repeats_of_signs(shared_data, tmp_path):
    leaked, repeated = published_signs(shared_data, tmp_path)
    found = audit_source(open_source(tmp_path))
    assert {kind: n for kind, n in kinds(found).items() if not kind.startswith("near")} == {
        "leak": 12,
        "repeat": 44,
    }
    assert {pair[1] for pair in names(found, "leak")} == {f"train[{i}]" for i in leaked}
    assert {pair[0] for pair in names(found, "leak")} == {f"test[{i}]" for i in range(108, 120)}
    assert sorted(pair[0] for pair in names(found, "repeat")) == sorted(f"train[{i}]" for i in repeated)
    assert not found.ok
    code, out = residual("audit", str(tmp_path))
    assert code == 1
    assert "12 test images also among the training images" in out


@pytest.mark.shared
def test_the_odd_sizes_of_the_digits_in_sign_language(shared_data):
    found = audit_source(open_source(shared_data / "sign_language_digits" / "sign_language_digits.zip"))
    assert (kinds(found), found.ok) == ({"odd-size": 3}, True)
    assert {case.note for case in found.findings[0].cases} == {"3024x3024"}


def test_planted_wrong_labels_are_found(tmp_path):
    source = open_source("digits")
    labels = source.labels.copy()
    rng = np.random.default_rng(0)
    wrong = rng.choice(len(labels), 90, replace=False)
    for i in wrong:
        source.labels[i] = (labels[i] + rng.integers(1, 10)) % 10
    (finding,) = suspect_label.find(scan.scan(source), source)
    flagged = {case.images[0] for case in finding.cases}
    assert len(flagged & set(wrong.tolist())) >= 80
    assert len(flagged - set(wrong.tolist())) <= 4
    right = [case.note == f"looks like {labels[case.images[0]]}" for case in finding.cases]
    assert np.mean(right) > 0.95


def test_leave_one_out_is_what_training_without_the_image_gives():
    rng = np.random.default_rng(0)
    features, labels = rng.normal(size=(30, 5)).astype(np.float32), np.arange(30) % 3
    answers = suspect_label.leave_one_out(features, labels, 3)
    rows = np.pad(features.astype(float), ((0, 0), (0, 1)), constant_values=30)
    targets = np.where(np.arange(3) == labels[:, None], 1.0, -1.0)
    for i in (0, 17):
        rest = np.arange(30) != i
        gram = rows[rest].T @ rows[rest] + suspect_label._RIDGE * np.eye(6)
        expected = rows[i] @ np.linalg.solve(gram, rows[rest].T @ targets[rest])
        np.testing.assert_allclose(answers[i], expected, atol=1e-3)


def test_the_hash_is_the_signs_of_low_frequencies():
    x = np.arange(16)
    wave = 128 + 100 * np.cos(np.pi * (2 * x + 1) / 32)  # the lowest frequency down, alone
    up, down = (np.repeat(values[:, None], 16, axis=1).round() for values in (wave, wave[::-1]))
    blocks = hash_perceptually(np.stack([up, down]).astype(np.uint8))
    assert blocks.shape == (2, 8)
    assert [int(block) >> 14 & 1 for block in blocks[:, 0]] == [1, 0]  # (1, 0) comes after (0, 1)


@given(
    st.binary(max_size=200),
    st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a", b"BM", b"II*\0", b"RIFF"]),
)
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_an_image_or_unreadable(content, magic):
    with QUIET:
        try:
            image, _ = image_file.decode_image(magic + content)
        except image_file.Unreadable as problem:
            assert problem.kind  # noqa: PT017
            return
    assert image.mode == "RGB"


def test_names_with_markup_do_no_harm(photos, capsys):
    evil = photos / "train/cat/<script>alert(1)<&script>.png"
    evil.write_bytes(encoded(scene(0)))  # repeats train/cat/0.png
    found = audit_source(open_source(photos))
    save_page(found, photos / "a.html")
    page = (photos / "a.html").read_text("utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;&amp;script&gt;.png" in page
    assert page.count('src="data:image/png;base64,') == 2
    assert "http" not in page.replace("http-equiv", "")
    from rich.console import Console

    (photos / "train/cat/\x1b[31m[bold]red.png").write_bytes(encoded(scene(1)))
    print_audit(audit_source(open_source(photos)), Console(force_terminal=False, width=60))
    assert "?[31m[bold]red.png" in capsys.readouterr().out


def test_a_page_replaces_only_a_page(photos):
    found = audit_source(open_source(photos))
    save_page(found, photos / "a.html")
    save_page(found, photos / "a.html")
    (photos / "b.html").write_text("mine")
    with pytest.raises(DataError, match=r"b\.html exists and is no page of an audit"):
        save_page(found, photos / "b.html")
    with pytest.raises(DataError, match=r"The page must end in \.html; got x\.txt"):
        save_page(found, "x.txt")
    assert (photos / "b.html").read_text() == "mine"


def test_the_command_and_its_json(photos):
    assert residual("audit", str(photos))[0] == 0
    (photos / "train/cat/empty.png").touch()
    code, out = residual("audit", str(photos), "--html", "a.html")
    assert code == 1
    assert "HURTS    1 image cannot be read: 1 empty" in out
    assert "verdict  1 finding would make results wrong: mend it first" in out
    code, out = residual("audit", str(photos), "--json", "--labels")
    report = json.loads(out)
    assert (code, report["ok"], report["images"], report["parts"]) == (
        1,
        False,
        37,
        {"train": 21, "validation": 6, "test": 10},
    )
    assert report["findings"][0]["cases"][0] == {
        "images": [{"name": "train/cat/empty.png", "part": "train", "label": "cat"}],
        "note": "empty",
    }
    assert residual("audit", "nowhere")[0] == 2
    assert residual("audit", str(photos), "--html", "a.pdf")[0] == 2


def test_what_the_data_is(photos):
    (photos / "train/cat/empty.png").touch()
    (photos / "train/cat/big.png").write_bytes(encoded(scene(700, 60)))
    code, out = residual("data", str(photos))
    assert code == 0
    lines = out.splitlines()
    assert lines[:5] == [
        "data     photos: class folders",
        f"source   {photos}",
        "images   38 of 2 classes",
        "size     48x48 (36), 60x60 (1); 1 cannot be read",
        "split    as the source has it",
    ]
    assert [line.split() for line in lines[6:]] == [
        ["class", "train", "validation", "test"],
        ["cat", "12", "3", "5"],
        ["dog", "10", "3", "5"],
    ]
    found = json.loads(residual("data", "digits", "--json")[1])
    assert (found["counts"]["test"]["3"], found["sizes"]) == (
        37,
        [{"width": 16, "height": 16, "images": 1797}],
    )
    assert not found["made_test"]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.KIND)
def test_no_check_finds_anything_in_clean_data(photos, check):
    source = open_source(photos)
    assert list(check.find(scan.scan(source), source)) == []


@pytest.mark.parametrize("check", [*CHECKS, *SLOW_CHECKS], ids=lambda check: check.KIND)
def test_every_check_says_what_it_is(check):
    assert check.SEVERITY in (HURTS, NOTE)
    assert check.DESCRIPTION.endswith(".")


def test_kinds_are_unique():
    kinds = [check.KIND for check in (*CHECKS, *SLOW_CHECKS)]
    assert len(set(kinds)) == len(kinds) == 16
