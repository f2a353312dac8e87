"""LDPC codes beside Sionna's: the same codewords, and no more block errors."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sionna.phy.fec.ldpc import LDPC5GDecoder, LDPC5GEncoder
from sionna.phy.nr import TBEncoder

from gistchain.link.codes.ldpc import LdpcCode
from gistchain.link.codes.transport import TransportBlock
from tests.sionna.ldpc_vectors import encoder
from tests.support import ldpc


@pytest.mark.parametrize("code", ldpc.drawn(206, seed=2), ids=str)
def test_codewords_are_bit_for_bit_those_of_sionna(code: tuple[int, int, int]) -> None:
    ours, theirs = LdpcCode(*code), encoder(*code)
    given = ldpc.message(*code[:2])
    for version in range(4):
        assert np.array_equal(ours.encode(given, version), theirs(given, version)), version


@pytest.mark.parametrize(
    ("bits", "coded_bits", "per_symbol", "blocks"),
    [(3752, 8000, 2, 1), (1928, 6000, 4, 1), (12552, 24000, 4, 2), (26120, 60000, 6, 4), (63528, 96000, 8, 8)],
)
def test_transport_blocks_are_bit_for_bit_those_of_sionna(
    bits: int, coded_bits: int, per_symbol: int, blocks: int
) -> None:
    theirs = TBEncoder(bits, coded_bits, bits / coded_bits, per_symbol, use_scrambler=False)
    ours = TransportBlock(bits, coded_bits, per_symbol)
    assert (theirs.tb_size, theirs.num_cbs) == (bits, blocks) == (ours.bits, len(ours.codes))
    given = np.random.default_rng(1).integers(0, 2, (2, bits))
    assert np.array_equal(theirs(torch.tensor(given, dtype=torch.float32)).numpy(), ours.encode(given))


@pytest.mark.parametrize(("bits", "coded_bits", "snr_db"), [(100, 200, 2.4), (640, 1280, 1.4), (1000, 1250, 4.8)])
def test_as_many_iterations_leave_no_more_block_errors_than_sionna(bits: int, coded_bits: int, snr_db: float) -> None:
    """BPSK on each dimension of the noise. Both get the same ratios; Sionna's checks join exactly."""
    rng = np.random.default_rng(3)
    code = LdpcCode(bits, coded_bits)
    sionna = LDPC5GDecoder(LDPC5GEncoder(bits, coded_bits), num_iter=10)
    given = rng.integers(0, 2, (600, bits))
    deviation = 10 ** (-snr_db / 20)
    received = 1.0 - 2.0 * code.encode(given) + rng.normal(0, deviation, (600, coded_bits))
    ratios = (2 * received / deviation**2).astype(np.float32)
    theirs = sionna(torch.tensor(-ratios)).numpy()  # its ratios are log P(1)/P(0)
    ours, _ = code.decode(ratios, iterations=10)
    wrong_theirs, wrong_ours = ((found != given).any(axis=1).sum() for found in (theirs, ours))
    assert wrong_theirs > 10
    assert wrong_ours <= wrong_theirs
