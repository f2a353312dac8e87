"""What is found: a registered token, or a token of an imported collection."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

Kind = Literal["token", "reference"]
"""token: registered here or in a followed registry. reference: of an imported collection, whose author is another."""


@dataclass(frozen=True, slots=True)
class Item:
    """One of them, as it was when it was indexed.

    source: of a token the registry's name (Ledger.name), of a reference the folder of its import. token: its id there.
    subject: what captions call it. traits: (type, value). chain: CAIP-2, contract: address, '' for none. owner: ''
    where nobody tells, as of `block`, -1 for none. verdict, score: of the ticket, '' and -1 without one.
    media: SHA3-256 of the registered file, SHA-256 of a reference's media, in hex. picture: path below the home of the
    file that shows it, '' for none.
    """

    kind: Kind
    source: str
    token: str
    subject: str = ""
    title: str = ""
    caption: str = ""
    traits: tuple[tuple[str, str], ...] = ()
    chain: str = ""
    contract: str = ""
    owner: str = ""
    block: int = -1
    verdict: str = ""
    score: float = -1.0
    media: str = ""
    picture: str = ""

    def row(self) -> str:
        """As JSON; surrogates of file names are escaped."""
        return json.dumps(asdict(self))

    def digest(self) -> bytes:
        """16 bytes: another one where anything has changed."""
        return hashlib.blake2b(self.row().encode(), digest_size=16).digest()


def item_of(row: str) -> Item:
    """Raises ValueError, TypeError, KeyError for what is none."""
    said: dict[str, Any] = json.loads(row)
    known = {field.name for field in fields(Item)}
    item = Item(**{name: value for name, value in said.items() if name in known and name != "traits"})
    traits = tuple((str(type_), str(value)) for type_, value in said["traits"])
    return Item(**{**{f: getattr(item, f) for f in known if f != "traits"}, "traits": traits})
