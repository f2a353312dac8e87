"""Text read from soft bits: the likeliest one, beside a brute force, and how sure its words are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from gistchain.errors import PacketError, SettingError
from gistchain.gist import softtext
from gistchain.gist.softtext import read
from gistchain.gist.textcode import Dictionary

TINY = Dictionary(
    "# tiny\n@start\tend\n3\ta \tnoun\n1\tthe \tnoun\n1\t\tend\n@noun\tend\n4\tcat\tmore\n2\tcar\n1\tdog\tmore\n"
    "@more\tend\n5\t\n2\t and \tnoun\n"
)
PLACES = 11
CAPTIONS = (Path(__file__).parents[2] / "benchmarks" / "english_captions.txt").read_text().splitlines()


def sent(text: bytes, places: int, snr_db: float, seed: int) -> NDArray[np.float64]:
    """Ratios of its bits after binary symbols over Gaussian noise; snr_db infinite: no noise."""
    bits = np.unpackbits(np.frombuffer(text.ljust(places, b"\0"), np.uint8)).astype(float)
    if np.isinf(snr_db):
        return 100 * (1 - 2 * bits)
    density = 10 ** (-snr_db / 10)
    received = 1 - 2 * bits + np.random.default_rng(seed).normal(0, np.sqrt(density / 2), bits.size)
    return 4 * received / density


def paths(dictionary: Dictionary, places: int) -> Iterator[tuple[bytes, float]]:
    """Every path through the dictionary that writes no more than so many bytes, with its probability."""
    waiting = [(0, b"", 1.0)]
    while waiting:
        number, text, chance = waiting.pop()
        if number < 0:
            yield text, chance
            continue
        context = dictionary.context(number)
        for piece, frequency, follow in zip(context.pieces, context.frequencies, context.nexts, strict=True):
            if len(text) + len(piece) <= places:
                waiting.append((follow, text + piece, chance * frequency / context.cumulative[-1]))


def likelihood(text: bytes, llrs: NDArray[np.float64]) -> float:
    bits = np.unpackbits(np.frombuffer(text.ljust(llrs.size // 8, b"\0"), np.uint8))
    return float(np.prod(1 / (1 + np.exp(np.clip(np.where(bits, llrs, -llrs), -40, 40)))))


@settings(deadline=None, max_examples=60)
@given(st.sampled_from([b"a cat", b"the dog", b"a car", b"a cat and dog", b""]), st.floats(-8, 4), st.integers(0, 999))
def test_what_is_read_is_the_likeliest_of_all_texts(text: bytes, snr_db: float, seed: int) -> None:
    llrs = sent(text[:PLACES], PLACES, snr_db, seed)
    weights = [(other, chance * likelihood(other, llrs)) for other, chance in paths(TINY, PLACES)]
    best = max(weights, key=lambda pair: pair[1])
    found = read(llrs, dictionary=TINY)
    assert found.text.encode() == best[0]
    total = sum(weight for _, weight in weights)
    at = 0
    for word in found.words:
        at = best[0].index(word.text.encode(), at)
        sure = [
            sum(weight for other, weight in weights if other[place : place + 1] == best[0][place : place + 1]) / total
            for place in range(at, at + len(word.text))
        ]
        assert word.confidence == pytest.approx(min(sure), rel=1e-9)
        at += len(word.text)


@pytest.mark.parametrize(
    "text", ["", "a", "Zoë Ångström paid 1,234.50 € in Łódź", "xqzzt 77-B!", "a red bicycle", "x" * 77]
)
def test_a_clean_text_passes_whatever_it_says(text: str) -> None:
    data = text.encode()
    found = read(sent(data, max(77, len(data)), np.inf, 0))
    assert found.text == text
    assert [word.text for word in found.words] == text.split()
    assert all(word.confidence > 0.999 for word in found.words)


def test_captions_come_through_where_hard_decisions_are_rubbish() -> None:
    """Binary symbols at -1 dB: one bit in ten is wrong, so that three bytes of five are."""
    right = words = 0
    for seed, caption in enumerate(CAPTIONS[:40]):
        data = caption.encode()[:77]
        found = read(sent(data, 77, -1.0, seed))
        wanted = data.decode(errors="replace").split()
        right += sum(a == b.text for a, b in zip(wanted, found.words, strict=False))
        words += len(wanted)
    assert right / words > 0.75


def test_a_surer_word_is_oftener_right() -> None:
    told: list[tuple[float, bool]] = []
    for seed, caption in enumerate(CAPTIONS[:60]):
        data = caption.encode()[:77]
        wanted = data.decode(errors="replace").split()
        found = read(sent(data, 77, -4.0, seed))
        told += [(word.confidence, word.text in wanted) for word in found.words]
    sure = [right for confidence, right in told if confidence > 0.9]
    unsure = [right for confidence, right in told if confidence < 0.5]
    assert np.mean(sure) > 0.85 > 0.6 > np.mean(unsure)


def test_only_a_check_makes_a_reading_certain() -> None:
    llrs = sent(b"a red bicycle", 77, np.inf, 0)
    assert not read(llrs).certain
    assert read(llrs, check=lambda data: data == b"a red bicycle").certain
    assert not read(llrs, check=lambda data: data == b"another").certain


def test_nothing_arrived_is_no_error_and_nothing_is_sure() -> None:
    found = read(np.zeros(8 * 40))
    assert all(word.confidence < 0.5 for word in found.words)


@pytest.mark.parametrize(
    "llrs", [np.zeros(7), np.zeros((8, 8)), np.full(8, np.nan), np.zeros(8 * (softtext.MOST_BYTES + 1))]
)
def test_what_is_no_text_is_refused(llrs: NDArray[np.float64]) -> None:
    with pytest.raises(SettingError):
        read(llrs)


def test_a_dictionary_without_a_text_so_short_is_told() -> None:
    with pytest.raises(PacketError, match="at most 1 byte"):
        read(np.zeros(8), dictionary=Dictionary("#\n@start\tend\n1\tlonger\n"))


def test_infinite_ratios_are_very_sure_bits() -> None:
    llrs = np.where(sent(b"a dog", 20, np.inf, 0) > 0, np.inf, -np.inf)
    assert read(llrs).text == "a dog"
