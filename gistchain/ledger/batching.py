"""A batch -> one transaction in a block, however often it is tried; and what of it the home keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest

from gistchain.digest import keccak
from gistchain.errors import LedgerError, NotConfirmed
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


class _IsThere(Exception):
    """The batch that was to be sent is in the registry."""

    def __init__(self, there: Range) -> None:
        super().__init__(there)
        self.there = there


class Batching:
    """Sends the batches of one account to one registry."""

    def __init__(self, node: Node, registry: str, sender: Sender, batches: Batches) -> None:
        self._node, self._registry, self._sender, self._batches = node, registry, sender, batches

    def put(self, batch: Batch, guarantee: Guarantee, ledger: str) -> tuple[BatchReceipt, tuple[Sent, Mined] | None]:
        """The receipt, and its transaction, which stays in the outbox until the caller has taken the receipt.

        Raises as EvmLedger.put does; NotConfirmed only where nothing of it was ever sent.
        """
        root = batch.root if guarantee == "proof" else b""
        call = self._call(batch, root)
        key = keccak(call.data)

        def wanted() -> Call:
            # It may be there without a transaction that is known: sent by a home whose outbox is lost, or by this one
            # and seen by another of several nodes behind a name.
            if (there := self._there(batch, root, whole=True)) is not None:
                raise _IsThere(there)
            return call

        try:
            sent, mined = self._sender.deliver(key, wanted, lambda other: other.data == call.data)
        except _IsThere as found:
            block = int(self._batches.record(found.there.first)[2])
            return self._receipt(batch, root, found.there, BatchReceipt(ledger, 0, 0, 0, 0, "", block)), None
        except NotConfirmed as error:
            if self._sender.outbox.attempts(key):
                raise LedgerError(
                    f"what was sent of this batch before may get into a block yet; now {error}"
                ) from error
            raise
        if not mined.succeeded and self._there(batch, root, whole=True) is None:
            self._sender.outbox.drop(sent)
            raise LedgerError(f"transaction {sent.tx} failed on {self._node.name}: no token was registered; try again")
        there = self._found(batch, root, mined)
        told = BatchReceipt(ledger, 0, 0, 0, mined.gas, sent.tx, mined.block)
        return self._receipt(batch, root, there, told), (sent, mined)

    def _receipt(self, batch: Batch, root: bytes, there: Range, told: BatchReceipt) -> BatchReceipt:
        """The receipt, once what the chain does not hold is in the home."""
        if root:
            self._batches.keep(there.number, batch.data)
        return replace(told, number=there.number, first=there.first, count=there.count)

    def _call(self, batch: Batch, root: bytes) -> Call:
        contract = compiled("registry")
        if root:
            return Call(self._registry, abi.calldata(contract, "registerProofs", root, len(batch.items), batch.data))
        return Call(self._registry, abi.calldata(contract, "registerBatch", batch.data))

    def _found(self, batch: Batch, root: bytes, mined: Mined) -> Range:
        # The node may answer from an older block, or one of several nodes behind a name.
        for _ in self._node.patiently(f"transaction {mined.tx} is in block {mined.block}, its batch is not"):
            if (found := self._there(batch, root, whole=False)) is not None:
                return found
        raise AssertionError("patience ends with an error")

    def _there(self, batch: Batch, root: bytes, *, whole: bool) -> Range | None:
        """This account's batch of just these items, where it is among the newest.

        whole: every gist is compared, a request for each; else the first and the last, as a transaction in a block is
        known to have made it.
        """
        for each in self._batches.newest(self._node.owner):
            if each.count == len(batch.items) and each.root == root and (root or self._holds(each, batch, whole)):
                return each
        return None

    def _holds(self, there: Range, batch: Batch, whole: bool) -> bool:
        images = (item.image for item in batch.items)
        if any(found != image for found, image in zip_longest(self._batches.images(there), images)):
            return False
        last = len(batch.items) - 1
        return all(
            self._batches.gist_of(there.first + index) == batch.common + batch.items[index].gist
            for index in (range(last + 1) if whole else {0, last})
        )
