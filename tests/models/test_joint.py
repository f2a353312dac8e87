"""The joint embedder: what it finds, what it is fed, and that ConSE's block is ConSE."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from skimage import data

from gistchain.collection.known import dicebear, nouns
from gistchain.colours import COLOURS
from gistchain.models.packaged import joint
from gistchain.models.packaged.joint import ConSE, JointDefault
from gistchain.models.packaged.minilm import MiniLM
from gistchain.models.packaged.networks import class_names, network
from gistchain.types import JointEmbedder, Pixels

PHOTOS = {
    "a cat": data.chelsea(), "a cup of coffee": data.coffee(), "a rocket launch": data.rocket(),
    "a man with a camera on a tripod": np.repeat(data.camera()[..., None], 3, 2),
}  # fmt: skip


@pytest.fixture(params=[JointDefault, ConSE], scope="module")
def model(request: pytest.FixtureRequest) -> JointEmbedder:
    made: JointEmbedder = request.param()
    return made


def on(colour: str, figure: str = "white") -> Pixels:
    """A disc on a plain background."""
    y, x = np.mgrid[:64, :64]
    disc = (y - 36) ** 2 + (x - 32) ** 2 < 18**2
    return np.where(disc[..., None], COLOURS[figure], COLOURS[colour]).astype(np.uint8)


def test_it_is_a_joint_embedder_of_unit_vectors(model: JointEmbedder) -> None:
    assert isinstance(model, JointEmbedder)
    texts = model.text.embed(
        ["", "a red hat", "A picture of Nouns, containing red body", "\N{DOG FACE}", "word " * 900]
    )
    images = model.image.embed([np.zeros((1, 1, 3), np.uint8), data.coffee(), np.full((9, 300, 3), 255, np.uint8)])
    assert texts.shape[1] == images.shape[1]
    for rows in (texts, images):
        assert rows.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-4)


def test_nothing_gives_no_rows(model: JointEmbedder) -> None:
    size = model.text.embed(["a"]).shape[1]
    assert model.text.embed([]).shape[0] == 0
    assert model.image.embed([]).shape == (0, size)


def test_a_vector_does_not_depend_on_its_neighbours(model: JointEmbedder) -> None:
    images = list(PHOTOS.values())
    assert (model.image.embed(images)[1] == model.image.embed(images[1:2])[0]).all()
    assert (model.text.embed(list(PHOTOS))[1] == model.text.embed(list(PHOTOS)[1:2])[0]).all()


def test_texts_find_their_photos(model: JointEmbedder) -> None:
    found = model.text.embed(list(PHOTOS)) @ model.image.embed(list(PHOTOS.values())).T
    assert (found.argmax(1) == np.arange(len(PHOTOS))).sum() >= 3


def test_words_for_colours_find_backgrounds() -> None:
    names = ["red", "green", "blue", "yellow", "black", "pink"]
    model = JointDefault()
    images = model.image.embed([on(name) for name in names])
    for form in ("{} background color", "A picture of Dots, containing {} background color", "a {} background"):
        found = model.text.embed([form.format(name) for name in names]) @ images.T
        assert (found.argmax(1) == np.arange(len(names))).sum() >= 5, form


def test_a_noun_is_found_by_its_caption_among_its_siblings() -> None:
    tokens = nouns.tokens(nouns.sample(24, rng=np.random.default_rng(11), held=False))
    captions = [tokens.caption(k) for k in range(24)]
    ranks = {}
    for model in (JointDefault(), ConSE()):
        found = model.text.embed(captions) @ model.image.embed(list(tokens.images)).T
        ranks[model.name] = (found >= np.diag(found)[:, None]).sum(1)
    assert np.median(ranks["joint-default"]) < 0.5 * np.median(ranks["conse"])


def test_the_order_of_a_captions_phrases_does_not_matter() -> None:
    one, other = JointDefault().text.embed(
        ["A picture of Nouns, containing red body, cow head", "A picture of Nouns, containing cow head, red body"]
    )
    assert one @ other == pytest.approx(1, abs=1e-5)


def test_conse_is_what_its_formula_says() -> None:
    for image in (data.coffee(), dicebear.avatar("critters", {"seed": "train-1"}, 64)):
        probabilities = network().run(image).probabilities
        first = np.argsort(-probabilities)[:10]
        expected = probabilities[first] @ MiniLM().embed([class_names()[k] for k in first])
        found = ConSE().image.embed([image])[0]
        assert found @ expected / np.linalg.norm(expected) == pytest.approx(1, abs=1e-3)  # names are stored as int8


def test_what_the_heads_read_of_an_image_says_where_its_colours_are() -> None:
    picture = on("red", "blue")
    numbers = joint.image_numbers(picture, network().run(picture))
    assert numbers.shape == (joint.image_numbers_size(),)
    by_place = numbers[: joint.PLACES * 53].reshape(joint.PLACES, 53) ** 2
    np.testing.assert_allclose(by_place.sum(1), 1, atol=1e-4)
    red, blue = (joint.named_colours(name) for name in ("red", "blue"))
    assert by_place[1] @ red > 0.9 * red @ red  # the rim
    assert by_place[3] @ blue > 0.9 * blue @ blue  # the middle
    assert by_place[7] @ blue > 0.9 * blue @ blue  # what is not the background


def test_what_the_heads_read_of_a_text() -> None:
    found = joint.phrase_numbers("A picture of Planets, containing thin ring, dark blue moon color", MiniLM())
    assert found["phrases"].shape == (3, 384)
    assert found["kinds"].tolist() == [[1, 0], [0, 0], [0, 0]]
    np.testing.assert_allclose(found["colours"].sum(1), [0, 0, 1], atol=1e-5)
    np.testing.assert_array_equal(found["bare"][2], MiniLM().embed(["moon color"])[0])
    assert joint.phrase_numbers("", MiniLM())["kinds"].tolist() == [[0, 1]]


def test_the_committed_figures_are_above_conse_on_collections_and_photos_alike() -> None:
    path = Path(__file__).parents[2] / "benchmarks" / "results" / "retrieval.json"
    figures = json.loads(path.read_text("utf-8"))["figures"]
    together, photos = figures["tokens"]["together"], figures["photos"]
    assert figures["tokens"]["n"] == 1000
    assert together["joint-default"]["recall@1 95%"][0] > 20 * together["chance"]["recall@1"]
    assert together["joint-default"]["recall@1 95%"][0] > together["conse"]["recall@1 95%"][1]
    assert photos["joint-default"]["recall@1"] >= photos["conse"]["recall@1"]
    assert photos["joint-default"]["recall@10"] >= photos["conse"]["recall@10"]
