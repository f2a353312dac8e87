"""Any NFT contract behind a node -> the ids of its tokens, their owners and URIs, at a block that is named.

    ERC-721 and ERC-1155 say by ERC-165 what they are; CryptoPunks' contract is older than both and is known by what it
    answers. Ids stand in logs (Transfer, ERC-2309's ConsecutiveTransfer, TransferSingle and -Batch), or are counted by
    the contract (ERC-721 Enumerable), or are tried one by one where the node does not serve logs.

Logs tell what to read, the contract what is there: owner and URI are asked of it, and not taken from a log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Literal

from gistchain.digest import keccak
from gistchain.errors import LedgerError, NodeDown
from gistchain.ledger.connection import Call, Log, Refusal
from gistchain.ledger.dialled import REPLY_S, Told, to_read, urls_of
from gistchain.ledger.node import Node
from gistchain.ledger.ranges import in_ranges
from gistchain.ledger.recover import checksummed

Standard = Literal["erc721", "erc1155", "cryptopunks"]
PUNKS_DATA = "0x16F5A35647D6F03D5D3da7b35409D65ba03aF3B2"
"""CryptoPunksData, which has the pictures and attributes of the punks on Ethereum."""
MOST_IDS = 1_000_000
"""Of one contract; an ERC-2309 log may name 2^256."""
_MISSES = 1_000
_NOBODY = b"\0" * 20
_ERC721, _ENUMERABLE, _ERC1155 = "80ac58cd", "780e9d63", "d9b67a26"


def _topic(event: str) -> bytes:
    return keccak(event.encode())


_TRANSFER = _topic("Transfer(address,address,uint256)")
_CONSECUTIVE = _topic("ConsecutiveTransfer(uint256,uint256,address,address)")
_SINGLE = _topic("TransferSingle(address,address,address,uint256,uint256)")
_BATCH = _topic("TransferBatch(address,address,address,uint256[],uint256[])")
_URI = _topic("URI(string,uint256)")
_UPDATE = _topic("MetadataUpdate(uint256)")
_UPDATES = _topic("BatchMetadataUpdate(uint256,uint256)")
_ASSIGN = _topic("Assign(address,uint256)")
_PUNK_TRANSFER = _topic("PunkTransfer(address,address,uint256)")
_PUNK_BOUGHT = _topic("PunkBought(uint256,uint256,address,address)")


@dataclass(slots=True)
class Changes:
    """What the logs of a range of blocks tell. ids: of tokens that were made or moved. stale: whose metadata changed.

    block_hash: of the last block. too_many: ids that a log named beyond MOST_IDS. odd: logs whose fields are not where
    the standard has them, and which are passed over.
    """

    blocks: range
    block_hash: str | None
    ids: list[range] = field(default_factory=list)
    stale: list[range] = field(default_factory=list)
    too_many: int = 0
    odd: int = 0


class NftContract:
    """One contract. Every call raises NodeDown and LedgerError."""

    def __init__(self, node: Node, address: str, *, punks_data: str = PUNKS_DATA) -> None:
        """Raises LedgerError where no contract stands there, or one of another kind."""
        try:
            raw = bytes.fromhex(address.removeprefix("0x"))
        except ValueError:
            raw = b""
        if len(raw) != 20:
            raise LedgerError(f"{address[:60]!r} is no address of a contract: 0x and 40 hex digits are")
        self.address, self._node = checksummed(raw), node
        self._punks_data = checksummed(bytes.fromhex(punks_data.removeprefix("0x")))
        self._connection = node.connection
        if not self._connection.code(self.address):
            raise LedgerError(f"no contract stands at {self.address} on {node.name}: check address and --rpc")
        self.standard = self._standard()
        self.enumerable = self.standard == "erc721" and self._supports(_ENUMERABLE)

    @property
    def chain(self) -> str:
        """CAIP-2."""
        return f"eip155:{self._node.chain_id}"

    def name(self) -> str:
        """What the contract calls itself, '' for nothing."""
        if self.standard == "cryptopunks":
            return "CryptoPunks"
        return str(self._asked("name()", (), (), ("string",)) or "")[:300]

    def supply(self) -> int | None:
        """Tokens that it says there are; None where it doesn't tell."""
        told = self._asked("totalSupply()", (), (), ("uint256",))
        return None if told is None else int(told)

    def last(self) -> tuple[int, str]:
        """(number, hash) of the last block."""
        number = self._connection.block_number()
        digest = self._connection.block_hash(number)
        if digest is None:
            raise LedgerError(f"{self._node.name} does not know its own last block {number}: try again")
        return number, digest

    def block_hash(self, number: int) -> str | None:
        return self._connection.block_hash(number)

    def changes(self, at: int, last: int) -> Iterator[Changes]:
        """What logs tell, range by range; blocks whose logs are not served are in none of the ranges."""
        topics = {
            "erc721": (_TRANSFER, _CONSECUTIVE, _UPDATE, _UPDATES),
            "erc1155": (_SINGLE, _BATCH, _URI, _UPDATE, _UPDATES),
            "cryptopunks": (_ASSIGN, _PUNK_TRANSFER, _PUNK_BOUGHT),
        }[self.standard]
        for served in in_ranges(self._connection, self.address, (topics,), at, last):
            found = Changes(served.blocks, served.block_hash)
            for log in served.logs:
                asked = log.address.casefold() == self.address.casefold() and log.block in served.blocks
                if not asked or not log.topics or log.topics[0] not in topics:
                    raise LedgerError(f"{self._node.name} shows another log than those asked for: ask another node")
                found.odd += not _read(log, found)
            yield found

    def counted(self) -> Iterator[int]:
        """The ids as the contract lists them (ERC-721 Enumerable); CryptoPunks are 0 to 9999."""
        count = min(self.supply() or 0, MOST_IDS)
        if self.standard == "cryptopunks":
            yield from range(count)
            return
        for index in range(count):
            token = self._asked("tokenByIndex(uint256)", ("uint256",), (index,), ("uint256",))
            if token is not None:
                yield int(token)

    def tried(self, known: Callable[[int], bool] = lambda token: False, most: int | None = None) -> Iterator[int]:
        """Ids that have an owner, tried from 0 on: for nodes that have kept no logs. Ends after many misses.

        known: ids that need not be tried. most: how many others there can be, None where nobody tells.
        None of an ERC-1155, which does not say whether an id is there.
        """
        if self.standard == "erc1155":
            return
        found = misses = token = 0
        while misses < _MISSES and token < MOST_IDS and (most is None or found < most):
            if not known(token):
                if self.owner(token, None) is None:
                    misses += 1
                else:
                    found, misses = found + 1, 0
                    yield token
            token += 1

    def owner(self, token: int, block: int | None) -> str | None:
        """Who owns it after this block, None for nobody: burnt, or never made. '' where many may (ERC-1155)."""
        if self.standard == "erc1155":
            return ""
        function = "punkIndexToAddress(uint256)" if self.standard == "cryptopunks" else "ownerOf(uint256)"
        told = self._asked(function, ("uint256",), (token,), ("address",), block)
        return None if told is None or bytes.fromhex(told[2:]) == _NOBODY else checksummed(bytes.fromhex(told[2:]))

    def uri(self, token: int, block: int | None) -> str | None:
        """Of its metadata; None where the contract refuses to tell."""
        if self.standard == "cryptopunks":
            return self._punk(token, block)
        function = "uri(uint256)" if self.standard == "erc1155" else "tokenURI(uint256)"
        told = self._asked(function, ("uint256",), (token,), ("string",), block)
        if told is None:
            return None
        # EIP-1155: lower case, 64 digits, no 0x.
        return str(told).replace("{id}", f"{token:064x}") if self.standard == "erc1155" else str(told)

    def _punk(self, token: int, block: int | None) -> str | None:
        """Punks have no metadata: it is made of what CryptoPunksData tells, as a data: URI."""
        import json
        from urllib.parse import quote

        data = self._punks_data
        image = self._asked("punkImageSvg(uint16)", ("uint16",), (token,), ("string",), block, to=data)
        told = self._asked("punkAttributes(uint16)", ("uint16",), (token,), ("string",), block, to=data)
        if image is None or told is None:
            return None
        # 'Male 1, Smile, Mohawk': the first is the type, whose number is that of the face.
        kind, *accessories = [part.strip() for part in str(told).split(",") if part.strip()] or [""]
        attributes = [{"trait_type": "type", "value": kind.rstrip("0123456789 ")}] if kind else []
        attributes += [{"trait_type": "accessory", "value": value} for value in accessories]
        metadata = {"name": f"CryptoPunk #{token}", "image": str(image), "attributes": attributes}
        return "data:application/json," + quote(json.dumps(metadata))

    def _standard(self) -> Standard:
        if self._supports(_ERC721):
            return "erc721"
        if self._supports(_ERC1155):
            return "erc1155"
        if self._asked("punkIndexToAddress(uint256)", ("uint256",), (0,), ("address",)) is not None:
            return "cryptopunks"
        # Some of the first ERC-721 contracts do not say what they are. A coin (ERC-20) has name and supply as well, and
        # logs with the same topic, whose numbers are amounts.
        named = self._asked("name()", (), (), ("string",)) is not None and self.supply() is not None
        if named and self._asked("decimals()", (), (), ("uint8",)) is None:
            return "erc721"
        raise LedgerError(
            f"the contract {self.address} on {self._node.name} is neither ERC-721 nor ERC-1155 nor CryptoPunks: "
            "check the address"
        )

    def _supports(self, interface: str) -> bool:
        told = self._asked("supportsInterface(bytes4)", ("bytes4",), (bytes.fromhex(interface),), ("bool",))
        return told is True

    def _asked(
        self,
        function: str,
        kinds: Sequence[str],
        values: Sequence[object],
        returns: Sequence[str],
        block: int | None = None,
        to: str | None = None,
    ) -> Any:
        """What the function returns; None where the contract refuses, has no such function or answers nonsense."""
        from eth_abi.abi import decode, encode
        from eth_abi.exceptions import DecodingError

        data = keccak(function.encode())[:4] + encode(kinds, values)
        try:
            answer = self._connection.call(Call(to or self.address, data), None, block)
            return decode(returns, answer)[0] if answer else None
        except NodeDown:
            raise
        except (Refusal, DecodingError, UnicodeDecodeError, OverflowError):
            return None


def open_nft(urls: Sequence[str], address: str, *, told: Told | None, undo: ExitStack) -> NftContract:
    """The contract at the address, behind one or several nodes of its chain, to read only.

    told: hears which of several nodes is left alone, and why. undo: hangs up. Raises NodeDown, LedgerError.
    """
    node, _ = to_read(urls_of(urls), None, REPLY_S, told, undo)
    return NftContract(node, address)


# Event -> how many topics it has, and how many bytes of data where that is always the same. The contract wrote the log,
# so that one of another form is no fault of the node's.
_FORMS = {
    _CONSECUTIVE: (4, 32),
    _UPDATES: (1, 64),
    _SINGLE: (4, 64),
    _BATCH: (4, None),
    _URI: (2, None),
}
# Event -> which of its fields is the id. Indexed in most contracts; some of the first ones have it last among the data.
_PLACES = {_TRANSFER: 3, _UPDATE: 1, _ASSIGN: 2, _PUNK_TRANSFER: 3, _PUNK_BOUGHT: 1}


def _read(log: Log, found: Changes) -> bool:
    """Note what the log tells; False where it does not have the form of its event."""
    kind = log.topics[0]
    if kind in _PLACES:
        where = _PLACES[kind]
        raw = log.topics[where] if len(log.topics) > where else log.data[-32:]
        if len(raw) != 32:
            return False
        _add(found.stale if kind == _UPDATE else found.ids, int.from_bytes(raw, "big"), None, found)
        return True
    topics, size = _FORMS[kind]
    if len(log.topics) != topics or size not in (None, len(log.data)):
        return False
    first, second = int.from_bytes(log.data[:32], "big"), int.from_bytes(log.data[32:64], "big")
    if kind == _CONSECUTIVE:
        _add(found.ids, int.from_bytes(log.topics[1], "big"), first, found)
    elif kind == _UPDATES:
        _add(found.stale, first, min(second, first + MOST_IDS - 1), found)  # 'all' is said by the largest number
    elif kind == _SINGLE:
        _add(found.ids, first, None, found)
    elif kind == _URI:
        _add(found.stale, int.from_bytes(log.topics[1], "big"), None, found)
    else:
        return _read_batch(log, found)
    return True


def _read_batch(log: Log, found: Changes) -> bool:
    from eth_abi.abi import decode
    from eth_abi.exceptions import DecodingError

    try:
        ids, _ = decode(["uint256[]", "uint256[]"], log.data)
    except (DecodingError, ValueError, OverflowError):
        return False
    for token in ids[:MOST_IDS]:
        _add(found.ids, int(token), None, found)
    return True


def _add(to: list[range], first: int, last: int | None, found: Changes) -> None:
    stop = (first if last is None else last) + 1
    if stop - first > MOST_IDS:
        found.too_many += stop - first - MOST_IDS
        stop = first + MOST_IDS
    if stop > first:
        to.append(range(first, stop))
