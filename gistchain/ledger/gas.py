"""Limits of a registration; what one costs is in tests/ledger/measured.py, which the tests hold to the real EVM."""

from __future__ import annotations

BLOCK_GAS_LIMIT = 150_000_000
TRANSACTION_GAS_LIMIT = 16_777_216  # EIP-7825
MAX_GIST_BYTES = 24_565  # EIP-170, less the 11 bytes that return the rest
MAX_COMMON_BYTES = 32  # of a batch, before each of its gists
TICKET_BYTES = 46  # evidence and rating stand before the gist
MAX_RATED_GIST_BYTES = MAX_GIST_BYTES - TICKET_BYTES
INLINE_BYTES = 64  # up to here storage words are cheaper, above it code-as-data is
RATED_INLINE_BYTES = INLINE_BYTES - TICKET_BYTES  # the same with a ticket
PART_BYTES = 100 * 1024  # base64 text in one transaction of the archive
