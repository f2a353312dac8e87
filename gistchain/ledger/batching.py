"""A batch -> one transaction in a block, however often it is tried; and what of it the home keeps."""

from __future__ import annotations

from collections.abc import Sequence

from gistchain.digest import keccak
from gistchain.errors import LedgerError
from gistchain.ledger import abi
from gistchain.ledger import ticket as tickets
from gistchain.ledger.batch import Batch, Item
from gistchain.ledger.batches import Batches, Range
from gistchain.ledger.connection import Call, Mined
from gistchain.ledger.contracts import compiled
from gistchain.ledger.gas import MAX_COMMON_BYTES, MAX_GIST_BYTES
from gistchain.ledger.node import Node
from gistchain.ledger.outbox import Sent
from gistchain.ledger.sending import Sender
from gistchain.types import BatchItem, BatchReceipt, Guarantee

MAX_DATA_BYTES = {"state": MAX_GIST_BYTES, "proof": 32_768}
"""Of a batch: what the code of a data contract holds, and what the contract makes room for in memory."""


def made(items: Sequence[BatchItem], common: bytes, evidence: bytes, guarantee: Guarantee) -> Batch:
    """The batch of these items. Raises LedgerError for what the contract would not keep just as it is."""
    for item in items:
        tickets.check(item.ticket, common + item.payload)
        if (item.ticket is None) == any(evidence):
            raise LedgerError("in a batch either every token has a ticket or none has")
    if len(common) > MAX_COMMON_BYTES:
        raise LedgerError(f"{len(common)} bytes can't be common to a batch: at most {MAX_COMMON_BYTES} can")
    try:
        batch = Batch.of(
            [Item(item.image_sha3_256, item.payload, tickets.kept(item.ticket)[1]) for item in items], common, evidence
        )
        size = len(batch.data)
    except (ValueError, OverflowError) as error:
        raise LedgerError(f"{len(items)} tokens are no batch: {error}") from error
    if size > MAX_DATA_BYTES[guarantee]:
        raise LedgerError(
            f"a batch of {len(items)} tokens takes {size:,} bytes: at most {MAX_DATA_BYTES[guarantee]:,} can be"
        )
    return batch


class Batching:
    """Sends the batches of one account to one registry."""

    def __init__(self, node: Node, registry: str, sender: Sender, batches: Batches) -> None:
        self._node, self._registry, self._sender, self._batches = node, registry, sender, batches

    def put(self, batch: Batch, guarantee: Guarantee, ledger: str) -> tuple[BatchReceipt, tuple[Sent, Mined] | None]:
        """The receipt, and its transaction, which stays in the outbox until the caller has taken the receipt.

        Raises as EvmLedger.put does.
        """
        root = batch.root if guarantee == "proof" else b""
        call = self._call(batch, root)
        key = keccak(call.data)
        # Without a transaction on its way it may be there all the same: sent by a home whose outbox is lost.
        if self._sender.outbox.find(key) is None and (there := self._there(batch, root)) is not None:
            block = int(self._batches.record(there.first)[2])
            return BatchReceipt(ledger, there.number, there.first, there.count, 0, "", block), None
        sent, mined = self._sender.deliver(key, lambda: call, lambda other: other.data == call.data)
        if not mined.succeeded:
            self._sender.outbox.drop(sent)
            raise LedgerError(f"transaction {sent.tx} failed on {self._node.name}: no token was registered; try again")
        found = self._found(batch, root, mined)
        if root:
            self._batches.keep(found.number, batch.data)
        return BatchReceipt(ledger, found.number, found.first, found.count, mined.gas, sent.tx, mined.block), (
            sent,
            mined,
        )

    def _call(self, batch: Batch, root: bytes) -> Call:
        contract = compiled("registry")
        if root:
            return Call(self._registry, abi.calldata(contract, "registerProofs", root, len(batch.items), batch.data))
        return Call(self._registry, abi.calldata(contract, "registerBatch", batch.data))

    def _found(self, batch: Batch, root: bytes, mined: Mined) -> Range:
        # The node may answer from an older block, or one of several nodes behind a name.
        for _ in self._node.patiently(f"transaction {mined.tx} is in block {mined.block}, its batch is not"):
            if (found := self._there(batch, root)) is not None:
                return found
        raise AssertionError("patience ends with an error")

    def _there(self, batch: Batch, root: bytes) -> Range | None:
        """This account's batch of just these items, where it is among the newest."""
        for each in self._batches.newest(self._node.owner):
            if each.count == len(batch.items) and each.root == root and (root or self._holds(each, batch)):
                return each
        return None

    def _holds(self, there: Range, batch: Batch) -> bool:
        if self._batches.index_of(there.number, batch.items[0].image) != there.first:
            return False
        return all(
            self._batches.gist_of(there.first + index) == batch.common + batch.items[index].gist
            for index in {0, len(batch.items) - 1}
        )
