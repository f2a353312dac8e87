"""An imported collection and an account -> which of its tokens are the account's own to register.

Who imports is not the author (T1.6): a contract says who owns a token, and only that account may call it its own. A
folder, a list or a package has no owners; that it is one's own is the word of the person who says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gistchain.collection.imports.record import ImportedToken, Record


@dataclass(frozen=True, slots=True)
class Own:
    """images: the folder of the pictures. pictures: of the account's tokens, in the standard form. others: tokens that
    are not known to be the account's.

    Both of complete tokens only, in the order in which these became known.
    """

    name: str
    account: str
    images: Path
    pictures: tuple[Path, ...]
    others: tuple[ImportedToken, ...]


def own(folder: Path, account: str) -> Own:
    """folder: of the collection. account: an address, in either case of letters. Raises CollectionError, FileError."""
    pictures: list[Path] = []
    others: list[ImportedToken] = []
    with Record(folder) as record:
        about = record.about()
        owned = about is not None and about.source == "contract"
        for token in record.tokens("complete"):
            # Of an ERC-1155 nobody tells the owner: that a token is one's own can't be seen there.
            if owned and token.owner.casefold() != account.casefold():
                others.append(token)
            else:
                pictures.append(folder / token.picture)
    return Own(folder.name, account, folder / "images", tuple(pictures), tuple(others))
