"""A file -> base64 parts of 100 KB, one transaction each: the classical rival that the comparison needs."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

from gistchain.errors import LedgerError
from gistchain.ledger import abi
from gistchain.ledger.connection import Call
from gistchain.ledger.contracts import compiled
from gistchain.ledger.evm import EvmLedger
from gistchain.ledger.gas import PART_BYTES


@dataclass(frozen=True, slots=True)
class Part:
    """One transaction that carries a part of a file. size_bytes: of the part, in base64."""

    size_bytes: int
    gas: int
    tx: str
    block: int


def deploy_archive(ledger: EvmLedger) -> str:
    """Address of a new archive contract."""
    return str(ledger.run(Call(None, compiled("archive").bytecode)).contract)


def put_file(ledger: EvmLedger, archive: str, content: bytes) -> list[Part]:
    """The transactions that carry the file, in the order of its parts; each is in a block before the next is sent.

    The contract files them under the SHA3-256 of the file.
    """
    if not content:
        raise LedgerError("an empty file has no parts: give one with content")
    text = base64.b64encode(content)
    file_id = hashlib.sha3_256(content).digest()
    parts = []
    for index, start in enumerate(range(0, len(text), PART_BYTES)):
        part = text[start : start + PART_BYTES]
        mined = ledger.run(Call(archive, abi.calldata(compiled("archive"), "store", file_id, index, part)))
        parts.append(Part(len(part), mined.gas, mined.tx, mined.block))
    return parts
