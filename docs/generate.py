"""The commands' own help -> docs/cli.md; signatures and docstrings of the public names -> docs/api.md.

python -m docs.generate            # rewrite
python -m docs.generate --check    # exit 1 where a page says something else than the code
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

import gistchain
from gistchain.cli.app import app
from gistchain.errors import GistchainError

FOLDER = Path(__file__).parent
WIDTH = 100
"""Characters a line, of help and of signatures."""
_BY = "<!-- Generated from the code: python -m docs.generate -->\n"


_COMMANDS = """# Commands

`gistchain --install-completion` makes the shell complete commands, options and the names of models and collections.

| exit code | means |
|---|---|
| 0 | done; tokens that `collection import` could not have, as links die, are counted in its answer |
| 1 | something failed: of several images those without an error are done |
| 2 | wrong words: a command, an option or a value that can't be used |
| 3 | `check --fail-on`: an image has one of the verdicts; `mint-plan --check`: a token is too near to an image |
| 4 | done, but the answer could not be printed: stdout is closed or full |
| 130 | Ctrl-C: what was printed is done; a command that goes on from there says so |

## JSON

With `--json` a command prints an object a line on stdout, and everything else on stderr. Every object of a command has
the same keys; a value that is not known is null.
"""
_OTHER_KEYS = """`rareness` has `verdict`, `score`, `interval`, `nearest`, `compared_with`, `lacking`, `web`,
`evidence`, `signed_by` and `verified`. An error is an object with `error`, `kind` (its class, see
[the library](api.md#gistchainerror)) and, where it is about one image, `image`, or, about one contract of a list,
`source`. A file of a folder that is no image is an object with `image` and `skipped`. `check --among` prints `pairs`
and `groups` at the end.

`problems` of an import have `problem`, `tokens` (how many) and `ids` (of the first), `findings` have `kind`,
`tokens`, `of`, `reason` and `excludes`: whether NFT1000's filters would leave the collection out for it; an import
leaves nothing out. `registered` is null without `--register`, otherwise it has `account`, `images` (the folder of the
standard forms, which are what was registered), `tokens`, `left_out` and `others`. `collection list` has objects of
the `kind` `known`, then of the kind `imported`, whose `tokens` are state and number, and whose `state` is `finished`
or `unfinished`. `collection train` prints null for what was measured where it has learnt nothing, as the same was
there.
"""
JSON_KEYS = {
    "register --dry-run": "image caption gist_bytes layers function gas data_fee_wei fee_wei money",
    "register": "token image image_sha3_256 caption confidence gist_bytes latent layers gas tx block block_hash final "
    "owner gist_keccak rareness others already",
    "forms": "image caption forms",
    "rebuild": "token file width height seed caption distance isotopes",
    "show": "token caption width height layers gist_bytes gist image_sha3_256 owner block time batch nft others "
    "rareness evidence_here attested",
    "link-nft": "token nft",
    "mint": "token nft gas tx already",
    "send": "image system channel output uses cbr rounds caption certain lost notes expected_ssim start_uses blocks",
    "link plan": "image channel analogue plans",
    "link compare": "channel budget budgets at_db means rows blocks restarts",
    "receipts": "token owner image_sha3_256 gist_bytes gist_keccak gas tx block block_hash final",
    "follow": "event block token count by",
    "attest": "token image verdict score interval nearest compared_with lacking checker as_of evidence web tx already",
    "deploy": "contract address chain_id gas tx block already",
    "list": "token caption collection name verdict score gist_bytes image_sha3_256 owner block time",
    "search": "place kind chain contract collection source token title caption traits owner block verdict score ranks "
    "fused named cosine why same picture chain_says",
    "ask": "plan what found items rarity_bits values owners without_owner",
    "index": "tokens references new gone pictures without_picture failed",
    "check": "image image_sha3_256 verdict score interval reason nearest matrix compared_with lacking doubt subscores "
    "hashes pdq_quality neuralhash_reason web fingerprint_version tokens notes among other_way",
    "watch": "event file result verdict score text",
    "rareness status": "registered fingerprint_version bytes folder tokens_missing lacking doubt",
    "rareness rebuild": "aside lacking",
    "rareness seed": "new known failed registered",
    "rareness crawl": "pages images new left_out indexed file",
    "collection mint-plan": "collection folder tokens off notes compared_with laid_over not_laid_over replaced dropped "
    "near",
    "collection import": "collection subject folder source chain contract standard block supply fetched failed_now "
    "tokens problems findings notes seconds registered",
    "collection import FILE.collection": "collection subject new replaced",
    "collection list": "kind collection subject own data tokens state",
    "collection train": "collection subject model report new cpu_minutes resumed held_out exact_match ssim confident "
    "wrong_though_confident by_type guessed unreadable merged seldom notes",
    "collection train --lora": "lora subject base model card prompt new rank steps tokens resumed_at loss notes",
    "collection export": "collection file bytes",
    "collection caption": "collection file tokens others different shared bare changed left_out paraphrases translated "
    "unknown abstract requests refused failures given_up",
    "collection split": "name seed parts pairs themes phrases published families joined closest unseen collections "
    "missing output",
    "proof": "token ledger leaf proof",
    "collection publish": "collection table bytes token_bytes gas tx",
    "models check": "kind name ok files_verified load_s run_s result",
    "models list": "kind name line size_bytes about_bytes licence extra source distribution missing",
}
"""Command -> the keys of its JSON, in their order; tests/cli/test_json.py compares them with what is printed."""


class _Words:
    """An annotation as it stands in the code: `inspect` would put quotes around it."""

    def __init__(self, words: str) -> None:
        self.words = words

    def __repr__(self) -> str:
        return self.words


def cli_page() -> str:
    """Every command with its help, in the order of `gistchain --help`."""
    blocks = [f"## {name}\n\n```text\n{text}\n```\n" for name, text in _helps(typer.main.get_command(app), "gistchain")]
    rows = [f"| `{command}` | `{'`, `'.join(keys.split())}` |" for command, keys in JSON_KEYS.items()]
    table = "\n".join(["| command | keys |", "|---|---|", *rows])
    return f"{_BY}{_COMMANDS}\n{table}\n\n{_OTHER_KEYS}\n" + "\n".join(blocks)


def _helps(command: Any, name: str, parent: Any = None) -> Iterator[tuple[str, str]]:
    """(full name, help) of a command and of all below it."""
    own = name if parent is None else name.rpartition(" ")[2]
    context = command.make_context(
        own, [], parent=parent, resilient_parsing=True, terminal_width=WIDTH, max_content_width=WIDTH, color=False
    )
    yield name, "\n".join(line.rstrip() for line in command.get_help(context).strip().splitlines())
    for below, one in getattr(command, "commands", {}).items():
        yield from _helps(one, f"{name} {below}", context)


def api_page() -> str:
    """Every public name, and the public methods of classes."""
    intro = (
        "# Library\n\nThe names that `import gistchain` offers, with their signatures. Modules below them may change.\n"
    )
    sections = [_section(name, getattr(gistchain, name)) for name in sorted(gistchain.__all__, key=str.casefold)]
    return _BY + "\n".join([intro, *sections])


def _section(name: str, thing: Any) -> str:
    if not callable(thing) or not (inspect.isclass(thing) or inspect.isroutine(thing)):
        return f"## {name}\n\n```python\n{name} = {thing!r}\n```\n"
    parts = [f"## {name}\n", _described(name, thing)]
    if inspect.isclass(thing):
        parts += [_described(f"{name}.{member}", one) for member, one in _methods(thing)]
        if issubclass(thing, GistchainError):
            parts.append(f"```text\n{inspect.cleandoc(sys.modules[thing.__module__].__doc__ or '')}\n```\n")
    return "\n".join(parts)


def _methods(kind: type) -> Iterator[tuple[str, Any]]:
    """Public methods and properties that the class or its bases in gistchain define, in their order."""
    seen: set[str] = set()
    for base in kind.__mro__:
        if not base.__module__.startswith("gistchain"):
            continue
        for name, member in vars(base).items():
            one = getattr(kind, name, None) if isinstance(member, (classmethod, staticmethod)) else member
            if not name.startswith("_") and name not in seen and (inspect.isroutine(one) or isinstance(one, property)):
                seen.add(name)
                yield name, one


def _described(name: str, thing: Any) -> str:
    """The signature and the docstring, without the one that dataclasses write themselves."""
    said = inspect.cleandoc(thing.__doc__ or "")
    if inspect.isclass(thing) and said.startswith(f"{thing.__name__}("):
        said = ""
    return f"```python\n{_signature(name, thing)}\n```\n" + (f"\n{_markdown(said)}\n" if said else "")


def _signature(name: str, thing: Any) -> str:
    if isinstance(thing, property):
        returned = _plain(inspect.signature(thing.fget)).return_annotation if thing.fget else inspect.Signature.empty
        return name if returned is inspect.Signature.empty else f"{name}: {returned!r}"
    if inspect.isclass(thing) and (issubclass(thing, Exception) or getattr(thing, "_is_protocol", False)):
        return f"class {name}"
    signature = _plain(inspect.signature(thing))
    kept = [p for n, p in signature.parameters.items() if n != "self"]
    signature = signature.replace(parameters=kept)
    prefix = "class " if inspect.isclass(thing) else ""
    if inspect.isclass(thing):
        signature = signature.replace(return_annotation=inspect.Signature.empty)
    one_line = f"{prefix}{name}{signature}"
    return one_line if len(one_line) <= WIDTH else prefix + _one_a_line(name, signature)


def _plain(signature: inspect.Signature) -> inspect.Signature:
    def words(annotation: Any) -> Any:
        return _Words(annotation) if isinstance(annotation, str) else annotation

    def shown(default: Any) -> Any:
        return _Words(default.__qualname__) if inspect.isroutine(default) else default  # no address in memory

    parameters = [
        p.replace(annotation=words(p.annotation), default=shown(p.default)) for p in signature.parameters.values()
    ]
    return signature.replace(parameters=parameters, return_annotation=words(signature.return_annotation))


def _one_a_line(name: str, signature: inspect.Signature) -> str:
    lines: list[str] = []
    kinds = [p.kind for p in signature.parameters.values()]
    for number, parameter in enumerate(signature.parameters.values()):
        first_keyword = parameter.kind is parameter.KEYWORD_ONLY and parameter.kind not in kinds[:number]
        if first_keyword and parameter.VAR_POSITIONAL not in kinds:
            lines.append("    *,")
        lines.append(f"    {parameter},")
    returned = signature.return_annotation
    end = ")" if returned is inspect.Signature.empty else f") -> {returned!r}"
    return "\n".join([f"{name}(", *lines, end])


def _markdown(docstring: str) -> str:
    """The docstring, with `<` outside of code kept from being read as HTML."""
    return "`".join(part if n % 2 else part.replace("<", "&lt;") for n, part in enumerate(docstring.split("`")))


PAGES = {"cli.md": cli_page, "api.md": api_page}

if __name__ == "__main__":
    for file, made in PAGES.items():
        path, text = FOLDER / file, made()
        if "--check" not in sys.argv:
            path.write_text(text, "utf-8")
        elif not path.exists() or path.read_text("utf-8") != text:
            sys.exit(f"docs/{file} is not what the code says: python -m docs.generate")
