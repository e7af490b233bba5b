"""Small valid files of every kind that the readers take, made here so that none has to be kept."""

import csv
import io
import json
import pickle
import tarfile
import zipfile

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.io
import tomli_w
from PIL import Image, features

from residual.runs.record import convert_version_0_1
from residual.training.recipes import CIFAR10_PAPER, IMAGES, NOTEBOOK_E, SIGNS


def picture(mode: str = "RGB", size: int = 8, number: int = 0) -> Image.Image:
    """A gradient that differs by its number."""
    ramp = np.arange(size * size, dtype=np.uint8).reshape(size, size) * 3 + number
    rgb = Image.fromarray(np.stack([ramp, ramp.T, np.full_like(ramp, number)], -1))
    if mode == "I;16":
        return Image.fromarray(ramp.astype(np.uint16) * 200)
    return rgb.convert(mode)


def encoded(kind: str, mode: str = "RGB", number: int = 0, **options) -> bytes:
    """One image file."""
    file = io.BytesIO()
    picture(mode, number=number).save(file, kind, **options)
    return file.getvalue()


def images() -> list[bytes]:
    """Every format with its modes and compressions, EXIF and animations."""
    exif = Image.Exif()
    exif[0x0112] = 6
    files = [encoded("PNG", mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")]
    files += [encoded("PNG", "P", transparency=3), encoded("PNG", exif=exif)]
    files += [encoded("JPEG", mode) for mode in ("L", "RGB", "CMYK")]
    files += [encoded("JPEG", progressive=True), encoded("JPEG", exif=exif)]
    files += [encoded("WEBP"), encoded("WEBP", "RGBA", lossless=True), encoded("WEBP", exif=exif)]
    files += [encoded("BMP", mode) for mode in ("1", "L", "P", "RGB", "RGBA")]
    files += [encoded("GIF", "P"), encoded("GIF", "P", save_all=True, append_images=[picture("P", number=9)])]
    files += [encoded("WEBP", save_all=True, append_images=[picture(number=9)])]
    files += [encoded("TIFF", mode) for mode in ("1", "L", "RGB", "RGBA", "CMYK", "F", "I", "I;16", "LAB")]
    files += [encoded("PPM", mode) for mode in ("1", "L", "RGB")]
    files += [encoded("AVIF")] * features.check("avif") + [encoded("JPEG2000")] * features.check("jpg_2000")
    packings = ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "group4")
    files += [encoded("TIFF", "1" if kind == "group4" else "RGB", compression=kind) for kind in packings]
    return files


def _arrays(count: int = 6, size: int = 4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (count, size, size, 3), np.uint8), np.arange(count) % 2


def _h5(arrays: dict, version: str = "earliest", **options) -> bytes:
    file = io.BytesIO()
    with h5py.File(file, "w", libver=(version, "latest")) as target:
        for name, values in arrays.items():
            target.create_dataset(name, data=values, **(options if np.ndim(values) > 1 else {}))
    return file.getvalue()


def hdf5() -> list[bytes]:
    """Both parts in one file, old and new layouts, with and without compression; a pair of other names."""
    x, y = _arrays()
    both = {
        f"{part}_set_{kind}": values for part in ("train", "test") for kind, values in (("x", x), ("y", y))
    }
    named = {**both, "list_classes": np.array([b"cat", b"dog"])}
    packed = {"chunks": (2, 4, 4, 3), "compression": "gzip"}
    return [
        _h5(both),
        _h5(named),
        _h5(both, "latest"),
        _h5(named, **packed),
        _h5(both, "latest", chunks=(2, 4, 4, 3), compression="lzf", fletcher32=True),
        _h5({"group/photos": x, "group/kinds": y.astype(np.uint8)}),
        _h5({"x": x[..., 0], "y": y, "classes": np.array(["a", "b"], dtype=h5py.string_dtype())}),
    ]


def npz() -> list[bytes]:
    """The usual names, other names, compressed and not."""
    x, y = _arrays()
    contents = (
        {"x": x, "y": y},
        {"x": x[..., 0], "y": y, "classes": np.array(["cat", "dog"])},
        {"x_train": x, "y_train": y, "x_test": x, "y_test": y[:, None]},
        {"photos": x, "kinds": y.astype(np.int8)},
    )
    files = []
    for content in contents:
        for save in (np.savez, np.savez_compressed):
            file = io.BytesIO()
            save(file, **content)
            files.append(file.getvalue())
    return files


def parquet() -> list[bytes]:
    """Hugging Face's layout, with and without class names, by several compressions and encodings."""
    cells = [{"bytes": encoded("PNG", number=i), "path": f"{i}.png"} for i in range(6)]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    plain = pa.table({"image": pa.array(cells, kind), "label": [0, 1] * 3})
    info = {"info": {"features": {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}}}
    named = plain.replace_schema_metadata({"huggingface": json.dumps(info)})
    ways = (
        (plain, {}),
        (named, {"compression": "none", "use_dictionary": False}),
        (named, {"compression": "zstd", "row_group_size": 2}),
        (plain, {"compression": "gzip", "data_page_version": "2.0"}),
    )
    files = []
    for table, options in ways:
        file = io.BytesIO()
        pq.write_table(table, file, store_schema=False, **options)
        files.append(file.getvalue())
    return files


def batches() -> list[bytes]:
    """One CIFAR-10 batch of an image in every protocol of pickle."""
    batch = {b"data": np.arange(3072, dtype=np.uint16).astype(np.uint8)[None], b"labels": [3]}
    return [pickle.dumps(batch, protocol=protocol) for protocol in range(6)]


def tars() -> list[bytes]:
    """The archive of CIFAR-10 with an image per batch."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"):
            content = batches()[2]
            info = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return [file.getvalue()]


def _tar(files: dict[str, bytes], mode: str) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def folder_tars() -> list[bytes]:
    """Class folders, packed and not, with splits and without."""
    one = {f"{name}/{i}.png": encoded("PNG", number=i) for name in ("cats", "dogs") for i in range(3)}
    two = {f"top/{split}/{name}": content for split in ("train", "test") for name, content in one.items()}
    return [_tar(one, "w"), _tar(one, "w:gz"), _tar(two, "w:xz")]


def shards() -> list[bytes]:
    """WebDataset shards with labels as numbers, text and JSON."""
    labels = (("cls", b"%d"), ("cls", b"cat%d"), ("json", b'{"label": %d}'))
    files = []
    for ending, label in labels:
        held: dict[str, bytes] = {"a.cls": b"0"}
        for i in range(4):
            held |= {f"{i:06}.png": encoded("PNG", number=i), f"{i:06}.{ending}": label % (i % 2)}
        files.append(_tar(held, "w"))
    return files


def cifar100() -> list[bytes]:
    """The archive of CIFAR-100 with two images in each split."""
    held = {b"data": np.zeros((2, 3072), np.uint8), b"fine_labels": [0, 1], b"coarse_labels": [0, 0]}
    meta = {b"fine_label_names": [b"ant", b"bee"], b"coarse_label_names": [b"insect"]}
    files = {name: pickle.dumps(held, protocol=2) for name in ("train", "test")}
    files["meta"] = pickle.dumps(meta, protocol=2)
    return [_tar({f"cifar-100-python/{name}": content for name, content in files.items()}, "w:gz")]


def idx() -> list[bytes]:
    """Images of MNIST's format; the labels stand beside them."""
    x = np.arange(6 * 16, dtype=np.uint8)
    return [b"\0\0\x08\x03" + np.array([6, 4, 4], ">u4").tobytes() + x.tobytes()]


def stl10() -> list[bytes]:
    """Two images of 96x96 in three planes."""
    return [np.arange(2 * 3 * 96 * 96, dtype=np.uint32).astype(np.uint8).tobytes()]


def image_npz() -> list[bytes]:
    """Images alone, in a file with one array; the labels stand beside them."""
    x, _ = _arrays()
    files = []
    for save in (np.savez, np.savez_compressed):
        file = io.BytesIO()
        save(file, x=x)
        files.append(file.getvalue())
    return files


def cocos() -> list[bytes]:
    """COCO's JSON of eight images, with annotations and without."""
    held = {
        "images": [{"id": i, "file_name": f"{i}.png"} for i in range(8)],
        "annotations": [{"image_id": i, "category_id": i % 2, "bbox": [0, 0, 1, 1]} for i in range(8)],
        "categories": [{"id": i, "name": name} for i, name in enumerate(("cat", "dog"))],
    }
    own = {
        **held,
        "images": [{**row, "category_id": row["id"] % 2} for row in held["images"]],
        "annotations": [],
    }
    return [json.dumps(content).encode() for content in (held, own)]


def jsons() -> list[bytes]:
    """A list of objects, and names with their labels."""
    rows = [{"path": f"{i}.png", "label": i % 2} for i in range(8)]
    return [json.dumps(content).encode() for content in (rows, {row["path"]: row["label"] for row in rows})]


def texts() -> list[bytes]:
    """Lists of names and labels, with each separator."""
    return ["\n".join(f"{i}.png{sign}{i % 2}" for i in range(8)).encode() for sign in (" ", "\t", ",", "  ")]


def lists() -> list[bytes]:
    """Names of training images, with endings and labels and without."""
    return [
        "\n".join(f"{place}{name}/{i}{end}" for name in ("cats", "dogs") for i in range(2)).encode()
        for place, end in (("", ""), ("images/", ".png"), ("", ".png 0"))
    ]


def npy() -> list[bytes]:
    """Images as bytes, floats, channels first and flat; the labels stand beside them."""
    x, _ = _arrays()
    files = []
    for array in (x, x / 255, x.transpose(0, 3, 1, 2), x.astype(np.int64)):
        file = io.BytesIO()
        np.save(file, array)
        files.append(file.getvalue())
    return files


def mats() -> list[bytes]:
    """SVHN's arrays, compressed and not."""
    x, y = _arrays()
    files = []
    for packed in (False, True):
        file = io.BytesIO()
        scipy.io.savemat(file, {"X": x.transpose(1, 2, 3, 0), "y": y[:, None] + 1}, do_compression=packed)
        files.append(file.getvalue())
    return files


def pixel_tables() -> list[bytes]:
    """Pixels in columns, with a header and without, and in one cell."""
    rows = [[i % 2, *((np.arange(81) * 3 + i) % 256).tolist()] for i in range(6)]
    plain = "\n".join(",".join(map(str, row)) for row in rows)
    header = ",".join(["label", *(f"pixel{i}" for i in range(81))])
    cells = "\n".join(f"{row[0]},{' '.join(map(str, row[1:]))},Training" for row in rows)
    return [text.encode() for text in (plain, f"{header}\n{plain}", f"emotion,pixels,Usage\n{cells}")]


def zips() -> list[bytes]:
    """Class folders, alone and in parts, by the methods that zip knows."""
    layouts = (("cats", "dogs"), ("train/1", "train/2", "test/1", "test/2"), ("top/train/a", "top/train/b"))
    methods = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA)
    files = []
    for layout, method in zip(layouts, methods, strict=True):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", method) as archive:
            for number, folder in enumerate(layout):
                for i in range(3):
                    archive.writestr(f"{folder}/{i}.png", encoded("PNG", number=10 * number + i))
            archive.writestr(f"{layout[0]}/notes.txt", b"no image")
        files.append(file.getvalue())
    return files


def _rows() -> list[dict]:
    parts = ("train", "train", "val", "test")
    return [
        {"path": f"{i}.png", "label": "ab"[i % 2], "split": part, "group": i // 2}
        for i, part in enumerate(parts * 2)
    ]


def csvs() -> list[bytes]:
    """A table with all columns, and one with two; one-hot, semicolons, no header."""
    files = [
        b"filename; cat; dog\n" + b"".join(b"%d.png; %d; %d\n" % (i, i % 2, 1 - i % 2) for i in range(8)),
        b"".join(b"%d.png,%d\n" % (i, i % 2) for i in range(8)),
    ]
    for columns in (["path", "label", "split", "group"], ["path", "label"]):
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(_rows())
        files.append(text.getvalue().encode())
    return files


def jsonl() -> list[bytes]:
    """The same rows, an object per line."""
    return ["\n".join(json.dumps(row) for row in _rows()).encode()]


def recipes() -> list[bytes]:
    """Recipes with every kind of schedule and several augmentations."""
    mixing = [{"kind": "mixup"}, {"kind": "cutmix"}, {"kind": "cutout"}, {"kind": "randaugment"}]
    tables = [recipe.to_table() for recipe in (SIGNS, CIFAR10_PAPER, IMAGES, NOTEBOOK_E)]
    tables.append({**SIGNS.to_table(), "augment": mixing})
    return [tomli_w.dumps({"recipe": table}).encode() for table in tables]


def runs() -> list[bytes]:
    """What the files of a run folder say: run.toml, report.json and log.csv, a null byte between them."""
    counts = {f"{split}_images": 10 for split in ("train", "validation", "test")}
    data = {"asked": "digits", "classes": ["0", "1"], "test_fingerprint": "00", "source": "digits", "size": 8}
    network = {"name": "cifar-resnet8", "source": "", "spec": {"name": "cifar-resnet8"}}
    old = {"started": "2026-11-24T10:00:00+0000", "seed": 0, "precision": "float32", "network": network}
    old |= {
        "data": {**data, **counts, "image_size": [8, 8]},
        "recipe": SIGNS.to_table(),
        "machine": {"cores": 2},
    }
    report = {"validation": {"accuracy": 0.5, "n": 10}, "test": {"accuracy": 0.5}}
    log = "epoch,loss,accuracy\n1,0.5,0.25\n2,0.25,0.5\n"
    records = (old, convert_version_0_1(old))
    return ["\0".join((tomli_w.dumps(record), json.dumps(report), log)).encode() for record in records]
