"""What is compared with what: the list, and the rest of a series that is asked who explains a place better."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from gistchain.rareness.examine import SHORTLIST, Examiner
from gistchain.rareness.fingerprint import SIZE
from gistchain.rareness.hashes import turned
from gistchain.rareness.store.store import Entry, Store
from gistchain.rareness.store.thumbnail import pack
from gistchain.types import Pixels

SERIES = SHORTLIST + 20
HAT = (slice(14, 44), slice(60, 110))


def token(hat: tuple[int, int, int], face: int = 5) -> Pixels:
    """A face under a hat of its own colour."""
    rng = np.random.default_rng(face)
    image = np.full((160, 160, 3), 235, np.uint8)
    for _ in range(14):
        left, top, wide, high = rng.integers((10, 50, 10, 8), (120, 130, 40, 30))
        image[top : top + high, left : left + wide] = rng.integers(0, 255, 3)
    image[HAT] = hat
    return image


def numbers(place: int) -> NDArray[np.float32]:
    """A fingerprint that correlates the less with number 0 the higher the place."""
    rng = np.random.default_rng(1)
    shared, own = rng.random((2, SIZE))
    mixed: NDArray[np.float32] = (shared + 0.01 * place * own).astype(np.float32)
    return mixed


class Unchanged:
    """A fingerprinter to which the second look is like the first."""

    version = "1"

    def fingerprint(self, images: Sequence[Pixels]) -> NDArray[np.float32]:
        return np.stack([numbers(0) for _ in images])


@pytest.fixture(scope="module")
def examiner(tmp_path_factory: pytest.TempPathFactory) -> Examiner:
    """Of all hats only that of the last token, whose face is another and which is not on the list, is green."""
    store = Store(tmp_path_factory.mktemp("store"), version="1")
    tokens = [token((200, 30 + 2 * k, 60)) for k in range(SERIES - 1)] + [token((20, 220, 40), face=6)]
    store.add(
        Entry(
            hashlib.sha3_256(bytes([k])).digest(), f"{k}.png", "faces", "", True, turned(image)[0],
            numbers(k), pack(image),
        )
        for k, image in enumerate(tokens)
    )  # fmt: skip
    return Examiner(store, Unchanged())


@pytest.mark.parametrize(("hat", "explained"), [((20, 220, 40), True), ((30, 60, 230), False)])
def test_who_has_the_trait_is_found_in_all_of_the_series(
    examiner: Examiner, hat: tuple[int, int, int], explained: bool
) -> None:
    image = token(hat)
    turns = turned(image)
    found = examiner.examine(image, numbers(0), turns, lambda _: True)
    assert f"{SERIES - 1}.png" not in [looked.entry.name for looked in found.looked]
    assert all((looked.rivals["rival_explains"] > 0.7) == explained for looked in found.looked)


def test_a_series_that_does_not_count_explains_nothing(examiner: Examiner) -> None:
    image = token((20, 220, 40))
    last = f"{SERIES - 1}.png"
    found = examiner.examine(image, numbers(0), turned(image), lambda entry: entry.name != last)
    assert max(looked.rivals["rival_explains"] for looked in found.looked) < 0.7
