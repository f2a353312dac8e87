"""JSON from strangers: read as json reads it, or refused; never the end of the process."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gistchain import safejson
from gistchain.safejson import parsed

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES, st.booleans())
def test_every_value_is_read(value: object, mark: bool) -> None:
    assert parsed((b"\xef\xbb\xbf" if mark else b"") + json.dumps(value).encode()) == value


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b'"\\', b"[" * 101 + b"]" * 101, b'{"a":' * 300])
def test_damaged_or_nested_json_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"nested|Expect|decode|Unterminated"):
        parsed(raw)


def test_brackets_in_strings_are_no_depth() -> None:
    assert parsed(json.dumps(["[" * 1000, '\\"' * 500 + "{" * 1000]).encode())[0] == "[" * 1000
    assert parsed(b"[" * 100 + b"]" * 100)


def test_deep_json_does_not_end_the_process_where_the_chain_has_raised_the_recursion_limit() -> None:
    code = (
        "import sys; sys.setrecursionlimit(100_000)\nfrom gistchain.safejson import parsed\n"
        "for deep in b'[', b'{\"a\":':\n"
        "    try: parsed(deep * 100_000)\n    except ValueError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "it is nested more than 100 deep\n" * 2


def test_a_key_that_is_there_twice_is_found_in_linear_time() -> None:
    """By what is compared, not by seconds."""

    class Key(str):
        compared = 0
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            Key.compared += 1
            return str.__eq__(self, other)

    keys = [Key(f"{n:05}") for n in range(3_000)]
    with pytest.raises(ValueError, match="'02999' twice"):
        safejson._once([(key, 0) for key in [*keys, Key("02999")]])
    assert Key.compared < 20_000


def test_an_object_with_a_key_twice_is_marked_and_what_is_beside_it_is_read() -> None:
    read = parsed(b'[{"a": 1}, {"b": [{"a": 1, "c": 2, "a": 3}]}]', once="marked")
    assert [safejson.key_twice(one) for one in read] == [None, "a"]
    assert read[1]["b"][0] == {"a": 3, "c": 2}
