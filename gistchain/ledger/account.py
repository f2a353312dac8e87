"""A private key -> an address, and signatures: of a digest, and of a transaction (EIP-155, EIP-1559).

The signature is eth-keys' and the encoding rlp's, as in eth-account, which takes half a second more to load; the tests
compare every byte with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gistchain.digest import keccak

if TYPE_CHECKING:
    from gistchain.ledger.connection import Call
    from gistchain.ledger.fees import Price

_FEE_MARKET = b"\x02"
"""The type of a transaction with a tip (EIP-2718, EIP-1559)."""


class Account:
    """An account whose key is known. address: with a checksum (EIP-55)."""

    def __init__(self, key: bytes) -> None:
        """key: 32 bytes. Raises ValueError where it is none."""
        from eth_keys.datatypes import PrivateKey
        from eth_utils.exceptions import ValidationError

        try:
            self._key = PrivateKey(key)
        except ValidationError:
            # `from None`: the original error may quote the key.
            raise ValueError("that is no private key") from None
        self.address: str = self._key.public_key.to_checksum_address()

    @property
    def key(self) -> bytes:
        return self._key.to_bytes()

    def sign_digest(self, digest: bytes) -> bytes:
        """65 bytes: r, s, v; v is 27 or 28. The same digest gives the same bytes (RFC 6979)."""
        v, r, s = self._key.sign_msg_hash(digest).vrs
        return r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([27 + v])

    def sign_transaction(self, call: Call, price: Price, *, gas: int, nonce: int, chain_id: int) -> tuple[bytes, str]:
        """The signed transaction and its hash. gas: the limit."""
        import rlp

        to = b"" if call.to is None else bytes.fromhex(call.to[2:])
        told = [gas, to, call.value_wei, call.data]
        if price.tip_wei is None:
            fields = [nonce, price.most_wei, *told]
            v, r, s = self._key.sign_msg_hash(keccak(rlp.encode([*fields, chain_id, 0, 0]))).vrs
            raw = rlp.encode([*fields, 35 + 2 * chain_id + v, r, s])
        else:
            fields = [chain_id, nonce, price.tip_wei, price.most_wei, *told, []]
            v, r, s = self._key.sign_msg_hash(keccak(_FEE_MARKET + rlp.encode(fields))).vrs
            raw = _FEE_MARKET + rlp.encode([*fields, v, r, s])
        return raw, "0x" + keccak(raw).hex()
