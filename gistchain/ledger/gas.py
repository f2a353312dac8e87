"""Limits and prices of a registration, as measured (tests/test_ledger.py holds them to the real EVM)."""

from __future__ import annotations

BLOCK_GAS_LIMIT = 150_000_000
TRANSACTION_GAS_LIMIT = 16_777_216  # EIP-7825
MAX_GIST_BYTES = 24_565  # EIP-170, less the 11 bytes that return the rest
INLINE_BYTES = 64  # up to here storage words are cheaper, above it code-as-data is
PART_BYTES = 100 * 1024  # base64 text in one transaction of the archive

# Gas of the first registration of an image, by size of an incompressible gist without zero bytes, Prague rules.
MEASURED_GAS = {
    10: 122_340,
    32: 122_442,
    64: 145_399,
    65: 155_271,
    100: 162_846,
    128: 168_802,
    200: 184_496,
    1024: 363_074,
    20_000: 4_478_917,
    MAX_GIST_BYTES: 5_469_510,
}
