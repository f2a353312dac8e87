"""What strangers write about their tokens is read as it stands, or refused with a reason."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gistchain.collection.imports import metadata
from gistchain.errors import CollectionError

_KEYS = st.sampled_from(["name", "image", "image_url", "attributes", "trait_type", "value", "properties", "files", "x"])
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.just("a\ud800"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)
_TEXT, _PLAIN = st.text(max_size=9), st.text(max_size=9) | st.integers() | st.floats()
_ATTRIBUTES = st.lists(
    st.fixed_dictionaries({}, optional={"trait_type": _TEXT | _VALUES, "value": _PLAIN | _VALUES}), max_size=4
)
_OBJECTS = st.fixed_dictionaries(
    {}, optional={"name": _VALUES, "image": _TEXT.map(" {}\n".format) | _VALUES, "attributes": _ATTRIBUTES | _VALUES}
)


@given(_OBJECTS | _VALUES)
def test_any_json_is_metadata_as_it_says_or_an_error(content: Any) -> None:
    raw = json.dumps(content).encode()
    if not isinstance(content, dict) or not content:
        with pytest.raises(CollectionError, match=r"no object|is empty"):
            metadata.told(raw)
        return
    told = metadata.told(raw)
    name, image = content.get("name"), content.get("image")
    assert told.title == (name.encode("utf-8", "backslashreplace").decode() if isinstance(name, str) else "")
    if isinstance(image, str) and image.strip():
        assert told.image == image.strip().encode("utf-8", "backslashreplace").decode()
    if isinstance(given_ones := content.get("attributes"), list):
        usable = [
            one
            for one in given_ones
            if isinstance(one, dict)
            and isinstance(one.get("trait_type", one.get("key", "")), str)
            and isinstance(one.get("value"), str | int | float)
        ]
        assert len(told.attributes) == len(usable)
        for (trait, value), one in zip(told.attributes, usable, strict=True):
            assert trait == str(one.get("trait_type", "")).encode("utf-8", "backslashreplace").decode()
            if not isinstance(one["value"], float):
                assert value == str(one["value"]).encode("utf-8", "backslashreplace").decode()


@given(st.binary(max_size=400) | st.text().map(str.encode) | st.tuples(_OBJECTS, st.data()))
def test_any_bytes_are_metadata_that_can_be_written_down_or_an_error(drawn: Any) -> None:
    raw = drawn
    if isinstance(drawn, tuple):  # JSON with a byte of another kind
        whole = bytearray(json.dumps(drawn[0]).encode())
        whole[drawn[1].draw(st.integers(0, len(whole) - 1))] = drawn[1].draw(st.integers(0, 255))
        raw = bytes(whole)
    if metadata.unusable(raw) is not None:
        return
    told = metadata.told(raw)
    assert isinstance(json.loads(raw.decode("utf-8-sig")), dict), "what is no object is no metadata"
    for text in (told.title, told.image, *(one for pair in told.attributes for one in pair)):
        text.encode()  # no half of a letter
