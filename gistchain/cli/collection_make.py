"""`gistchain collection mint-plan`: a maker's rules -> a whole collection, ready to be registered."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from gistchain.answers.making import made_json, made_text
from gistchain.cli.options import Home, Json
from gistchain.cli.terminal import answer, goes_on, stages
from gistchain.cli.usage import a_path
from gistchain.settings import load

TOO_NEAR_CODE = 3


def mint_plan(
    ctx: typer.Context,
    rules: Annotated[
        Path,
        typer.Argument(
            metavar="RULES.toml", parser=a_path, help="Layers or a painter, weights, counts, rules.", show_default=False
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", parser=a_path, help="The folder.  [default: RULES-plan, here]"),
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Compare every token with the registered images of other collections: what is too near is replaced, "
            "or named with exit code 3.",
        ),
    ] = False,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes.  [default: one a core]")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Make a collection: pictures, metadata, rarity ranks and prompts of N tokens that keep every rule.

    No two tokens have the same pixels, and exact counts hold to the last token. The same rules and layers give the same
    bytes. Run again, it goes on where it was interrupted; files of a finished plan that were changed since are left.
    """
    from gistchain.collection.making.make import make
    from gistchain.systems import checker

    settings = load(ctx.params)
    folder = output or Path(f"{rules.stem}-plan")
    with goes_on(), stages() as progress:
        done = make(
            rules,
            folder,
            shelf=settings.collections,
            jobs=jobs,
            check=partial(checker, settings) if check else None,
            progress=progress,
        )
    answer(done, made_json, made_text, as_json, done=f"{done.name} was made in {folder}")
    if done.checked is not None and done.checked.near:
        raise typer.Exit(TOO_NEAR_CODE)
