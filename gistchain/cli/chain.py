"""`gistchain deploy`, `link`, `mint`, `attest`, `receipts`, `follow` and `proof`: tokens after they were registered."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import Annotated

import typer

from gistchain.answers.chain import (
    deployed_json,
    deployed_text,
    event_json,
    event_text,
    linked_json,
    linked_text,
    minted_json,
    minted_text,
    proof_json,
    proof_text,
    receipt_json,
    receipt_text,
)
from gistchain.answers.rareness import attested_json, attested_text, attested_words
from gistchain.cli.options import ChainId, Contract, Home, Json, Key, MaxFee, ReplaceAfter, Rpc, TokenId, Web, Yes
from gistchain.cli.sources import check_stdin, read
from gistchain.cli.terminal import answer, ask_password, asker, busy, note, say
from gistchain.errors import SettingError
from gistchain.settings import load
from gistchain.types import NftLink


def deploy(
    ctx: typer.Context,
    home: Home = None,
    rpc: Rpc = None,
    key: Key = None,
    chain_id: ChainId = None,
    token: Annotated[bool, typer.Option("--token", help="Also the contracts for `mint`.")] = False,
    max_fee: MaxFee = None,
    replace_after: ReplaceAfter = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Put registry and trait tables on a chain that lacks them, once for everybody, where they are on every chain."""
    from gistchain.opening import deploy as deploying

    settings = load(ctx.params)
    for done in deploying(settings, wallets=token, password=ask_password, confirm=asker(yes=yes), waiting=note):
        answer(done, deployed_json, deployed_text, as_json)


def link(
    ctx: typer.Context,
    token: TokenId,
    nft: Annotated[str, typer.Option(metavar="CHAIN:CONTRACT:ID", help="Chain id, contract and token id of the NFT.")],
    home: Home = None,
    rpc: Rpc = None,
    key: Key = None,
    registry: Contract = None,
    chain_id: ChainId = None,
    max_fee: MaxFee = None,
    replace_after: ReplaceAfter = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Say, once and for good, which NFT a token of yours is of."""
    from gistchain.opening import open_ledger

    wanted = _nft(nft)
    with open_ledger(load(ctx.params), password=ask_password, confirm=asker(yes=yes), waiting=note) as ledger:
        ledger.link(token, wanted)
    answer(wanted, lambda done: linked_json(token, done), lambda done: linked_text(token, done), as_json)


def receipts(
    ctx: typer.Context,
    home: Home = None,
    rpc: Rpc = None,
    key: Key = None,
    registry: Contract = None,
    chain_id: ChainId = None,
    max_fee: MaxFee = None,
    replace_after: ReplaceAfter = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Show your registrations that were not final when last looked at; what the chain has taken back is sent again.

    Of batches the same `register --batch` sends again what is missing.
    """
    from gistchain.opening import open_ledger
    from gistchain.rareness.store.database import note_tokens

    settings = load(ctx.params)
    with open_ledger(settings, password=ask_password, confirm=asker(yes=yes), waiting=note) as ledger:
        found = ledger.receipts()
        note_tokens(settings.home, ledger.name, {receipt.image_sha3_256: receipt.token for receipt in found})
    for receipt in found:
        answer(receipt, receipt_json, receipt_text, as_json)
    if not found:
        say("nothing is left to be final", err=True)


def follow(
    ctx: typer.Context,
    home: Home = None,
    rpc: Rpc = None,
    registry: Contract = None,
    chain_id: ChainId = None,
    as_json: Json = False,
) -> None:
    """Read what is new on a chain into the home, where `list` and `check` find it; run again, it goes on from there."""
    from gistchain.opening import follow as following

    found = False
    with nullcontext() if as_json else busy("following the chain"):
        for event in following(load(ctx.params), waiting=note):
            found = True
            answer(event, event_json, event_text, as_json)
    if not found:
        say("nothing is new", err=True)


def mint(
    ctx: typer.Context,
    token: TokenId,
    home: Home = None,
    rpc: Rpc = None,
    key: Key = None,
    registry: Contract = None,
    chain_id: ChainId = None,
    max_fee: MaxFee = None,
    replace_after: ReplaceAfter = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Make a token of yours an NFT, which wallets show and which can be given away."""
    from gistchain.opening import open_ledger

    with open_ledger(load(ctx.params), password=ask_password, confirm=asker(yes=yes), waiting=note) as ledger:
        done = ledger.mint(token)
    answer(done, minted_json, minted_text, as_json)


def attest(
    ctx: typer.Context,
    token: TokenId,
    image: Annotated[str, typer.Argument(help="The very file that was registered; - is stdin.", show_default=False)],
    web: Web = False,
    home: Home = None,
    rpc: Rpc = None,
    key: Key = None,
    registry: Contract = None,
    chain_id: ChainId = None,
    max_fee: MaxFee = None,
    replace_after: ReplaceAfter = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Check the image of a token, and write a verdict of your own beside its creator's."""
    from gistchain.opening import open
    from gistchain.systems import rosis

    settings = load(ctx.params)
    check_stdin([image])
    system = rosis(replace(settings, captioner=None, painter=None))
    with open(settings, password=ask_password, confirm=asker(yes=yes), waiting=note, system=system) as opened:
        done = opened.attest(token, read(image), web=web)
    answer(done, attested_json, attested_text, as_json, done=attested_words(done))


def proof(
    ctx: typer.Context,
    token: TokenId,
    home: Home = None,
    rpc: Rpc = None,
    registry: Contract = None,
    chain_id: ChainId = None,
    as_json: Json = False,
) -> None:
    """Print what proves a token of a batch with --guarantee proof to anyone who asks the registry."""
    from gistchain.opening import open_ledger

    with open_ledger(load(ctx.params), write=False) as ledger:
        found = ledger.proof_of(token)
        name = ledger.name
    answer(found, lambda done: proof_json(token, name, *done), lambda done: proof_text(token, name, *done), as_json)


def _nft(words: str) -> NftLink:
    parts = words.split(":")
    try:
        chain, contract, token = parts
        if len(contract) != 42 or contract[:2] != "0x":
            raise ValueError
        bytes.fromhex(contract[2:])
        link = NftLink(int(chain), contract, int(token, 0))
        if not (0 < link.chain_id < 2**64 and 0 <= link.token_id < 2**256):
            raise ValueError
    except ValueError:
        raise SettingError(f"--nft {words}: give chain id, contract and token id, such as 1:0x{'12' * 20}:77") from None
    return link
