"""What gistchain uses unless told otherwise: layers of collections, models of punks and Nouns, photos."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from skimage import data

from gistchain.collection.known import nouns, pfp30
from gistchain.collection.tokens import Tokens
from gistchain.errors import RebuildError
from gistchain.models.default import DefaultCaptioner, DefaultPainter
from gistchain.models.layered.painter import CollectionPainter
from gistchain.models.layered.shelf import Shelf
from gistchain.models.packaged.minilm import MiniLM
from gistchain.models.photo.latent import PhotoLatent
from gistchain.models.thumb8 import Thumb8
from gistchain.models.zoo import weights
from gistchain.score.fidelity import psnr, ssim
from gistchain.types import Gist


@pytest.fixture(scope="module")
def captioner() -> DefaultCaptioner:
    return DefaultCaptioner()


@pytest.fixture(scope="module")
def painter() -> DefaultPainter:
    return DefaultPainter(MiniLM())


@pytest.fixture(scope="module")
def sprouts() -> Tokens:
    return pfp30.held_out("sprouts", 3, size=128)


def test_every_training_collection_but_punks_and_nouns_has_layers() -> None:
    shelf = {entry.collection for entry in Shelf().collections}
    assert shelf == set(pfp30.TRAINING) - {"punks", "nouns"}
    assert not shelf & set(pfp30.TEST + pfp30.VALIDATION)


@pytest.mark.parametrize("name", [entry.name for entry in Shelf().collections])
def test_layers_are_those_of_their_card_and_the_card_says_where_they_come_from(name: str) -> None:
    card = weights.card(name)
    assert weights.weights(name, suffix=".layers")  # held against its sha256
    assert card["data"]
    assert card["licence"]
    assert card["cpu_minutes"] > 0
    assert f"collection-{card['collection']}" == name


def test_a_token_of_a_collection_is_read_and_painted_back(
    captioner: DefaultCaptioner, painter: DefaultPainter, sprouts: Tokens
) -> None:
    for number in range(len(sprouts)):
        image = sprouts.image(number)
        said = captioner.caption(image)
        assert said.text.startswith("A picture of Sprouts, containing ")
        assert said.confidence > 0.5
        (painted,) = painter.paint(Gist((sprouts.caption(number),), (128, 128)), [0])
        assert ssim(image, painted) > 0.9


def test_nouns_keep_their_own_captioner(captioner: DefaultCaptioner) -> None:
    token = nouns.tokens(nouns.sample(1, rng=np.random.default_rng(8), held=False))
    assert captioner.caption(token.image(0)).text == token.caption(0)


def test_a_photo_is_described_as_a_photo(captioner: DefaultCaptioner) -> None:
    for image in (data.chelsea(), data.coffee(), data.rocket()):
        said = captioner.caption(image)
        assert "photo" in said.text or "picture" in said.text
        assert not said.text.startswith("A picture of ")
        assert said.confidence >= 0.5


def test_tokens_of_unknown_collections_are_not_given_a_known_one(captioner: DefaultCaptioner) -> None:
    known = tuple(f"A picture of {entry.subject}" for entry in Shelf().collections)
    for name in ("toon-head", "miniavs", "robohash-4"):
        tokens = pfp30.drawn(name, ["stranger-1", "stranger-2"], size=128)
        for number in range(len(tokens)):
            said = captioner.caption(tokens.image(number))
            assert not (said.text.startswith(known) and said.confidence >= 0.5), (name, said)


def test_other_words_for_a_trait_are_understood(painter: DefaultPainter) -> None:
    exact, loose = (
        painter.paint(Gist((text,), (64, 64)), [0])[0]
        for text in (
            "A picture of Dylan, containing happy mood, bun hair, blue background color",
            "a picture of dylan avatar, containing a HAPPY Mood, hair in a bun, background color: blue",
        )
    )
    assert psnr(exact, loose) > 20


def test_what_a_caption_leaves_open_is_drawn_by_the_seed(painter: DefaultPainter) -> None:
    one, again, other = painter.paint(Gist(("A picture of Pixelbot",), (64, 64)), [1, 1, 2])
    assert (one == again).all()
    assert np.abs(one.astype(int) - other).mean() > 5


def test_an_eight_by_eight_latent_steers_what_the_labels_leave_open(painter: DefaultPainter) -> None:
    tokens = pfp30.held_out("landscape", 6)
    without, steered = [], []
    for number in range(len(tokens)):
        image, gist = tokens.image(number), Gist((tokens.caption(number),), (64, 64))
        told = Gist(gist.captions, gist.size, latent=Thumb8().encode(image, 192))
        without.append(psnr(image, painter.paint(gist, [0])[0]))
        steered.append(psnr(image, painter.paint(told, [0])[0]))
    assert np.mean(steered) > np.mean(without) + 0.5


@pytest.mark.parametrize(
    "caption",
    [
        "A photo of a cat",
        "A picture of CryptoPunks, containing female type, mole face",
        "A picture of Nouns, containing cow head",
        "A picture of Sprouts, containing red body",
        "A picture of a collection that nobody knows, containing a hat",
        "",
    ],
)
def test_a_picture_on_the_chain_comes_back_whatever_its_caption_says(painter: DefaultPainter, caption: str) -> None:
    image = data.chelsea()
    latent = PhotoLatent().encode(image, 1000)
    gist = Gist((caption,), (image.shape[1], image.shape[0]), latent=latent)
    assert not painter.varies(gist)
    (painted,) = painter.paint(gist, [3])
    assert (painted == PhotoLatent().decode(latent, gist.size)).all()
    colours = Thumb8().encode(image, 192)
    (sketch,) = painter.paint(Gist(("A photo of a cat",), gist.size, latent=colours), [0])
    assert (sketch == Thumb8().decode(colours, gist.size)).all()


def test_a_caption_that_gives_no_picture_says_what_is_missing(painter: DefaultPainter) -> None:
    lost = Gist(("A picture of Lost Robots, containing tin head",), (64, 64))
    for ask in (lambda: painter.paint(lost, [0]), lambda: painter.varies(lost)):
        with pytest.raises(RebuildError, match=r"token of 'Lost Robots'.*not known here.*collection import"):
            ask()
    with pytest.raises(RebuildError, match=r"of no known collection.*no picture.*--painter sketch"):
        painter.paint(Gist(("A photo of a cat, brown all over",), (64, 64)), [0])
    latent = PhotoLatent().encode(data.chelsea(), 300)
    with pytest.raises(RebuildError, match="strength 1 leaves its picture out"):
        painter.paint(Gist(("A photo of a cat",), (64, 64), latent=latent), [0], 1.0)
    with pytest.raises(RebuildError, match="arrived damaged"):
        painter.paint(Gist(("A photo of a cat",), (64, 64), damaged=frozenset({"latent"})), [0])


def test_a_collection_that_is_not_on_the_shelf_is_named() -> None:
    with pytest.raises(RebuildError, match=r"'Hats'.*Sprouts.*collection import"):
        CollectionPainter(MiniLM()).paint(Gist(("A picture of Hats, containing red hat",), (64, 64)), [0])
    with pytest.raises(RebuildError, match="strength is 2"):
        CollectionPainter(MiniLM()).paint(Gist(("A picture of Sprouts",), (64, 64)), [0], 2)


def test_a_damaged_collection_of_the_user_is_left_out_and_told(tmp_path: Path) -> None:
    for suffix in (".json", ".layers"):
        shutil.copy(weights.WEIGHTS / f"collection-pixelbot{suffix}", tmp_path)
    whole = Shelf(tmp_path)
    assert {entry.folder for entry in whole.collections if entry.collection == "pixelbot"} == {tmp_path}
    assert whole.damaged == ()
    path = tmp_path / "collection-pixelbot.layers"
    path.write_bytes(path.read_bytes()[:-1])
    (tmp_path / "collection-torn.json").write_text("{", "utf-8")
    broken = Shelf(tmp_path)
    assert {entry.folder for entry in broken.collections} == {None}
    assert len(broken.damaged) == 2
    assert any("collection-pixelbot.layers" in told for told in broken.damaged)
