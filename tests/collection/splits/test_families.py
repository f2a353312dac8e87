"""Collections that are drawn from one another are found by their pictures; others are left alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from gistchain.collection.imports.record import FOLDER, About, ImportedToken, Record
from gistchain.collection.splits import sample as sampling
from gistchain.collection.splits.families import Families, families
from gistchain.collection.splits.sample import Sample, sampled
from gistchain.errors import CollectionError
from gistchain.rareness.check import Checker


def folder(home: Path, name: str) -> Path:
    return home / FOLDER / name


@pytest.fixture(scope="module")
def samples(home: Path, checker: Checker) -> dict[str, Sample]:
    return {path.name: sampled(path, checker, size=12) for path in sorted((home / FOLDER).iterdir())}


def members(found: Families) -> set[frozenset[str]]:
    return {frozenset(family.members) for family in found.families}


def test_mirrored_punks_are_one_family_with_punks_and_unrelated_styles_are_not(samples: dict[str, Sample]) -> None:
    found = families([samples[name] for name in ("larva", "phunks", "micah", "planets")])
    assert members(found) == {frozenset({"larva", "phunks"}), frozenset({"micah"}), frozenset({"planets"})}
    (joined,) = found.joined
    assert (joined.why, joined.near, joined.of) == ("pictures", 12, 12)  # no name, no contract gave them away
    assert found.closest is not None
    assert found.closest.near == 0


def test_a_framed_collection_is_found_by_looking_at_its_pictures(samples: dict[str, Sample], checker: Checker) -> None:
    two = [samples["micah"], samples["portraits"], samples["planets"]]
    quick = families(two)
    assert len(quick.families) == 3
    assert quick.unseen == 1  # and says that it would have been worth a look
    found = families(two, checker)
    assert members(found) == {frozenset({"micah", "portraits"}), frozenset({"planets"})}
    assert [joined.why for joined in found.joined] == ["copies"]
    assert found.unseen == 0


def made(name: str, fingerprints: np.ndarray, *, contract: str = "", subject: str = "") -> Sample:
    """A sample of which only the fingerprints are known."""
    centred = fingerprints - fingerprints.mean(1, keepdims=True)
    normal = (centred / np.linalg.norm(centred, axis=1, keepdims=True)).astype(np.float16)
    count = len(fingerprints)
    about = About(name, subject, "list", chain="eip155:1" if contract else "", contract=contract)
    rng = np.random.default_rng(list(name.encode()))
    pdq = rng.integers(0, 256, (count, 8, 32), dtype=np.uint8)
    pictures = tuple(map(str, range(count)))
    return Sample(Path(name), about, count, pictures, normal, pdq, np.full(count, 100, np.uint8))


def numbers(seed: int, count: int = 20) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 512)).astype(np.float32)


def test_a_family_is_joined_in_chains_and_reads_the_same_whatever_the_order() -> None:
    a, b = numbers(1), numbers(2)
    both = np.concatenate([a[:10], b[:10]])
    chain = [made("first", a), made("middle", both), made("last", b), made("other", numbers(3))]
    expected = {frozenset({"first", "middle", "last"}), frozenset({"other"})}
    assert members(families(chain)) == expected
    assert members(families(chain[::-1])) == expected


def test_a_collection_of_which_a_few_tokens_were_taken_over_is_found_from_its_own_side() -> None:
    a = numbers(1, 60)
    found = families([made("large", a), made("small", np.concatenate([a[:5], numbers(9, 5)]))])
    assert [(joined.near, joined.of) for joined in found.joined] == [(5, 10)]


def test_the_same_hash_in_a_turn_is_near_where_fingerprints_are_not() -> None:
    one, other = made("one", numbers(1)), made("other", numbers(1) + 2 * numbers(2))
    turned = other.pdq.copy()
    turned[:, 0] = one.pdq[:, 3]
    assert [joined.near for joined in families([one, replace(other, pdq=turned)]).joined] == [20]
    flat = replace(other, pdq=turned, quality=np.zeros(20, np.uint8))  # of flat drawings PDQ says little
    assert not families([one, flat]).joined


def test_contract_and_name_join_and_a_person_has_the_last_word() -> None:
    four = [
        made("wrapped", numbers(1), contract="0xAB"), made("original", numbers(2), contract="0xab"),
        made("azuki", numbers(3)), made("0xazuki", numbers(4)), made("alone", numbers(5)),
    ]  # fmt: skip
    found = families(four)
    assert {joined.why for joined in found.joined} == {"contract", "name"}
    assert len(found.families) == 3
    told = families(four, apart=[("0xazuki", "azuki")], together=[("alone", "azuki")])
    assert members(told) == {
        frozenset({"wrapped", "original"}), frozenset({"azuki", "alone"}), frozenset({"0xazuki"}),
    }  # fmt: skip


def test_a_sample_is_kept_and_taken_again_only_where_the_pictures_have_changed(
    home: Path, checker: Checker, samples: dict[str, Sample]
) -> None:
    where = folder(home, "planets")
    looked: list[None] = []
    again = sampled(where, checker, size=12, tick=lambda: looked.append(None))
    assert not looked
    assert (again.fingerprints == samples["planets"].fingerprints).all()
    (where / sampling.NAME).write_bytes(b"PK\x03\x04 damaged")
    once_more = sampled(where, checker, size=12, tick=lambda: looked.append(None))
    assert len(looked) == 12
    assert (once_more.fingerprints == again.fingerprints).all()


def test_two_collections_with_the_same_ids_are_sampled_at_the_same_ids(tmp_path: Path) -> None:
    ids = [str(n) for n in range(500)]
    first = sorted(ids, key=sampling.order)[:60]
    part = sorted(ids[100:], key=sampling.order)[:60]
    assert len(set(first) & set(part)) >= 40  # and mostly so where only some are


def test_a_collection_whose_tokens_all_failed_or_show_nothing_is_refused(tmp_path: Path, checker: Checker) -> None:
    from tests.support.collections import put

    failed = tmp_path / FOLDER / "failed"
    with Record(failed, write=True) as record:
        record.set_about(About("failed", "X", "list"))
        record.put([ImportedToken("1", "failed", problem="504")])
    with pytest.raises(CollectionError, match="no complete token"):
        sampled(failed, checker)
    blank = np.full((3, 8, 8, 3), 200, np.uint8)
    grey = put(tmp_path, "grey", blank, [()] * 3, ["1", "2", "3"])
    with pytest.raises(CollectionError, match="none shows anything"):
        sampled(grey, checker)
    (grey / "images" / "1.png").unlink()
    with pytest.raises(CollectionError, match="no picture of grey"):
        sampled(grey, checker)


def test_pairs_are_found_wherever_they_stand_among_many() -> None:
    rng = np.random.default_rng(5)

    def sample(number: int, fingerprints: NDArray[np.float32]) -> Sample:
        name = f"c{number * 7919 % 97:02d}x{number}"
        normal = fingerprints / np.linalg.norm(fingerprints, axis=1, keepdims=True)
        about = About(name, name, "list")
        hashes, pictures = rng.integers(0, 256, (4, 8, 32), dtype=np.uint8), ("0", "1", "2", "3")
        return Sample(Path("/home") / name, about, 4, pictures, normal.astype(np.float16), hashes, np.full(4, 90))

    made = [rng.standard_normal((4, 10048)).astype(np.float32) for _ in range(37)]
    for one, other in ((0, 36), (15, 16), (3, 4), (17, 31)):
        made[other] = made[one] + rng.standard_normal((4, 10048)).astype(np.float32) * 0.1
    samples = [sample(number, fingerprints) for number, fingerprints in enumerate(made)]
    found = families(samples)
    numbers = {sample.name: number for number, sample in enumerate(samples)}
    together = {tuple(numbers[name] for name in one.members) for one in found.families if len(one.members) > 1}
    assert together == {(0, 36), (15, 16), (3, 4), (17, 31)}
    assert {(pair.near, pair.of) for pair in found.joined} == {(4, 4)}
