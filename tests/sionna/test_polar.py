"""Polar codewords and lost blocks beside Sionna's; `python -m tests.sionna.test_polar` writes tests/golden/polar.json.

Sionna 2.2.0 freezes one position less than TS 38.212, section 5.4.1.1, where it punctures: 0 ... T - 2, not T - 1. In
one code of two hundred that position would carry a bit, and the codewords differ.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import math
from collections.abc import Iterator
from importlib.metadata import version

import numpy as np
import torch
from numpy.typing import NDArray
from sionna.phy.fec.polar import Polar5GDecoder, Polar5GEncoder

from gistchain.link.codes.crc import CRC6
from gistchain.link.codes.polar import PolarCode
from gistchain.link.codes.polar_control import ControlBlocks, downlink, uplink
from tests.support.polarvectors import PATH, Key, digest, kept, messages

CODES = 200
MAKERS = {"uplink": uplink, "downlink": downlink}


def keys() -> Iterator[Key]:
    """Random codes that both can make: Sionna has no segmentation and at most 1,088 coded bits."""
    rng = np.random.default_rng(38_212)
    while True:
        if rng.integers(2):
            bits = int(rng.choice([rng.integers(20, 360), rng.integers(20, 1_000)]))
            coded_bits = int(rng.integers(bits + 11, 1_089))
            if bits < 360 or coded_bits < 1_088:
                yield "uplink", bits, coded_bits
        else:
            bits = int(rng.integers(1, 141))
            yield "downlink", bits, int(rng.integers(bits + 24, 577))


@functools.cache
def sionna(key: Key) -> Polar5GEncoder:
    link, bits, coded_bits = key
    with contextlib.redirect_stdout(io.StringIO()):
        return Polar5GEncoder(bits, coded_bits, link)


def freezes_one_less(key: Key) -> bool:
    encoder = sionna(key)
    mother, sent = encoder.n_polar, key[2]
    if sent >= mother or 16 * encoder.k_polar > 7 * sent:
        return False
    also = math.ceil(3 * mother / 4 - sent / 2) if 4 * sent >= 3 * mother else math.ceil(9 * mother / 16 - sent / 4)
    return also > 0 and also - 1 in encoder.info_pos


def codewords(key: Key) -> NDArray[np.uint8]:
    found: NDArray[np.uint8] = sionna(key)(torch.tensor(messages(key), dtype=torch.float32)).numpy().astype(np.uint8)
    return found


def ours(key: Key) -> ControlBlocks:
    return MAKERS[key[0]](*key[1:])


def test_codewords_are_sionnas_but_where_it_leaves_the_standard() -> None:
    drawn = [key for key, _ in zip(keys(), range(CODES), strict=False)]
    differing = [key for key in drawn if not np.array_equal(ours(key).encode(messages(key)), codewords(key))]
    assert differing == [key for key in drawn if freezes_one_less(key)]
    assert len(differing) < CODES / 50


def test_where_it_freezes_one_less_ours_follows_the_standard() -> None:
    key = next(key for key in keys() if freezes_one_less(key))
    encoder, code = sionna(key), ours(key).code
    extra = set(encoder.info_pos) - set(code.matching.carrying)
    assert len(extra) == 1
    assert len(set(code.matching.carrying) - set(encoder.info_pos)) == 1


def test_a_free_code_with_a_crc_of_6_is_sionnas_without_parity_bits() -> None:
    for bits, coded_bits in ((12, 60), (15, 33), (19, 200)):
        key = ("uplink", bits, coded_bits)
        code = PolarCode(bits + CRC6.length, coded_bits, channel_interleaved=True)
        assert np.array_equal(code.encode(CRC6.attached(messages(key))), codewords(key))


def test_the_kept_vectors_are_what_sionna_makes() -> None:
    vectors = kept()
    assert len(vectors) == CODES
    assert all(digest(codewords(key)) == hashed for key, hashed in vectors.items())


def test_as_few_blocks_are_lost() -> None:
    """A list of 8 each, the same noise; five standard deviations of the difference are allowed."""
    rng = np.random.default_rng(7)
    for key, snr_db in ((("uplink", 64, 128), 2.0), (("downlink", 40, 216), -1.5)):
        link, bits, ratio = ours(key), key[1], 10 ** (snr_db / 10)
        message = rng.integers(0, 2, (1_000, bits), np.uint8)
        coded = link.encode(message)
        llrs = 2 * ratio * (1 - 2.0 * coded + rng.normal(0, ratio**-0.5, coded.shape))
        guess = Polar5GDecoder(sionna(key), "SCL", 8)(torch.tensor(-llrs, dtype=torch.float32)).numpy()
        candidates, _ = link.code.decode(llrs, 8)
        found = candidates[np.arange(1_000), link.crc.holds(candidates).argmax(axis=1)][:, :bits]
        theirs, mine = (guess != message).any(axis=1), (found != message).any(axis=1)
        assert theirs.sum() > 50
        assert mine.sum() - theirs.sum() < 5 * math.sqrt((mine != theirs).sum() + 1)


def write() -> None:
    vectors, skipped = [], []
    for key in keys():
        if len(vectors) == CODES:
            break
        if freezes_one_less(key):
            skipped.append(key)
        else:
            vectors.append([*key, digest(codewords(key))])
    lines = ",\n".join("  " + json.dumps(vector) for vector in vectors)
    source = f"sionna-no-rt {version('sionna-no-rt')}, Polar5GEncoder; tests/sionna/test_polar.py writes this"
    head = f'{{\n "source": {json.dumps(source)},\n "left_out_for_one_frozen_bit_less": {json.dumps(skipped)},\n'
    PATH.write_text(f'{head} "vectors": [\n{lines}\n ]\n}}\n', "utf-8")


if __name__ == "__main__":
    write()
