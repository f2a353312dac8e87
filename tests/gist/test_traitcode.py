"""Trait tables: every token of every packaged collection is a few bytes, and strangers' tables are refused."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gistchain.errors import PacketError, SettingError
from gistchain.gist import traitcode
from gistchain.traits import Traits

names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
tables = st.builds(
    lambda subject, values: Traits(subject, subject, values),
    names,
    st.dictionaries(names, st.lists(names, max_size=6, unique=True).map(tuple), min_size=1, max_size=5),
)
HAT = Traits("Hats", "Hats", {"hat": ("red", "blue"), "eyes": ("open",)})


@given(tables)
def test_a_table_comes_back(traits: Traits) -> None:
    back = traitcode.read(traitcode.written(traits))
    assert (back.subject, back.values) == (traits.subject, traits.values)


@given(tables, st.randoms(use_true_random=False))
def test_a_token_of_plain_names_comes_back(traits: Traits, rng: random.Random) -> None:
    labels = [rng.randint(0, len(values)) for values in traits.values.values()]
    caption = traits.caption(labels)
    code = traitcode.encode(traits, caption)
    if code is not None:  # names with commas may make captions that can't be told apart
        assert traitcode.decode(traits, code) == caption
        assert len(code) == traitcode.width(traits)


@pytest.mark.parametrize(
    ("caption", "code"),
    [
        ("A picture of Hats", "00"),
        ("A picture of Hats, containing open eyes", "01"),
        ("A picture of Hats, containing red hat", "02"),
        ("A picture of Hats, containing blue hat, open eyes", "05"),
    ],
)
def test_a_number_is_in_mixed_radix(caption: str, code: str) -> None:
    found = traitcode.encode(HAT, caption)
    assert found is not None
    assert found.hex() == code
    assert traitcode.decode(HAT, found) == caption


@pytest.mark.parametrize(
    "caption",
    [
        "",
        "a red hat",
        "A picture of Caps, containing red hat",
        "A picture of Hats, containing green hat",
        "A picture of Hats, containing open eyes, red hat",
        "A picture of Hats, containing red hat, blue hat",
        "A picture of Hats, containing red hat ",
    ],
)
def test_another_caption_has_no_number(caption: str) -> None:
    assert traitcode.encode(HAT, caption) is None


@pytest.mark.parametrize("code", ["", "06", "ff", "0000"])
def test_a_number_that_no_token_has_is_damage(code: str) -> None:
    with pytest.raises(PacketError, match="no number of a token of 'Hats'"):
        traitcode.decode(HAT, bytes.fromhex(code))


@given(st.binary(max_size=60))
def test_bytes_of_strangers_are_a_table_or_refused(data: bytes) -> None:
    try:
        traits = traitcode.read(data)
    except PacketError:
        return
    assert traitcode.written(traits, data[0]) == data


@given(tables, st.data())
def test_a_cut_table_is_refused(traits: Traits, data: st.DataObject) -> None:
    table = traitcode.written(traits)
    with pytest.raises(PacketError):
        traitcode.read(table[: data.draw(st.integers(0, len(table) - 1))])


def test_what_no_table_holds_is_refused() -> None:
    with pytest.raises(SettingError, match="65 bytes"):
        traitcode.written(Traits("a", "a", {"hat": ("x" * 65,)}))
    wide = {f"type {k}": tuple(f"{j}" for j in range(99)) for k in range(40)}
    with pytest.raises(SettingError, match="number of 34 bytes: at most 32"):
        traitcode.written(Traits("a", "a", wide))
    with pytest.raises(SettingError, match="0 trait types"):
        traitcode.written(Traits("a", "a", {}))
    many = tuple(f"value number {k:046}" for k in range(500))
    with pytest.raises(SettingError, match="at most 24,565 fit"):
        traitcode.written(Traits("a", "a", {"hat": many}))


def test_another_version_has_another_name() -> None:
    assert traitcode.name(traitcode.written(HAT)) != traitcode.name(traitcode.written(HAT, 2))
