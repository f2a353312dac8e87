"""One token of a list -> JSON, or a row of columns for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gistchain.text import filled, fitted, printable, utc

if TYPE_CHECKING:
    from gistchain.listing import Listed

_COLUMNS = {"token": 6, "verdict": 10, "collection": 16, "name": 20, "bytes": 6, "time": 16}
_LEFT_OUT = ("bytes", "time", "collection", "name")
"""What a narrow terminal does without, in this order."""
_CAPTION = 24
"""Columns that a caption needs, or others are left out."""


def listed_json(row: Listed) -> dict[str, Any]:
    """verdict, score: of the ticket; name: of the file; collection: of the caption. Null where there is none."""
    token, ticket = row.token, row.ticket
    return {
        "token": token.id,
        "caption": row.caption if row.readable else f"(no gist: {row.caption})",
        "collection": row.collection or None,
        "name": row.name,
        "verdict": None if ticket is None else ticket.verdict,
        "score": None if ticket is None else ticket.score,
        "gist_bytes": row.gist_bytes,
        "image_sha3_256": token.image_sha3_256.hex(),
        "owner": token.owner,
        "block": token.block,
        "time": utc(token.block_time),
    }


def header(width: int) -> str:
    """The names of the columns, for a terminal of so many."""
    return _line({name: name for name in (*_COLUMNS, "caption")}, width)


def listed_text(row: Listed, width: int | None) -> str:
    """One line; cut to `width` columns, whole for None."""
    fields = listed_json(row)
    cells = {
        "token": str(fields["token"]),
        "verdict": fields["verdict"] or "-",
        "collection": fields["collection"] or "-",
        "name": fields["name"] or "-",
        "bytes": str(fields["gist_bytes"]),
        "time": fields["time"].removesuffix(" UTC")[:16],
        "caption": fields["caption"] or "(no caption)",
    }
    return _line({name: printable(cell) for name, cell in cells.items()}, width)


def _line(cells: dict[str, str], width: int | None) -> str:
    """Each cell in its column; those of numbers end where their column ends."""
    columns = dict(_COLUMNS)
    if width is None:
        return "  ".join([*(_filled(cells, name) for name in columns), cells["caption"]])
    for name in _LEFT_OUT:
        if width - sum(size + 2 for size in columns.values()) < _CAPTION:
            del columns[name]
    room = max(_CAPTION, width - sum(size + 2 for size in columns.values()))
    shown = [fitted(_filled(cells, name), columns[name]) for name in columns]
    told = cells["caption"].partition(", containing ")[2] if "collection" in columns else ""  # the column says the rest
    return "  ".join([*shown, fitted(told or cells["caption"], room).rstrip()])


def _filled(cells: dict[str, str], name: str) -> str:
    return filled(cells[name], _COLUMNS[name], right=name in ("token", "bytes"))
