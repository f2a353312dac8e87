"""Gas of the first registration of an image, by size of an incompressible gist without zero bytes, Prague rules."""

from __future__ import annotations

from gistchain.ledger.gas import MAX_GIST_BYTES, MAX_RATED_GIST_BYTES

RATED_INLINE_BYTES = 29
"""The largest gist that is kept in storage words with a ticket; without one it is INLINE_BYTES."""

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
"""The same with a rareness ticket."""
