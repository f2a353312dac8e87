"""What is to be on the chain -> one transaction in a block, however often it is tried and whatever the node says.

A transaction is in the outbox before it is sent, and leaves it when its outcome was seen. A refusal need not be true,
and an answer may be lost: before anything else is sent the node is asked what it has. Another transaction is signed
only where the first can never be in a block, or with the same nonce, so that one of the two at most can be.
"""

from __future__ import annotations

from collections.abc import Callable

from gistchain.ledger.connection import Call, Mined
from gistchain.ledger.node import TRIES, Node
from gistchain.ledger.outbox import Outbox, Sent
from gistchain.ledger.transaction import call_of


class Sender:
    """Sends for one account, by one outbox."""

    def __init__(self, node: Node, outbox: Outbox) -> None:
        self._node, self.outbox = node, outbox

    def deliver(self, key: bytes, call: Callable[[], Call], same: Callable[[Call], bool]) -> tuple[Sent, Mined]:
        """The transaction that is in a block, and its receipt.

        key: what it is for, in the outbox. call: what to send; not asked where an earlier try is in a block or can get
        there. same: whether the call of an earlier try still does.
        Raises NodeDown, OutOfGas, NotConfirmed, LedgerError, FileError.
        """
        sent = self.outbox.find(key)
        if sent is not None and (mined := self._again(sent, same)) is not None:
            return sent, mined
        for _ in range(TRIES):
            raw, tx, nonce = self._node.sign(call())
            sent = Sent(key, nonce, raw, tx)
            self.outbox.add(sent)
            refused = self._node.broadcast(raw)
            if refused is not None and not self._node.holds(tx, nonce):
                # It stays in the outbox: a node that lags behind another may have it all the same.
                raise self._node.refusal(refused)
            if (mined := self._node.wait(tx, nonce)) is not None:
                return sent, mined
            self.outbox.drop(sent)
        raise self._node.crowded()

    def _again(self, sent: Sent, same: Callable[[Call], bool]) -> Mined | None:
        """Bring an earlier transaction into a block. None if it never can be, or is no longer wanted and not there."""
        if not self._node.holds(sent.tx, sent.nonce):
            if not same(call_of(sent.raw)):
                return None
            latest = self._node.nonce("latest")
            for other in self.outbox.all():
                # Those before it must get in first; the node may have lost them all.
                if latest <= other.nonce <= sent.nonce:
                    self._node.broadcast(other.raw)
            if not self._node.holds(sent.tx, sent.nonce):
                return None
        return self._node.wait(sent.tx, sent.nonce)

    def outcome(self, sent: Sent) -> Mined | None:
        """The receipt of an earlier transaction that is in a block; None where it is in none."""
        if (mined := self._node.connection.receipt(sent.tx)) is not None:
            return mined
        return self._node.wait(sent.tx, sent.nonce) if self._node.connection.knows(sent.tx) else None
