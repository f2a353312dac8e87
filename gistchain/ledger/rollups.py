"""A transaction of a rollup, and prices of its parent's data -> what it adds to the gas for them, in wei.

    OpStack      size x (16 x base scalar x base fee + blob scalar x blob fee) / 10^6
                 size = max(100, 0.8365 x FastLZ bytes - 42.5856)
    Arbitrum     16 x bytes x its estimate of the parent's price for a unit of gas

Both take the transaction as it is signed. The first is the rule since Fjord (specs.optimism.io, Fjord, "L1-Cost fees";
`GasPriceOracle` at 0x420000000000000000000000000000000000000F), exact but for what signature and nonce happen to be;
what an operator adds since Isthmus is not in it. Nitro counts the bytes after Brotli (OffchainLabs/nitro,
arbos/l1pricing), here they are counted as they are: a registration is so short and so much of it hashes that Brotli
saves nothing, or a tenth where there is no ticket.
"""

from __future__ import annotations

from dataclasses import dataclass

from gistchain.digest import keccak
from gistchain.ledger.patricia import encoded

_INTERCEPT, _COEFFICIENT, _LEAST_BYTES, _MILLION = -42_585_600, 836_500, 100, 10**6  # of Fjord's regression
_GAS_A_BYTE = 16
_NEAR, _SLOTS = 0x1FFF, 8192  # of FastLZ: how far back a match may lie; its table


@dataclass(frozen=True, slots=True)
class OpStack:
    """A chain of the OP stack. Scalars as `baseFeeScalar` and `blobBaseFeeScalar` tell them, in millionths."""

    base_scalar: int
    blob_scalar: int
    base_fee_wei: int
    blob_fee_wei: int

    def fee_wei(self, transaction: bytes) -> int:
        """For a signed transaction as it is sent."""
        a_byte = _GAS_A_BYTE * self.base_scalar * self.base_fee_wei + self.blob_scalar * self.blob_fee_wei
        size = max(_LEAST_BYTES * _MILLION, _INTERCEPT + _COEFFICIENT * fastlz_bytes(transaction))
        return size * a_byte // _MILLION**2


@dataclass(frozen=True, slots=True)
class Arbitrum:
    """A chain of Arbitrum. unit_price_wei: as `getL1BaseFeeEstimate` of ArbGasInfo (0x6c) tells it."""

    unit_price_wei: int

    def fee_wei(self, transaction: bytes) -> int:
        """For a signed transaction as it is sent; a receipt has it among the gas."""
        return len(transaction) * _GAS_A_BYTE * self.unit_price_wei


Rollup = OpStack | Arbitrum


def transaction_of(calldata: bytes) -> bytes:
    """A signed transaction (EIP-1559) with this calldata, of the usual size; its other fields are made up."""
    chain, nonce, tip, most, limit = b"\x21\x05", b"\x4d", b"\x0f\x42\x40", b"\x3b\x9a\xca\x07", b"\x02\x8b\x0a"
    made_up = keccak(b"r") + keccak(b"s") + keccak(b"to")[:20]
    fields = (chain, nonce, tip, most, limit, made_up[64:], b"", calldata)
    return b"\x02" + encoded([*fields, [], b"\x01", made_up[:32], made_up[32:64]])


def fastlz_bytes(data: bytes) -> int:
    """How many bytes FastLZ (level 1) makes of these, as solady's flzCompress and OP nodes count them.

    Runs of up to 32 bytes as they are, with a byte in front; what stood before in 2 or 3 bytes for up to 262.
    """
    size, kept, at = 0, 0, 2  # kept: up to where all is counted
    last = [0] * _SLOTS  # where three bytes with this hash began
    limit = len(data) - 13
    while (found := _next_match(data, at, limit, last)) is not None:
        at, before = found
        most = len(data) - at - 8
        more = next((k for k in range(most) if data[at + 3 + k] != data[before + 3 + k]), most)
        size += _plain_bytes(at - kept) + 3 * (more // 262) + (3 if more % 262 >= 6 else 2)
        for place in (at + more + 1, at + more + 2):
            last[_slot(data, place)] = place
        at = kept = at + more + 3
    return size + _plain_bytes(len(data) - kept)


def _next_match(data: bytes, start: int, limit: int, last: list[int]) -> tuple[int, int] | None:
    """Where the next three bytes lie that stood before, and where that was."""
    for at in range(start, limit):
        slot = _slot(data, at)
        before, last[slot] = last[slot], at
        if at - before <= _NEAR and data[at : at + 3] == data[before : before + 3]:
            return (at, before) if at + 1 < limit else None
    return None


def _slot(data: bytes, at: int) -> int:
    return (2_654_435_769 * int.from_bytes(data[at : at + 3], "little") & 0xFFFFFFFF) >> 19


def _plain_bytes(count: int) -> int:
    return count + -(-count // 32)
