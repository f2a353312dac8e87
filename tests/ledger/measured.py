"""Gas of the first registration of an image, by size of an incompressible gist without zero bytes, Prague rules."""

from __future__ import annotations

from gistchain.ledger.gas import MAX_GIST_BYTES, MAX_RATED_GIST_BYTES

MEASURED_GAS = {
    10: 119_926,
    32: 120_190,
    64: 142_961,
    65: 156_207,
    100: 163_781,
    128: 169_737,
    200: 185_444,
    1024: 364_010,
    20_000: 4_479_887,
    MAX_GIST_BYTES: 5_470_485,
}

MEASURED_RATED_GAS = {
    10: 142_798,
    18: 142_894,
    19: 156_285,
    64: 165_993,
    100: 173_913,
    200: 195_582,
    1024: 374_143,
    MAX_RATED_GIST_BYTES: 5_470_705,
}
"""The same with a rareness ticket."""
