"""Bytes -> their Keccak-256, Ethereum's hash."""

from __future__ import annotations


def keccak(data: bytes) -> bytes:
    """32 bytes."""
    from Crypto.Hash import keccak as hashing

    digest: bytes = hashing.new(digest_bits=256, data=data).digest()
    return digest
