"""What a data set holds -> README.md, its data card, with the YAML that Hugging Face reads.

Names, licences and reasons are strangers' words: in the YAML each stands as a JSON string, which YAML reads as such,
and in tables they can't end a cell or become markup.
"""

from __future__ import annotations

import html
import json
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from gistchain.text import printable

if TYPE_CHECKING:
    from gistchain.collection.splits.report import Split

_WORDS = {
    "contract": "the same contract",
    "name": "one name holds the other",
    "pictures": "they are near",
    "copies": "they are copies",
    "told": "told to be together",
}


def readme(done: Split, formats: Collection[str]) -> str:
    """The page. formats: what was written."""
    published = done.as_json()["published"]
    pairs = sum(done.obtained(part["part"]) for part in done.parts())
    return "\n".join(
        [
            _front(done, formats, pairs),
            f"# {_cell(done.title)}",
            "",
            "Pictures of NFT collections with captions, split by families of collections: those drawn from one another "
            "lie in one part. Captions follow the template of NFT1000, paraphrases are by rule or by a language model.",
            "",
            "## Pairs of picture and caption",
            "",
            _table(
                ["part", "wanted", "obtained", "collections", "families", "captions another token has too"],
                [
                    [one[name] for name in ("part", "wanted", "obtained", "collections", "families", "captions_alike")]
                    for one in done.parts()
                ],
            ),
            "",
            *([f"{_cell(done.empty())}.", ""] if done.empty() else []),
            "For a caption that several tokens have, all of them are right answers to a search.",
            "",
            "## Beside NFT1000",
            "",
            _table(
                ["", "here", "NFT1000"],
                [
                    ["pairs", pairs, published["pairs"]],
                    ["themes (different subjects)", done.themes, published["themes"]],
                    ["phrases (value and trait type)", done.phrases, published["phrases"]],
                ],
            ),
            "",
            "## Collections",
            "",
            "Each has the licence of its makers; the pictures are theirs.",
            "",
            _table(
                ["collection", "part", "family", "pairs", "complete tokens", "licence", "contract"],
                [
                    [
                        *(one[name] for name in ("collection", "part", "family", "pairs", "there", "licence")),
                        f"{one['chain']} {one['contract']}".strip(),
                    ]
                    for one in done.collections()
                ],
            ),
            "",
            "## Families",
            "",
            _table(
                ["collection", "and", "because of"],
                [[one.one, one.other, _because(one.why, one.near, one.of)] for one in done.families.joined],
            )
            if done.families.joined
            else "No two collections are of one family.",
            "",
            "Found on samples of the pictures: a family may be missed where only a few pictures were taken over.",
            "",
            "## What is missing",
            "",
            _table(
                ["collection", "pairs", "why"],
                [[one["collection"], one["pairs"] or "all", one["why"]] for one in done.gaps()],
            )
            if done.gaps()
            else "Nothing that was taken.",
            "",
        ]
    )


def _front(done: Split, formats: Collection[str], pairs: int) -> str:
    licences = sorted({done.licence(one["collection"]) for one in done.collections()})
    files = [f"data/{one['part']}-*.parquet" for one in done.parts()]
    if "parquet" not in formats:
        files = [f"webdataset/{one['part']}/*.tar" for one in done.parts()]
    lines = [
        "---",
        f"pretty_name: {_yaml(done.title)}",
        "license: other",
        f"license_name: {_yaml('; '.join(licences))}",
        "task_categories:",
        "- image-to-text",
        "- text-to-image",
        "size_categories:",
        f"- {_yaml(_size(pairs))}",
        "configs:",
        "- config_name: default",
        "  data_files:",
    ]
    for one, path in zip(done.parts(), files, strict=True):
        if "parquet" in formats or one["obtained"]:  # a tar is only there where it holds something
            lines += [f"  - split: {one['part']}", f"    path: {_yaml(path)}"]
    return "\n".join([*lines, "---", ""])


def _size(pairs: int) -> str:
    """The name that Hugging Face has for so many rows."""
    limits = [(10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M")]
    return next((name for limit, name in limits if pairs < limit), "10M<n<100M")


def _because(why: str, near: int, of: int) -> str:
    return f"{_WORDS[why]}: {near} of {of} pictures" if why in ("pictures", "copies") else _WORDS[why]


def _table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(_cell(value) for value in line)} |" for line in lines)


def _cell(value: Any) -> str:
    """A value on one line that is no markup."""
    if value is None:
        return "unknown"
    if isinstance(value, int):
        return f"{value:,}"
    text = html.escape(printable(str(value)[:300]), quote=False)
    return "".join(f"\\{letter}" if letter in "\\`*_[]|#~!" else letter for letter in text)


def _yaml(text: str) -> str:
    # Letters beyond 16 bits as they are: YAML reads JSON's two escapes for one as two halves of a letter.
    return json.dumps(printable(text[:1_000]), ensure_ascii=False)
