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
from tests.support.clock import costs_at_most

PUNK = "A picture of CryptoPunks, containing male type, medium skin, mohawk head, earring ear"
CLAY = "A picture of Clay, containing horns top, boulder body, coil pattern, down eyes, tongue mouth, gold accent color"
CASTLE = "A photo of a castle, sky blue and dark grey above, dark grey and grey below, brown in the middle"
NOUN = "A picture of Nouns, containing aardvark head, square black glasses, cool background"


@given(st.text())
def test_every_text_comes_back(text: str) -> None:
    assert textcode.decode(*textcode.encode(text)) == text


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz ,.AT0'-\n", max_size=80))
def test_every_text_like_english_comes_back(text: str) -> None:
    assert textcode.decode(*textcode.encode(text)) == text


@given(st.binary(max_size=64), st.integers(0, 3))
def test_foreign_bytes_decode_or_raise_packet_error(data: bytes, coder: int) -> None:
    try:
        text = textcode.decode(coder, data)
    except PacketError:
        return
    assert len(text.encode()) <= textcode.MAX_TEXT_BYTES


@pytest.mark.parametrize(
    ("text", "most_bytes"),
    [
        (PUNK, 7),
        (NOUN, 7),
        (CLAY, 7),
        (CLAY.replace("boulder", "unheard"), 12),
        (CASTLE, 10),
        (CASTLE.replace("a castle", "a red bicycle"), 13),
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
    coder, code = textcode.encode(text)
    assert textcode.decode(coder, code) == text
    assert 1 + len(code) <= most_bytes


def test_no_text_grows() -> None:
    text = "zqxjkvbwpfgm" * 20
    assert len(textcode.encode(text)[1]) <= len(text)


def test_the_longest_text_is_coded_in_good_time() -> None:
    text = ("a man riding a wave " * 300)[: textcode.MAX_TEXT_BYTES]
    with costs_at_most(cpu_s=20):
        assert textcode.decode(*textcode.encode(text)) == text


def test_a_longer_text_is_refused() -> None:
    with pytest.raises(PacketError, match=r"4097 bytes.*shorten"):
        textcode.encode("x" * 4097)


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(PacketError, match="UTF-8"):
        textcode.encode("\ud800")


def test_an_unknown_dictionary_is_refused_with_the_way_out() -> None:
    with pytest.raises(PacketError, match=r"text coder 9.*upgrade"):
        textcode.decode(9, b"abc")


def test_a_code_that_decodes_without_end_is_refused() -> None:
    for byte in range(256):
        with contextlib.suppress(PacketError):
            assert len(textcode.decode(textcode.DICTIONARY, bytes([byte]) * 4096).encode()) <= textcode.MAX_TEXT_BYTES


def test_a_code_with_a_byte_too_many_is_refused() -> None:
    coder, code = textcode.encode(PUNK)
    with pytest.raises(PacketError):
        textcode.decode(coder, code + b"\x00")


def test_each_coder_is_the_best_for_something() -> None:
    written = {text: textcode.encode(text)[0] for text in ("zqxj", "", NOUN, CLAY, CASTLE)}
    known = textcode.DICTIONARY
    assert written == {"zqxj": textcode.PLAIN, "": textcode.PLAIN, NOUN: known, CLAY: known, CASTLE: known}


def test_another_dictionary_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(textcode, "SHA256", "0" * 64)
    textcode.load.cache_clear()
    try:
        with pytest.raises(ModelError, match=r"dictionary.txt.*reinstall"):
            textcode.encode(PUNK)
    finally:
        textcode.load.cache_clear()


def test_a_symbol_without_text_leads_to_a_later_context() -> None:
    dictionary = textcode.load()
    for place in range(len(dictionary)):
        context = dictionary.context(place)
        for piece, follow in zip(context.pieces, context.nexts, strict=True):
            assert piece or follow > place or follow == -1
        assert all(frequency > 0 for frequency in context.frequencies)


def test_the_dictionary_loads_at_once() -> None:
    times = []
    for _ in range(5):
        textcode.load.cache_clear()
        started = time.process_time()
        textcode.load()
        times.append(time.process_time() - started)
    assert min(times) < 0.1


def test_the_dictionary_is_what_its_script_writes() -> None:
    from training.text import dictionary

    text = dictionary.dictionary_text(*dictionary.sources())
    assert dictionary.DICTIONARY.read_text("utf-8") == text
    assert dictionary.DICTIONARY.name == textcode.FILE
    assert hashlib.sha256(text.encode()).hexdigest() == textcode.SHA256
    assert len(text) < 200_000


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_every_caption_of_known_traits_takes_few_bytes(seed: int) -> None:
    """Any values, whether or not such a token exists."""
    import random

    from training.text.dictionary import sources

    rng = random.Random(seed)
    collection = rng.choice(list(sources()[0].values()))
    phrases = [f"{rng.choice(values)} {kind}" for kind, values in collection["traits"].items()]
    text = f"A picture of {collection['subject']}, containing {', '.join(phrases)}"
    coder, code = textcode.encode(text)
    assert textcode.decode(coder, code) == text
    assert 1 + len(code) <= 3 + 2 * len(phrases)


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_every_caption_of_the_photo_captioner_takes_few_bytes(seed: int) -> None:
    import random

    from gistchain.colours import COLOURS
    from gistchain.models.photo.layout import LAYOUTS, ColourRegion
    from training.text.dictionary import sources

    rng = random.Random(seed)
    photos = sources()[2]
    start = rng.choice(list(photos["starts"]))
    label = rng.choice(list(photos["labels"])) + ", " if start.endswith("of ") else ""
    regions = [
        ColourRegion(place, tuple(rng.sample(list(COLOURS), rng.choice([1, 2])))) for place in rng.choice(LAYOUTS)
    ]
    text = start + label + ", ".join(str(region) for region in regions)
    coder, code = textcode.encode(text)
    assert textcode.decode(coder, code) == text
    assert 1 + len(code) <= 5 + 3 * len(regions)
