"""Limits and prices of a registration, as measured (tests/ledger/test_ledger.py holds them to the real EVM)."""

from __future__ import annotations

BLOCK_GAS_LIMIT = 150_000_000
TRANSACTION_GAS_LIMIT = 16_777_216  # EIP-7825
MAX_GIST_BYTES = 24_565  # EIP-170, less the 11 bytes that return the rest
TICKET_BYTES = 35  # evidence, score and verdict stand before the gist
MAX_RATED_GIST_BYTES = MAX_GIST_BYTES - TICKET_BYTES
INLINE_BYTES = 64  # up to here storage words are cheaper, above it code-as-data is
RATED_INLINE_BYTES = 29  # the same with a ticket, which comes to INLINE_BYTES
PART_BYTES = 100 * 1024  # base64 text in one transaction of the archive

# Gas of the first registration of an image, by size of an incompressible gist without zero bytes, Prague rules.
MEASURED_GAS = {
    10: 122_573,
    32: 122_651,
    64: 145_620,
    65: 155_537,
    100: 163_111,
    128: 169_067,
    200: 184_773,
    1024: 363_340,
    20_000: 4_479_212,
    MAX_GIST_BYTES: 5_469_808,
}

# The same with a rareness ticket.
MEASURED_RATED_GAS = {
    10: 153_394,
    29: 153_634,
    30: 163_609,
    64: 170_966,
    100: 178_910,
    200: 200_590,
    1024: 379_307,
    MAX_RATED_GIST_BYTES: 5_482_575,
}
