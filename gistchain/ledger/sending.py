"""What is to be on the chain -> one transaction in a block, however often it is tried and whatever the node says.

    sign ── outbox ── broadcast ── wait ──┬── in a block ── told ── final ── forgotten
              ▲                           ├── left out of too many blocks: the same nonce at a higher fee
              └───────────────────────────┴── its block was replaced: the same transaction again (`mend`)

A transaction is in the outbox before it is sent, and stays until the chain can't take it back. A refusal need not be
true, and an answer may be lost: before anything else is sent the node is asked what it has. Another transaction is
signed only where the first can never be in a block, or with the same nonce, so that one of the two at most can be.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction

from gistchain.digest import keccak
from gistchain.errors import LedgerError, NodeDown
from gistchain.ledger.connection import Call, Mined
from gistchain.ledger.fees import ENTERS, REPLACES
from gistchain.ledger.node import Node
from gistchain.ledger.outbox import Outbox, Sent
from gistchain.ledger.refusals import calls_it_cheap, calls_itself_full
from gistchain.ledger.transaction import call_of

_TRIES = 5
"""Another process may take the nonce between reading and sending; each loss costs one try."""
MOST_ATTEMPTS = 8
"""Of one transaction, each at a higher fee: 2.3 times the first one's where the chain's own fees stay as they are."""
_MOST_OFFERS = 5
"""To a node that calls the price too low; each offers twice as much."""
_TAKEN_AFTER = 8
"""Looks, most of a second in all, until a nonce counts as taken by another transaction: behind one URL several nodes
may answer, of which one has the block and another knows nothing of it."""
_KEPT_BLOCKS = 1000
"""How long a transaction is kept on a chain that has no word for what is final."""


class Sender:
    """Sends for one account, by one outbox."""

    def __init__(self, node: Node, outbox: Outbox) -> None:
        self._node, self.outbox = node, outbox
        self._not_raised: str | None = None

    def deliver(self, key: bytes, call: Callable[[], Call], same: Callable[[Call], bool]) -> tuple[Sent, Mined]:
        """The transaction that is in a block, and its receipt.

        key: what it is for, in the outbox. call: what to send; not asked where an earlier try is in a block or can get
        there. It is asked before each new signature, and raises where what is wanted is there without that.
        same: whether the call of an earlier try still does.
        Raises NodeDown, OutOfGas, NotConfirmed, LedgerError, FileError.
        """
        if (done := self._again(key, same)) is not None:
            return done
        for _ in range(_TRIES):
            raw, tx, nonce = self._node.sign(call())
            sent = Sent(key, nonce, raw, tx, self._node.connection.block_number())
            self._offer(sent)
            if (done := self._awaited(key)) is not None:
                return done
        self.outbox.drop(sent)
        raise LedgerError(
            f"{self._node.name} took none of {_TRIES} transactions: another program sends from {self._node.owner} too; "
            "end it or use another --key"
        )

    def run(self, call: Call, before: bytes = b"") -> Mined:
        """The receipt of a call whose effect can be looked up: what was tried before is found or sent again.

        before: how what it changes is now, where it may be said again after something else was.
        Raises as `deliver`, and LedgerError where it failed.
        """
        key = keccak((call.to or "").encode() + call.value_wei.to_bytes(32) + before + call.data)
        sent, mined = self.deliver(key, lambda: call, lambda other: True)
        self.outbox.drop(sent)
        if not mined.succeeded:
            raise LedgerError(f"transaction {sent.tx} failed on {self._node.name} after {mined.gas} gas")
        return mined

    def _offer(self, sent: Sent) -> None:
        """Send it, for more where the node calls that too little. Raises the refusal of one that is not there."""
        refused: str | None = ""
        for _ in range(_MOST_OFFERS):
            self.outbox.add(sent)
            refused = self._broadcast(sent)
            if refused is None or self._is_there(self.outbox.attempts(sent.image_sha3_256)):
                return
            if not calls_it_cheap(refused):
                break
            sent = self._raised(sent, ENTERS)
        # It stays in the outbox: a node that lags behind another may have it all the same.
        raise self._node.refusal(refused or "")

    def _broadcast(self, sent: Sent) -> str | None:
        """None where the node took it or had it; else its refusal, once it no longer is that it has no room."""
        for _ in self._node.patiently(f"{self._node.name} has no room for one more transaction that waits, still"):
            try:
                refused = self._node.broadcast(sent.raw)
            except NodeDown:
                if self._is_there([sent]):  # only the answer was lost
                    return None
                raise
            if refused is None or not calls_itself_full(refused) or self._is_there([sent]):
                return refused
        raise AssertionError("patience ends with an error")

    def _is_there(self, attempts: Sequence[Sent]) -> bool:
        """Whether one of them, or another with their nonce, is in a block or waits for one."""
        nonce = attempts[-1].nonce
        return self._node.nonce("pending") > nonce or any(self._node.connection.knows(sent.tx) for sent in attempts)

    def _again(self, key: bytes, same: Callable[[Call], bool]) -> tuple[Sent, Mined] | None:
        """Bring an earlier transaction into a block. None if it never can be, or is no longer wanted and not there."""
        attempts = self.outbox.attempts(key)
        if not attempts:
            return None
        if not self._is_there(attempts):
            if not same(call_of(attempts[-1].raw)):
                return None
            latest = self._node.nonce("latest")
            for other in self.outbox.all():
                # Those before it must get in first; the node may have lost them all.
                if latest <= other.nonce <= attempts[-1].nonce:
                    self._node.broadcast(other.raw)
            if not self._is_there(attempts):
                return None
        return self._awaited(key)

    def _awaited(self, key: bytes) -> tuple[Sent, Mined] | None:
        """The attempt that is in a block, once one is; None if another transaction took their nonce."""
        self._not_raised = None
        attempts = self.outbox.attempts(key)
        last, taken = attempts[-1], 0
        for _ in self._node.patiently(lambda: self._still(last)):
            attempts = self.outbox.attempts(key) or attempts  # another process may have seen to it
            latest = self._node.nonce("latest")
            if (done := self._mined(attempts)) is not None:
                return done
            if latest <= attempts[-1].nonce:
                self._push(latest)
            # One that is known is in a block, its receipt is only late.
            gone = latest > attempts[-1].nonce and not any(self._node.connection.knows(sent.tx) for sent in attempts)
            taken = taken + 1 if gone else 0
            if taken == _TAKEN_AFTER:
                return None
        raise AssertionError("patience ends with an error")

    def _mined(self, attempts: Sequence[Sent]) -> tuple[Sent, Mined] | None:
        receipts = ((sent, self._node.connection.receipt(sent.tx)) for sent in reversed(attempts))
        return next(((sent, mined) for sent, mined in receipts if mined is not None), None)

    def _still(self, sent: Sent) -> str:
        """What is so when the time is up."""
        last, latest = self.outbox.find(sent.image_sha3_256) or sent, self._node.nonce("latest")
        told = f"transaction {last.tx} is in no block"
        if latest < last.nonce:
            before = f"nonce {latest}" if latest + 1 == last.nonce else f"nonces {latest} to {last.nonce - 1}"
            told += f", as those of {self._node.owner} before it, {before}, are in none,"
        return f"{told}, and a higher fee was not offered ({self._not_raised})," if self._not_raised else told

    def _push(self, latest: int) -> None:
        """Offer more for the account's next transaction, where too many blocks have left it out."""
        attempts = [sent for sent in self.outbox.all() if sent.nonce == latest]
        if not attempts or len(attempts) >= MOST_ATTEMPTS or self._not_raised is not None:
            return
        last = attempts[-1]
        if self._node.connection.block_number() - last.since < self._node.replace_after:
            return
        try:
            raised = self._raised(last, REPLACES)
        except NodeDown:
            raise
        except LedgerError as error:  # too dear: what was sent before can still get in
            self._not_raised = str(error)
            return
        self.outbox.add(raised)
        self._node.broadcast(raised.raw)  # a refusal changes nothing: one of the attempts is there

    def _raised(self, sent: Sent, times: Fraction) -> Sent:
        raw, tx = self._node.raised(sent.raw, times)
        since = self._node.connection.block_number()
        return replace(sent, raw=raw, tx=tx, since=since, block=None, block_hash=None)

    def outcome(self, sent: Sent) -> tuple[Sent, Mined] | None:
        """The attempt that is in a block, of those that were made with this one; None where none is."""
        attempts = self.outbox.attempts(sent.image_sha3_256)
        if (done := self._mined(attempts)) is not None:
            return done
        there = any(self._node.connection.knows(one.tx) for one in attempts)
        return self._awaited(sent.image_sha3_256) if there else None

    def mend(self) -> list[Sent]:
        """Send again what a reorganisation took out of its block, and forget what is final. Returns the former.

        Costs two requests where the last block with one of ours is as it was: then all those before are.
        """
        told = self.outbox.told()
        moved: list[Sent] = []
        for sent in told:
            if sent.block is not None and self._node.connection.block_hash(sent.block) == sent.block_hash:
                break
            moved.append(sent)
        for sent in sorted(moved, key=lambda sent: sent.nonce):
            self.outbox.untell(sent)  # what its caller was told is no longer so
            if self._mined(self.outbox.attempts(sent.image_sha3_256)) is None:
                self._node.broadcast(sent.raw)
        self._forget(told[len(moved) :])
        return moved

    def _forget(self, whole: Sequence[Sent]) -> None:
        """Drop those that are final, of some whose blocks are as they were, the last block first."""
        if not whole:
            return
        final = self._node.connection.finalized()
        if final is None:
            final = (whole[0].block or 0) - _KEPT_BLOCKS
        for sent in whole:
            if sent.block is not None and sent.block <= final:
                self.outbox.drop(sent)
