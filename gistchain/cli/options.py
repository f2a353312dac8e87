"""The options that several commands have, each in one wording."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from gistchain.cli.completion import models_of
from gistchain.cli.usage import a_path

Home = Annotated[
    Path | None, typer.Option(parser=a_path, help="Folder of chain, keys and databases. [env: GISTCHAIN_HOME]")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object per line.")]

Web = Annotated[bool, typer.Option("--web", help="Search the internet too, by the providers of the settings.")]
TokenId = Annotated[int, typer.Argument(help="Id of a token.", show_default=False)]

Rpc = Annotated[
    list[str] | None,
    typer.Option(
        metavar="URL",
        help="JSON-RPC endpoint of an EVM node, in place of the embedded chain. Given more than once, for nodes of the "
        "same chain, none of them is believed alone.",
    ),
]
Key = Annotated[
    Path | None,
    typer.Option(
        parser=a_path,
        help="File with the private key: hex, or a keystore; its password is asked for, or is stdin's first line.",
    ),
]
Contract = Annotated[str | None, typer.Option("--registry", help="Address of the registry on --rpc.")]
ChainId = Annotated[
    int | None, typer.Option(help="Refuse any other chain behind --rpc. Needed with --key where the URL is new.")
]
MaxFee = Annotated[
    str | None,
    typer.Option(
        metavar="COINS",
        help="Most that one transaction on --rpc may cost without a question, in coins of its chain; ten times that "
        "for all of one run.  [default: 0.01]",
    ),
]
ReplaceAfter = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="BLOCKS",
        help="Blocks on --rpc that may leave a transaction out before a higher fee is offered, within --max-fee.  "
        "[default: 5]",
    ),
]
Yes = Annotated[
    bool,
    typer.Option(
        "--yes",
        help="Yes to a public chain, where nothing can be taken back, and to pictures there that are not safe for "
        "work. A cost above --max-fee is asked about all the same.",
    ),
]

Guaranteed = Annotated[
    Literal["state", "proof"],
    typer.Option(
        "--guarantee",
        help="Of a batch. state: the chain answers for every token for ever. proof: it keeps a root, for a fifth of "
        "that gas; the gists are in calldata, which nodes may forget, and in the home.",
    ),
]
Jobs = Annotated[int | None, typer.Option(min=1, max=64, help="Processes of a batch.  [default: cores]")]

DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Only tell what it would cost: no node is asked, nothing sent or kept.")
]
GasPrice = Annotated[str | None, typer.Option(metavar="GWEI", help="With --dry-run: the price of a unit of gas.")]
EthPrice = Annotated[
    str | None, typer.Option(metavar="MONEY", help="With --gas-price: the price of a coin, in any currency.")
]
Rollup = Annotated[
    str | None,
    typer.Option(
        "--l2",
        metavar="FEES",
        help="With --gas-price: what a rollup adds for its parent's data. "
        "op:BASE_SCALAR:BLOB_SCALAR:BASE_FEE:BLOB_FEE or arbitrum:L1_PRICE, fees in gwei.",
    ),
]

AllowHost = Annotated[
    list[str] | None,
    typer.Option("--allow-host", metavar="HOST", help="Also ask this host that is not public: localhost, an address."),
]

Captioner = Annotated[
    str | None,
    typer.Option(
        metavar="NAME[=SOURCE]",
        autocompletion=models_of("captioner"),
        help="Captioner of `gistchain models list`; SOURCE: hub id or folder, where it has one.",
    ),
]
Painter = Annotated[
    str | None,
    typer.Option(
        metavar="NAME[=SOURCE]",
        autocompletion=models_of("painter"),
        help="Painter of `gistchain models list`; SOURCE: hub id or folder, where it has one.",
    ),
]
Device = Annotated[
    str | None, typer.Option(help="Where models from a hub run: cpu, cuda, cuda:1, mps.  [default: cpu]")
]
Dtype = Annotated[str | None, typer.Option(help="Their numbers: float32, float16 or bfloat16.  [default: float32]")]
AllowDownload = Annotated[
    bool | None, typer.Option("--allow-download", help="Fetch their weights where they are missing.")
]
AllowPickle = Annotated[
    bool | None, typer.Option("--allow-pickle", help="Open pickled weights, which can run code: only those you trust.")
]
