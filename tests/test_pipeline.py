"""The path as a library: one opener, one registry, and a system of one's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import gistchain
from gistchain.errors import FileBusy, ImageError, SettingError
from gistchain.opening import open_ledger
from gistchain.pipeline import each
from gistchain.types import Described, Gist, Isotope, Picture, Rebuilt, System

PIXELS = np.random.default_rng(5).integers(0, 255, (12, 16, 3), dtype=np.uint8)


class Memory:
    """A system that writes every caption the same and rebuilds grey: the path does not mind whose models they are."""

    def describe(self, picture: Picture, *, caption: str | None = None, budget: int | None = None) -> Described:
        return Described(Gist((caption or "a picture",), picture.size), 0.75)

    def rebuild(self, gist: Gist, **wanted: object) -> Rebuilt:
        width, height = gist.size
        grey = Isotope(np.full((height, width, 3), 128, np.uint8), 0, gist.captions[0], 0.0)
        return Rebuilt(grey, (grey,), gist.size)


@pytest.fixture
def picture(tmp_path: Path) -> Picture:
    from gistchain.image import write_png

    write_png(PIXELS, tmp_path / "noise.png")
    return gistchain.read_image(str(tmp_path / "noise.png"))


def test_any_system_goes_the_path(tmp_path: Path, picture: Picture) -> None:
    assert isinstance(Memory(), System)
    assert isinstance(gistchain.rosis(), System)
    with gistchain.open(tmp_path / "home", system=Memory(), rated=False) as registry:
        done = registry.register(picture, caption="my words")
        assert (done.confidence, done.ticket, done.evidence) == (0.75, None, None)
        assert registry.rebuild(done.token).chosen.image.shape == PIXELS.shape
        shown = registry.show(done.token)
    assert shown.gist.captions == ("my words",)
    assert shown.token.image_sha3_256 == picture.sha3_256


def test_a_registry_without_a_system_shows_and_says_what_it_lacks(tmp_path: Path, picture: Picture) -> None:
    settings = gistchain.Settings(tmp_path / "home")
    with gistchain.open(settings, system=Memory(), rated=False) as registry:
        token = registry.register(picture).token
    with open_ledger(settings) as ledger:
        reader = gistchain.Registry(ledger)
        assert [reader.gist(t.id).captions for t in reader.tokens()] == [("a picture",)]
        with pytest.raises(SettingError, match="without a system"):
            reader.rebuild(token)


def test_the_password_of_a_keystore_is_asked_of_the_caller(tmp_path: Path) -> None:
    import json

    from eth_account import Account

    key = tmp_path / "owner.json"
    key.write_text(json.dumps(Account.encrypt(bytes.fromhex("11" * 32), "horse", iterations=2)))
    asked: list[Path] = []

    def password(path: Path) -> str:
        asked.append(path)
        return "horse"

    settings = gistchain.Settings(tmp_path / "home", key=key)
    with open_ledger(settings, password=password) as ledger:
        assert ledger.owner == Account.from_key(bytes.fromhex("11" * 32)).address
    assert asked == [key]
    with pytest.raises(SettingError, match="is a keystore: give its password too"):
        open_ledger(settings)


def test_what_is_wrong_with_one_image_does_not_stop_the_others() -> None:
    def work(number: int) -> int:
        if number == 2:
            raise ImageError("the second")
        return number * 10

    done = list(each([1, 2, 3], work))
    assert [source for source, _ in done] == [1, 2, 3]
    assert (done[0][1], done[2][1]) == (10, 30)
    assert isinstance(done[1][1], ImageError)

    def stops(number: int) -> int:
        raise FileBusy("the database")

    with pytest.raises(FileBusy):
        list(each([1, 2], stops))


def test_settings_take_folders_in_words(tmp_path: Path) -> None:
    settings = gistchain.Settings(str(tmp_path / "home"), key=str(tmp_path / "my.key"))  # type: ignore[arg-type]
    assert (settings.home, settings.key) == (tmp_path / "home", tmp_path / "my.key")
    (tmp_path / "my.key").write_text("22" * 32)
    with gistchain.open(settings, system=Memory(), rated=False):
        assert (tmp_path / "home" / "chain.sqlite").exists()
