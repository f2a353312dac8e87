"""`gistchain search` and `index`: what is registered or imported, found by words, by a picture, by what it is like."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from gistchain.answers.search import Answer, hit_json, hit_text, page, query_text
from gistchain.cli.options import ChainId, Contract, Home, Json, Rpc
from gistchain.cli.terminal import answer, busy, note, print_json, say
from gistchain.cli.usage import a_path
from gistchain.errors import SettingError
from gistchain.settings import load
from gistchain.types import SignedVerdict

if TYPE_CHECKING:
    from gistchain.search.find import Filters, Wanted
    from gistchain.search.index import Index
    from gistchain.search.items import Kind
    from gistchain.search.query import Query
    from gistchain.settings import Settings

_AT_FIRST = 100
"""Pictures that a search gives a place in the index: `gistchain index` does all."""
_HELP = "`gistchain index`"


def search(
    ctx: typer.Context,
    words: Annotated[
        list[str] | None, typer.Argument(metavar="WORDS", help="What it shows, is called or has.", show_default=False)
    ] = None,
    image: Annotated[
        Path | None, typer.Option(parser=a_path, metavar="FILE", help="What is like this image, or its source.")
    ] = None,
    like: Annotated[
        str | None, typer.Option(metavar="TOKEN", help="What is like a token, or like NAME:ID of an import.")
    ] = None,
    without: Annotated[
        list[str] | None, typer.Option("--not", metavar="WORDS", help="Nothing that has a trait of these words.")
    ] = None,
    trait: Annotated[
        list[str] | None,
        typer.Option(metavar="[TYPE=]VALUE", help="Only with this very trait; again for each further."),
    ] = None,
    collection: Annotated[str, typer.Option(help="Only of this collection.")] = "",
    owner: Annotated[str, typer.Option(help="Only of this address, or of those it begins.")] = "",
    verdict: Annotated[SignedVerdict | None, typer.Option(help="Only registered tokens with this verdict.")] = None,
    rarer: Annotated[
        float | None, typer.Option(min=0, max=1, metavar="SCORE", help="Only registered tokens at least so rare.")
    ] = None,
    only: Annotated[
        Literal["tokens", "references"] | None, typer.Option(help="Only what is registered, or only what is imported.")
    ] = None,
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=1000, help="Hits at most.")] = 10,
    verify: Annotated[
        bool, typer.Option("--verify", help="Ask the chain for owner and gist of each hit, and say what differs.")
    ] = False,
    sheet: Annotated[
        Path | None, typer.Option(parser=a_path, metavar="FILE", help="Also write a page with the hits' pictures.")
    ] = None,
    home: Home = None,
    rpc: Rpc = None,
    registry: Contract = None,
    chain_id: ChainId = None,
    as_json: Json = False,
) -> None:
    """Find registered tokens and imported references, and say why each is found.

    Words are traits ("purple cap"), titles or whatever the picture shows; misspelt or in another language they are read
    as the nearest that there are, which is said. What is new in the home is indexed first.
    """
    from gistchain.search.index import Index

    settings = load(ctx.params)
    text = " ".join(words or [])
    if sum([bool(text.strip()), image is not None, like is not None]) != 1:
        raise SettingError("say what to search for: WORDS, or --image FILE, or --like TOKEN, one of them")
    filters = _filters(trait or [], collection, owner, verdict, rarer, only)
    with Index(settings) as index:
        _bring(index)
        wanted = _wanted(index, text, image, like, " ".join(without or []))
        answers = _answers(index, wanted, filters, count, verify)
    if sheet is not None:
        from gistchain.disk.write import put_whole

        put_whole(sheet, page(text or f"like {image or like}", answers, settings.home).encode())
    for one in answers:
        answer(one, hit_json, hit_text, as_json)
    if not answers:
        say(_nothing(settings), err=True)


def build(
    ctx: typer.Context,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Make it anew: it is damaged, or of another model.")
    ] = False,
    home: Home = None,
    rpc: Rpc = None,
    registry: Contract = None,
    chain_id: ChainId = None,
    as_json: Json = False,
) -> None:
    """Bring the index of `search` up to date: the words of what is new, then all pictures.

    Interrupted, the same command goes on. With --rpc the registry there is followed first.
    """
    from gistchain.search import index as indexes

    settings = load(ctx.params)
    if rebuild:
        indexes.rebuild(settings.home)
    with indexes.Index(settings) as index:
        brought = index.bring(note)
        with busy("indexing pictures") as progress:
            done, missing = index.embed(None, progress, note)
        told = {
            "tokens": index.record.count("token"),
            "references": index.record.count("reference"),
            "new": brought.added,
            "gone": brought.forgotten,
            "pictures": done,
            "without_picture": missing,
            "failed": brought.failed,
        }
    if as_json:
        print_json(told)
    else:
        say(
            f"{told['tokens']:,} tokens and {told['references']:,} references; {brought.added:,} new or changed, "
            f"{brought.forgotten:,} gone, {done:,} pictures indexed now"
            + (f", {missing:,} without a picture" if missing else "")
        )
    if brought.failed:
        raise typer.Exit(1)


def ask(
    ctx: typer.Context,
    question: Annotated[list[str], typer.Argument(metavar="QUESTION", help="In words.", show_default=False)],
    every: Annotated[bool, typer.Option("--all", help="Show all that is found, not the first ten.")] = False,
    home: Home = None,
    rpc: Rpc = None,
    registry: Contract = None,
    chain_id: ChainId = None,
    as_json: Json = False,
) -> None:
    """Answer a question about what is registered or imported: which, how many, whose, the commonest, the rarest.

    The question becomes a plan, which is shown; no language model is asked. What no trait, collection, owner or verdict
    here is called can't be answered, and that is said.
    """
    from gistchain.answers.asked import said_json, said_text
    from gistchain.search.answer import said
    from gistchain.search.index import Index
    from gistchain.search.plan import planned

    settings = load(ctx.params)
    with Index(settings) as index:
        with busy("indexing"):
            index.bring(note)
        plan, read_as = planned(" ".join(question), index.record)
        for word, taken, why in read_as:
            note(f"{word!r} read as {taken!r} ({why})")
        found = said(plan, index.record, index.vectors if plan.like else None, every=every)
    answer(found, said_json, said_text, as_json)


def _bring(index: Index) -> None:
    with busy("indexing") as progress:
        index.bring(note)
        left = index.record.count_without_vector() - len(index.record.note_numbers("no picture"))
        if left > _AT_FIRST:
            note(f"{left:,} pictures are not in the index, and are found by their words alone: {_HELP} adds them")
        elif left > 0:
            index.embed(None, progress, note)


def _wanted(index: Index, text: str, image: Path | None, like: str | None, without: str) -> Wanted:
    from gistchain.search import query as queries
    from gistchain.search.find import Wanted

    banned: Query | None = queries.understood(without, index.record) if without.strip() else None
    if text.strip():
        query = queries.understood(text, index.record)
        if told := query_text(query):
            note(told)
        vector = index.embedder.text.embed([", ".join(map(str, query.phrases))])[0]
        return Wanted(query, vector, without=banned)
    if image is not None:
        from gistchain.image import read_image

        picture = read_image(image)
        vector = index.embedder.image.embed([picture.pixels])[0]
        return Wanted(vector=vector, sources=tuple(index.sources(picture)), without=banned)
    number = _number(index, like or "")
    known = index.vectors.of(number)
    if known is None:
        raise SettingError(f"--like {like}: its picture is not in the index: {_HELP} adds it")
    return Wanted(vector=known, without=banned, itself=number)


def _answers(index: Index, wanted: Wanted, filters: Filters, count: int, verify: bool) -> list[Answer]:
    from gistchain.search.find import find
    from gistchain.search.trace import tracing

    found = find(index.record, index.vectors, wanted, filters, count)
    if not verify:
        return [Answer(place, hit) for place, hit in enumerate(found.hits, 1)]
    with tracing(index.settings, note) as tracer:
        return [Answer(place, hit, tracer.traced(hit.item)) for place, hit in enumerate(found.hits, 1)]


def _number(index: Index, like: str) -> int:
    source, _, token = like.rpartition(":")
    found = index.record.called(source, token)
    if len(found) == 1:
        return found[0]
    where = "several sources have it: say NAME:ID" if found else "the home has none that is called so"
    raise SettingError(f"--like {like}: {where}; `gistchain list` and the folders in HOME/imports tell what there is")


def _filters(
    traits: list[str],
    collection: str,
    owner: str,
    verdict: SignedVerdict | None,
    rarer: float | None,
    only: Literal["tokens", "references"] | None,
) -> Filters:
    from gistchain.search.find import Filters

    pairs = [trait.partition("=") for trait in traits]
    asked = tuple((type_, value) if sign else ("", type_) for type_, sign, value in pairs)
    kinds: dict[str | None, Kind | None] = {None: None, "tokens": "token", "references": "reference"}
    return Filters(asked, collection, owner, verdict or "", kinds[only], rarer)


def _nothing(settings: Settings) -> str:
    return (
        f"nothing in {settings.home} is like that: `gistchain list` shows what is registered, `gistchain collection "
        "import` takes in collections to search"
    )
