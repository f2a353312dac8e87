"""Captions in bytes: what textcode promises for any text, any bytes, and the dictionary that is shipped."""

from __future__ import annotations

import contextlib
import hashlib
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gistchain.errors import ModelError, PacketError
from gistchain.gist import textcode

PUNK = "A picture of CryptoPunks, containing male type, medium skin, mohawk head, earring ear"
NOUN = "A picture of Nouns, containing aardvark head, square black glasses, cool background"


@given(st.text())
def test_every_text_comes_back(text: str) -> None:
    assert textcode.decode(textcode.encode(text)) == text


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz ,.AT0'-\n", max_size=80))
def test_every_text_like_english_comes_back(text: str) -> None:
    assert textcode.decode(textcode.encode(text)) == text


@given(st.binary(max_size=64), st.integers(0, 3))
def test_foreign_bytes_decode_or_raise_packet_error(data: bytes, coder: int) -> None:
    try:
        text = textcode.decode(bytes([coder]) + data)
    except PacketError:
        return
    assert len(text.encode()) <= textcode.MAX_TEXT_BYTES


@pytest.mark.parametrize(
    ("text", "most_bytes"),
    [
        (PUNK, 7),
        (NOUN, 7),
        ("a red bicycle leaning on a wall", 12),
        ("A picture of CryptoPunks, containing male type, a hat that no punk has", 30),
        ("ein rotes Fahrrad", 17),
        ("красный велосипед", 33),
        ("赤い自転車", 16),
        ("🦄", 5),
        ("", 1),
        ("\x00\t\r\n", 5),
    ],
)
def test_a_caption_takes_few_bytes(text: str, most_bytes: int) -> None:
    code = textcode.encode(text)
    assert textcode.decode(code) == text
    assert len(code) <= most_bytes


def test_no_text_grows_by_more_than_the_coder_byte() -> None:
    text = "zqxjkvbwpfgm" * 20
    assert len(textcode.encode(text)) <= 1 + len(text)


def test_the_longest_text_is_coded_in_good_time() -> None:
    text = ("a man riding a wave " * 300)[: textcode.MAX_TEXT_BYTES]
    started = time.monotonic()
    assert textcode.decode(textcode.encode(text)) == text
    assert time.monotonic() - started < 10


def test_a_longer_text_is_refused() -> None:
    with pytest.raises(PacketError, match=r"4097 bytes.*shorten"):
        textcode.encode("x" * 4097)


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(PacketError, match="UTF-8"):
        textcode.encode("\ud800")


def test_an_unknown_dictionary_is_refused_with_the_way_out() -> None:
    with pytest.raises(PacketError, match=r"text coder 9.*upgrade"):
        textcode.decode(b"\x09abc")


def test_a_code_that_decodes_without_end_is_refused() -> None:
    endless = [b"\x01" + bytes([byte]) * 4096 for byte in range(256)]
    for code in endless:
        with contextlib.suppress(PacketError):
            assert len(textcode.decode(code).encode()) <= textcode.MAX_TEXT_BYTES


def test_a_code_with_a_byte_too_many_is_refused() -> None:
    with pytest.raises(PacketError):
        textcode.decode(textcode.encode(PUNK) + b"\x00")


def test_another_dictionary_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(textcode, "DICTIONARIES", {1: ("dictionary-1.txt", "0" * 64)})
    textcode.load.cache_clear()
    try:
        with pytest.raises(ModelError, match=r"dictionary-1.txt.*reinstall"):
            textcode.encode(PUNK)
    finally:
        textcode.load.cache_clear()


def test_a_symbol_without_text_leads_to_a_later_context() -> None:
    dictionary = textcode.load(1)
    for number in range(len(dictionary)):
        context = dictionary.context(number)
        for piece, follow in zip(context.pieces, context.nexts, strict=True):
            assert piece or follow > number or follow == -1
        assert all(frequency > 0 for frequency in context.frequencies)


def test_the_dictionary_loads_at_once() -> None:
    times = []
    for _ in range(5):
        textcode.load.cache_clear()
        started = time.perf_counter()
        textcode.load(1)
        times.append(time.perf_counter() - started)
    assert min(times) < 0.030


def test_the_dictionary_is_what_its_script_writes() -> None:
    from training import dictionary

    text = dictionary.dictionary_text(*dictionary.sources())
    assert dictionary.DICTIONARY.read_text("utf-8") == text
    name, sha256 = textcode.DICTIONARIES[1]
    assert dictionary.DICTIONARY.name == name
    assert hashlib.sha256(text.encode()).hexdigest() == sha256
    assert len(text) < 150_000


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_every_caption_of_known_traits_takes_few_bytes(seed: int) -> None:
    """Any values, whether or not such a token exists."""
    import json
    import random

    from training.dictionary import TRAITS

    rng = random.Random(seed)
    collection = rng.choice(list(json.loads(TRAITS.read_text("utf-8")).values()))
    phrases = [f"{rng.choice(values)} {kind}" for kind, values in collection["traits"].items()]
    text = f"A picture of {collection['subject']}, containing {', '.join(phrases)}"
    code = textcode.encode(text)
    assert textcode.decode(code) == text
    assert len(code) <= 3 + 2 * len(phrases)
