"""`gistchain show` and `list`: what the chain holds, and what the home remembers of it.

Whatever comes from a chain is printed without control characters: a public registry holds anyone's words.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gistchain.answers.listing import header, listed_json, listed_text
from gistchain.answers.path import shown_json, shown_text
from gistchain.cli.completion import collections
from gistchain.cli.options import ChainId, Contract, Home, Json, Rpc, TokenId
from gistchain.cli.terminal import answer, complain, note, say
from gistchain.errors import RarenessError
from gistchain.opening import open_ledger
from gistchain.settings import load
from gistchain.types import SignedVerdict

if TYPE_CHECKING:
    from gistchain.listing import Known
    from gistchain.settings import Settings
    from gistchain.types import Ledger, SignedRareness, Token


def show(
    ctx: typer.Context,
    token: TokenId,
    evidence: Annotated[
        bool, typer.Option("--evidence", help="Print the evidence document of its rareness, byte for byte.")
    ] = False,
    home: Home = None,
    rpc: Rpc = None,
    registry: Contract = None,
    chain_id: ChainId = None,
    as_json: Json = False,
) -> None:
    """Show what the chain holds of a token."""
    from gistchain.pipeline import Registry

    settings = load(ctx.params)
    with open_ledger(settings, waiting=note, write=False) as ledger:
        if evidence:
            signed = ledger.rareness_of(token)
            document = document_of(settings.home, signed, ledger.token(token))
            wanted = _required(token, signed, document, settings.home)
            typer.echo(wanted, nl=False)  # as it is, so that its hash is the ticket's
            return
        shown = Registry(ledger).show(token)
    document = document_of(settings.home, shown.signed, shown.token)
    answer(shown, lambda done: shown_json(done, document), lambda done: shown_text(done, document), as_json)


def document_of(home: Path, signed: SignedRareness | None, token: Token) -> bytes | None:
    """The evidence behind a token's ticket, where this home has it: of a batch that of its image.

    A database that can't be read is complained about.
    """
    from gistchain.rareness.evidence import in_batch
    from gistchain.rareness.store.database import kept_evidence

    document = None if signed is None else kept_evidence(home, signed.ticket.evidence, failed=complain)
    if document is None or not token.batch:
        return document
    own = in_batch(document, token.image_sha3_256)
    return None if own is None else kept_evidence(home, own, failed=complain)


def _required(token: int, signed: SignedRareness | None, document: bytes | None, home: Path) -> bytes:
    if signed is None:
        raise RarenessError(f"token {token} has no rareness ticket, so that there is no evidence to show")
    if document is None:
        raise RarenessError(
            f"the evidence {signed.ticket.evidence.hex()} of token {token} is not in {home}: it stays with whoever "
            f"registered the image; ask {signed.signer} for the document with this SHA3-256"
        )
    return document


def list_tokens(
    ctx: typer.Context,
    collection: Annotated[
        str | None, typer.Option(help="Only tokens of this collection.", autocompletion=collections())
    ] = None,
    verdict: Annotated[SignedVerdict | None, typer.Option(help="Only tokens with this verdict.")] = None,
    owner: Annotated[str | None, typer.Option(help="Only tokens of this address, or of those it begins.")] = None,
    search: Annotated[
        str | None, typer.Option(metavar="WORDS", help="Only tokens with these words in caption or file name.")
    ] = None,
    home: Home = None,
    rpc: Rpc = None,
    registry: Contract = None,
    chain_id: ChainId = None,
    as_json: Json = False,
) -> None:
    """List the tokens on the chain, oldest first."""
    from gistchain.listing import Wanted, listing
    from gistchain.pipeline import Registry
    from gistchain.rareness.store.database import kept_names

    settings = load(ctx.params)
    wanted = Wanted(None if collection is None else _names_of(collection, settings), verdict, owner, search)
    # Cut to the terminal for a person, whole for a program.
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() and not as_json else None
    seen = shown = 0
    with (
        open_ledger(settings, waiting=note, write=False) as ledger,
        kept_names(settings.home, failed=complain) as names,
        _known(settings, ledger) as known,
    ):
        for row in listing(Registry(ledger), names, known):
            seen += 1
            if not wanted.has(row):
                continue
            if not shown and width is not None:
                say(header(width))
            shown += 1
            answer(row, listed_json, lambda row: listed_text(row, width), as_json)
    if not shown:
        say(_nothing(seen, settings), err=True)


@contextmanager
def _known(settings: Settings, ledger: Ledger) -> Iterator[Known]:
    """What `gistchain follow` has kept of a node's registry."""
    if not settings.rpc:
        yield lambda token: None
        return
    from gistchain.ledger.follow import kept_of

    with kept_of(settings.home, ledger) as known:
        yield known


def _names_of(collection: str, settings: Settings) -> tuple[str, ...]:
    """What captions call a collection: the name that was given and, of a known one, its other name."""
    from gistchain.models.known import known_collections

    folded = collection.casefold()
    known = known_collections(settings.collections)
    return (collection, *(k.subject for k in known if k.collection.casefold() == folded))


def _nothing(tokens: int, settings: Settings) -> str:
    if tokens:
        return f"none of the {tokens:,} tokens is like that: leave out an option"
    from gistchain.ledger.dialled import public_names

    where = public_names(settings.endpoints) if settings.rpc else settings.home  # a URL can hold a password
    if not settings.rpc and not settings.home.exists():
        return f"no tokens yet: there is no folder {where}; gistchain register IMAGE makes it"
    return f"no tokens yet in {where}: gistchain register IMAGE makes one"
