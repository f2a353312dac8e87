"""Registering with rareness: real networks, real classifiers, a real chain; the ticket says what the image is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from gistchain import systems
from gistchain.answers.path import registered_json, registered_text
from gistchain.collection.known import nouns
from gistchain.errors import AlreadyRegistered, OutOfGas
from gistchain.image import read_image
from gistchain.ledger.evm import open_embedded
from gistchain.pipeline import Registered, Registry
from gistchain.rareness import evidence
from gistchain.rareness.book import Book
from gistchain.settings import load
from gistchain.types import Picture

Open = Callable[[Path], Registry]


def noun(seed: int, path: Path) -> Image.Image:
    tokens = nouns.tokens(nouns.sample(1, rng=np.random.default_rng(7000 + seed), held=False))
    image = Image.fromarray(tokens.image(0)).resize((320, 320), Image.Resampling.NEAREST)
    image.save(path)
    return image


@pytest.fixture(scope="module")
def opened() -> Iterator[Open]:
    """opened(home) -> the registry there; all are closed at the end."""
    models = systems.rosis()
    with ExitStack() as stack:

        def call(home: Path) -> Registry:
            home.mkdir(exist_ok=True)
            ledger = stack.enter_context(open_embedded(home))
            checker = systems.checker(load({"home": home}, {}))
            return Registry(ledger, models, Book(checker, ledger, name=ledger.name))

        yield call


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1.png and 2.png are siblings; the others are made of 1.png."""
    where = tmp_path_factory.mktemp("images")
    first = noun(1, where / "1.png")
    noun(2, where / "2.png")
    first.save(where / "resaved.webp", lossless=True)
    first.save(where / "resaved.jpg", quality=85)
    ImageOps.mirror(first).save(where / "mirrored.png")
    return where


@pytest.fixture(scope="module")
def done(opened: Open, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Registered]:
    """Name of the file -> its registration, one after the other in one home."""
    registry = opened(tmp_path_factory.mktemp("home"))
    names = ("1.png", "2.png", "resaved.webp", "resaved.jpg", "mirrored.png")
    return {name: registry.register(read_image(folder / name), caption="a noun") for name in names}


def test_the_first_of_all_is_an_original(done: dict[str, Registered]) -> None:
    first = done["1.png"]
    assert first.signed is not None
    assert (first.signed.ticket.verdict, first.signed.ticket.score) == ("original", 1.0)
    assert first.signed.signer
    assert first.rareness is not None
    assert first.rareness.nearest is None


@pytest.mark.parametrize("name", ["resaved.webp", "resaved.jpg", "mirrored.png"])
def test_a_copy_is_registered_and_its_ticket_names_the_source(done: dict[str, Registered], name: str) -> None:
    copy = done[name]
    assert copy.signed is not None
    assert copy.signed.ticket.verdict == "copy"
    assert copy.signed.ticket.score < 0.5
    assert copy.rareness is not None
    assert copy.rareness.nearest is not None
    # The copies that were registered before it are as near.
    earlier = {done[other].token for other in ("1.png", "resaved.webp", "resaved.jpg") if other != name}
    assert copy.rareness.nearest.token in earlier
    assert copy.rareness.nearest.name in ("1.png", "resaved.webp", "resaved.jpg")
    assert ("mirrored" in copy.rareness.nearest.transform.words) == (name == "mirrored.png")


def test_a_sibling_is_not_called_a_copy(done: dict[str, Registered]) -> None:
    sibling = done["2.png"]
    assert sibling.signed is not None
    assert sibling.signed.ticket.verdict not in ("copy", "unsure")
    assert sibling.signed.ticket.score > 0.5


def test_the_ticket_is_that_of_the_evidence(done: dict[str, Registered]) -> None:
    for one in done.values():
        assert one.signed is not None
        assert one.evidence is not None
        assert hashlib.sha3_256(one.evidence).digest() == one.signed.ticket.evidence
        found = json.loads(one.evidence)
        assert found["image_sha3_256"] == one.picture.sha3_256.hex()
        assert (found["verdict"], found["score"] / 10_000) == (one.signed.ticket.verdict, one.signed.ticket.score)
        assert "/" not in (found["nearest"] or {"name": ""})["name"], "no stranger need know the folders"


def test_an_image_is_compared_only_with_what_the_chain_knows(opened: Open, folder: Path, tmp_path: Path) -> None:
    registry = opened(tmp_path / "home")
    assert registry.book is not None
    checker = registry.book.checker
    unknown = read_image(folder / "1.png")
    checker.remember(unknown, None, name="1.png", collection="", caption="", seed=False)
    assert _verdict(registry.register(read_image(folder / "mirrored.png"), caption="a noun")) == "original"
    checker.remember(read_image(folder / "2.png"), None, name="2.png", collection="Nouns", caption="", seed=True)
    again = read_image(_png(folder / "2.png", tmp_path / "again.webp"))
    copy = registry.register(again, caption="a noun")
    assert _verdict(copy) == "copy"
    assert copy.rareness is not None
    assert copy.rareness.nearest is not None
    assert (copy.rareness.nearest.token, copy.rareness.nearest.name) == (None, "2.png"), "a seed has no token"


def test_after_a_crash_the_ticket_of_the_first_try_stands(opened: Open, folder: Path, tmp_path: Path) -> None:
    home, picture = tmp_path / "home", read_image(folder / "1.png")
    registry = opened(home)
    first = registry.register(picture, caption="a noun")
    registry.ledger._acknowledged = None  # as if the process had died before its caller heard of it
    copy = registry.register(read_image(folder / "resaved.webp"), caption="a noun")
    assert _verdict(copy) == "copy"
    second = registry.register(picture, caption="a noun")
    assert (second.token, second.receipt.tx) == (first.token, first.receipt.tx)
    assert second.signed == first.signed
    assert second.evidence == first.evidence
    assert _verdict(second) == "original"
    with pytest.raises(AlreadyRegistered):
        registry.register(picture, caption="a noun")


def test_a_try_that_failed_leaves_no_mark_on_the_next(
    opened: Open, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = opened(tmp_path / "home")
    for name in ("2.png", "resaved.jpg"):
        registry.register(read_image(folder / name), caption="a noun")
    picture = read_image(folder / "mirrored.png")
    tried = []

    def broke(payload: bytes, **words: object) -> None:
        tried.append(words["rareness"])
        raise OutOfGas("no gas")

    monkeypatch.setattr(registry.ledger, "put", broke)
    with pytest.raises(OutOfGas):
        registry.register(picture, caption="a noun")
    monkeypatch.undo()
    done = registry.register(picture, caption="a noun")
    assert done.signed is not None
    assert [done.signed.ticket] == tried


def test_an_image_registered_elsewhere_is_compared_with_once_it_is_given_again(
    opened: Open, folder: Path, tmp_path: Path
) -> None:
    registry = opened(tmp_path / "home")
    assert registry.book is not None
    checker = registry.book.checker
    before = Registry(registry.ledger, registry.system)  # as from another home
    first = before.register(read_image(folder / "1.png"))
    assert (first.rareness, first.signed, first.evidence) == (None, None, None)
    assert registry.ledger.rareness_of(1) is None
    assert len(checker.store) == 0
    with pytest.raises(AlreadyRegistered):
        registry.register(read_image(folder / "1.png"))
    entry = checker.store.entries([0])[0]
    assert entry.caption == first.gist.captions[0]
    assert checker.store.token(entry) == 1
    assert _verdict(registry.register(read_image(folder / "resaved.webp"), caption="a noun")) == "copy"


def test_a_check_against_nothing_finds_an_original_and_writes_nothing(
    opened: Open, folder: Path, tmp_path: Path
) -> None:
    book = opened(tmp_path / "home").book
    assert book is not None
    checker = book.checker
    found = checker.check(read_image(folder / "1.png"))
    assert (found.verdict, found.score, found.interval) == ("original", 1.0, (1.0, 1.0))
    assert found.nearest is None
    assert len(checker.store) == 0
    assert evidence.document(bytes(32), found) == evidence.document(bytes(32), checker.check(_picture(folder)))


def _verdict(registered: Registered) -> str:
    assert registered.signed is not None
    return registered.signed.ticket.verdict


def _picture(folder: Path) -> Picture:
    return read_image(folder / "1.png")


def _png(source: Path, path: Path) -> Path:
    with Image.open(source) as image:
        image.save(path, lossless=True)
    return path


def test_a_blank_picture_is_registered_without_a_ticket_and_is_nobodys_source(opened: Open, tmp_path: Path) -> None:
    registry = opened(tmp_path / "home")
    for colour in ("white", "black"):
        Image.new("RGB", (64, 64), colour).save(tmp_path / f"{colour}.png")
        done = registry.register(read_image(tmp_path / f"{colour}.png"), caption=f"all {colour}")
        assert (done.signed, registry.show(done.token).signed) == (None, None)
        assert done.rareness is not None
        assert (done.rareness.verdict, done.rareness.nearest) == ("blank", None)
        assert done.evidence is not None
        assert json.loads(done.evidence)["verdict"] == "blank"
    with pytest.raises(AlreadyRegistered):
        registry.register(read_image(tmp_path / "white.png"), caption="white again")
    assert "nothing that could be compared" in registered_text(done)
    told = registered_json(done)["rareness"]
    assert (told["verdict"], told["signed_by"]) == ("blank", None)
