"""POST /predict gives what `residual predict` computes, for every form of request."""

import base64

import msgspec
import numpy as np
import pytest
from PIL import Image

from residual.data.image_file import read_image
from tests.serving.conftest import BLUE, RED, encode_image

GREEN = encode_image(Image.new("RGB", (9, 9), (0, 180, 10)))


def post(client, body, kind="image/png", query=""):
    return client.post(f"/predict{query}", content=body, headers={"Content-Type": kind})


def make_noise(*shape, dtype=np.uint8):
    return np.random.default_rng(3).integers(0, np.iinfo(dtype).max, shape).astype(dtype)


def make_turned() -> Image.Exif:
    """EXIF facts that say that the camera was held upright."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


@pytest.mark.parametrize(
    "content",
    [
        encode_image(make_noise(31, 50, 3)),
        encode_image(make_noise(200, 300, 3), "JPEG", quality=90),
        encode_image(make_noise(20, 60, 4)),
        encode_image(make_noise(30, 20, dtype=np.uint16)),
        encode_image(make_noise(30, 20)),
        encode_image(make_noise(64, 48, 3), "JPEG", exif=make_turned()),
        encode_image(make_noise(16, 16, 3), "WEBP", lossless=True),
    ],
    ids=["png", "jpeg", "transparent", "16 bits", "grey", "turned", "webp"],
)
def test_probabilities_are_those_of_predict(client, engine, content):
    direct = engine.predict(read_image(content, engine.card.image_size, white=engine.card.white)[None])[0]
    answer = post(client, content).json()["predictions"][0]
    assert [answer["probabilities"][name] for name in engine.card.classes] == [
        float(value) for value in direct
    ]
    assert answer["label"] == engine.card.classes[direct.argmax()]
    assert answer["probability"] == float(direct.max())


def test_the_cards_white_is_used(engine, client_with):
    content = encode_image(np.full((8, 8), 1000, np.uint16))
    before = engine.card
    try:
        engine.card = msgspec.structs.replace(before, white=4000.0)
        image = client_with().post("/explain", content=content).json()["seen"]
    finally:
        engine.card = before
    seen = read_image(base64.b64decode(image.partition(",")[2]))
    assert np.unique(seen).tolist() == [64]  # 1000 of 4000, not of 65,535


@pytest.mark.parametrize(
    "kind", ["image/png", "application/octet-stream", "image/a; x=y", "application/x-www-form-urlencoded"]
)
def test_raw_bytes_may_have_any_of_these_types(client, kind):
    assert post(client, RED, kind).json()["predictions"][0]["label"] == "red"


def test_a_body_without_a_type_is_an_image(client):
    answer = client.post("/predict", content=RED).json()
    assert answer["model"] == "colours"
    assert answer["predictions"][0]["image"] == "The image"


def test_a_form_may_have_many_files(client):
    files = [("image", ("a.png", RED)), ("image", ("b.jpg", BLUE)), ("other", ("ünder <b>.png", GREEN))]
    answer = client.post("/predict", files=files, data={"top": "1"}).json()
    rows = [(one["image"], one["label"], len(one["probabilities"])) for one in answer["predictions"]]
    assert rows == [("a.png", "red", 1), ("b.jpg", "blue", 1), ("ünder <b>.png", "green", 1)]


def test_json_may_have_one_image_or_many(client):
    red, blue = base64.b64encode(RED).decode(), base64.b64encode(BLUE).decode()
    assert client.post("/predict", json={"image": red}).json()["predictions"][0]["label"] == "red"
    answer = client.post(
        "/predict", json={"images": [red, f"data:image/jpeg;base64,{blue}"], "top": 2}
    ).json()
    assert [(one["image"], one["label"], len(one["probabilities"])) for one in answer["predictions"]] == [
        ("image 1", "red", 2),
        ("image 2", "blue", 2),
    ]


def test_top_takes_the_highest_and_never_more_than_there_are(client):
    for top, expected in ((1, ["red"]), (2, ["red", "green"]), (1_000_000, ["red", "green", "blue"])):
        answer = post(client, RED, query=f"?top={top}").json()
        assert list(answer["predictions"][0]["probabilities"]) == expected


@pytest.mark.parametrize("top", ["0", "-1", "1.5", "NaN", "inf", "1" * 5000, "1000001", "", "²", "two"])
def test_top_must_be_a_whole_number_in_range(client, top):
    answer = client.post("/predict", content=RED, params={"top": top})
    assert (answer.status_code, answer.json()["error"][:46]) == (
        422,
        "top must be a whole number from 1 to 1,000,000",
    )


def test_one_bad_image_of_many_is_named(client):
    answer = client.post("/predict", files=[("image", ("a.png", RED)), ("image", ("notes.txt", b"hello"))])
    assert answer.status_code == 422
    assert answer.json()["error"].startswith("notes.txt is not an image that can be read")


def test_the_card_is_shown(client, engine):
    assert client.get("/model").json() == {
        **{
            name: list(value) if isinstance(value, tuple) else value
            for name, value in engine.card.to_dict().items()
        },
        "runtime": engine.runtime,
    }
