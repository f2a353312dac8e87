"""Features -> chances -> verdict: the shipped classifiers, with the thresholds that their card names."""

from __future__ import annotations

import numpy as np
import pytest

from gistchain.collection.known import nouns
from gistchain.models.packaged.copies import GRAPHS, PackagedClassifiers, scaled
from gistchain.models.packaged.fingerprint import PackagedLook
from gistchain.rareness.check import SUBSCORES, subscores
from gistchain.rareness.examine import Examined, Examiner
from gistchain.rareness.hashes import hashes, turned
from gistchain.rareness.judge import judge
from gistchain.rareness.scores import table
from gistchain.rareness.store.store import Entry, Store
from gistchain.rareness.store.thumbnail import pack
from gistchain.types import Pixels

MODELS = PackagedClassifiers()
LOOK = PackagedLook(threads=1)


def noun(number: int) -> Pixels:
    tokens = nouns.tokens(nouns.sample(12, rng=np.random.default_rng(5), held=False))
    return np.ascontiguousarray(tokens.image(number).repeat(8, 0).repeat(8, 1))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Ten Nouns; two more are not registered."""
    kept = Store(tmp_path_factory.mktemp("store"), version=LOOK.version)
    pictures = {f"noun{k}": noun(k) for k in range(10)}
    kept.add([
        Entry(name.encode().ljust(32), name, "nouns", "", True, hashes(p), LOOK.fingerprint([p])[0], pack(p))
        for name, p in pictures.items()
    ])  # fmt: skip
    return kept


def examined(image: Pixels, store: Store) -> Examined:
    return Examiner(store).examine(image, lambda pixels: LOOK.fingerprint([pixels])[0], turned(image), lambda _: True)


def test_a_cropped_mirrored_copy_is_found_with_its_source(store: Store) -> None:
    found = examined(np.ascontiguousarray(noun(3)[10:240, 20:250][:, ::-1]), store)
    judged = judge(found, MODELS)
    assert judged.verdict in ("copy", "unsure")
    assert judged.best is not None
    assert found.looked[judged.best].entry.name == "noun3"


def test_a_sibling_is_no_copy(store: Store) -> None:
    judged = judge(examined(noun(11), store), MODELS)
    assert judged.verdict != "copy"
    assert judged.chance < MODELS.copy_from


def test_the_score_lies_in_its_interval(store: Store) -> None:
    for image in (noun(3)[:200], noun(10), noun(11)):
        judged = judge(examined(image, store), MODELS)
        low, high = judged.interval
        assert 0 <= low <= 1 - judged.chance <= high <= 1


def test_subscores_are_shares(store: Store) -> None:
    found = examined(noun(10), store)
    shares = subscores(found, judge(found, MODELS))
    assert set(shares) == {*SUBSCORES, "combined", "xgboost", "keras"}
    assert all(0 <= share <= 1 for share in shares.values())


def test_nothing_registered_is_an_original(tmp_path_factory: pytest.TempPathFactory) -> None:
    empty = Store(tmp_path_factory.mktemp("empty"), version=LOOK.version)
    judged = judge(examined(noun(1), empty), MODELS)
    assert (judged.verdict, judged.best, judged.chance) == ("original", None, 0.0)


def test_the_features_are_those_that_were_trained_on(store: Store) -> None:
    names, rows = table(examined(noun(3), store))
    assert names == MODELS.names
    assert rows.shape == (5, len(names))


def test_chances_are_chances_whatever_could_not_be_measured() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(0, 3, (50, len(MODELS.names))).astype(np.float32)
    rows[rng.random(rows.shape) < 0.3] = np.nan
    chances = MODELS.chances(rows)
    assert chances.shape == (50, 2)
    assert ((chances >= 0) & (chances <= 1)).all()
    together = MODELS.together(chances)
    assert together.shape == (50,)
    assert ((together >= 0) & (together <= 1)).all()
    assert np.isclose(MODELS.kin(rows[0]).sum(), 1)
    assert 0 < MODELS.doubt_from <= MODELS.copy_from < 1


def test_the_network_sees_ranks() -> None:
    rows = np.array([[5.0, np.nan], [0.0, 1.0], [99.0, 1.0], [7.5, 1.0]], np.float32)
    assert scaled(rows, [[0, 5, 10], [3]]).tolist() == pytest.approx(np.array([[0, 0], [-1.7, 0], [1.7, 0], [0.85, 0]]))


def test_both_together_is_never_less_where_both_are_surer() -> None:
    surer = np.linspace(0.001, 0.999, 30)
    together = MODELS.together(np.stack([surer, surer**2], axis=1))
    assert (np.diff(together) >= 0).all()
    assert together[0] < 0.1 < 0.9 < together[-1]


def test_every_graph_has_a_card() -> None:
    from gistchain.models.zoo.weights import weights

    assert all(weights(name) for name in GRAPHS)
