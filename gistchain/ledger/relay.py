"""A registration that its creator signed -> a token of the creator's, paid by somebody else."""

from __future__ import annotations

from gistchain.errors import LedgerError
from gistchain.ledger import ticket
from gistchain.ledger.evm import EvmLedger
from gistchain.ledger.receipts import receipt_of
from gistchain.ledger.ticket import Registration
from gistchain.types import Receipt

MAX_SIGNATURE_BYTES = 1024


def sign(ledger: EvmLedger, registration: Registration) -> bytes:
    """The signature of the ledger's own account, with which `relay` registers until the deadline; costs nothing."""
    ticket.check(registration.ticket, registration.gist)
    if registration.owner != ledger.owner:
        raise LedgerError(f"{ledger.owner} can't sign for {registration.owner}: open the ledger with the owner's --key")
    return ticket.sign(registration, ledger.node.account, chain_id=ledger.chain_id, registry=ledger.registry)


def relay(ledger: EvmLedger, registration: Registration, signature: bytes) -> Receipt:
    """Register for the owner, who signed it, at the cost of the ledger's account.

    signature: 65 bytes, or what the owner's contract takes (ERC-1271). May be repeated after any failure, by anyone:
    the contract then answers with the token that is there, for the gas of the transaction.
    Raises LedgerError where the signature is not the owner's, the deadline has passed, or the owner has registered the
    image with another gist or ticket.
    """
    from eth_utils.address import is_address

    ticket.check(registration.ticket, registration.gist)
    if not is_address(registration.owner) or len(registration.image_sha3_256) != 32:
        raise LedgerError("a registration names its owner's address, 0x and 40 hex digits, and a hash of 32 bytes")
    if not 0 < len(signature) <= MAX_SIGNATURE_BYTES:
        raise LedgerError(f"a signature has 65 bytes, a contract's up to {MAX_SIGNATURE_BYTES}, not {len(signature)}")
    told = registration.owner, *registration.arguments(), registration.deadline, signature
    mined = ledger.run(ledger.call(f"{registration.function}For", *told))
    return receipt_of(
        ledger.node,
        mined,
        ledger=ledger.name,
        token=ledger.token_of(registration.image_sha3_256, registration.owner),
        owner=registration.owner,
        image_sha3_256=registration.image_sha3_256,
        gist=registration.gist,
    )
