"""The table of models, and what a check of one found -> JSON and words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gistchain.models.zoo.table import ModelRow


def model_json(row: ModelRow, size_bytes: int | None, missing: str) -> dict[str, Any]:
    """size_bytes: what it takes here, None where it is not here. missing: what it lacks to run, '' for nothing."""
    return {
        "kind": row.kind,
        "name": row.name,
        "line": row.line,
        "size_bytes": size_bytes,
        "about_bytes": row.about_bytes,
        "licence": row.licence,
        "extra": row.extra,
        "source": row.source,
        "distribution": row.distribution,
        "missing": missing,
    }


def model_text(row: ModelRow, size_bytes: int | None, missing: str) -> str:
    size = size_words(row, size_bytes)
    return f"{row.kind:<15} {row.name:<17} {size:>9}  {row.licence:<22}  {missing or 'ready'}"


def size_words(row: ModelRow, size_bytes: int | None) -> str:
    """~ marks what is not here and would have to be fetched."""
    from rich.filesize import decimal

    if size_bytes is not None:
        return decimal(size_bytes) if size_bytes else "-"
    return f"~{decimal(row.about_bytes)}" if row.about_bytes else "?"


def verified_json(row: ModelRow, done: dict[str, Any]) -> dict[str, Any]:
    """done: files_verified, load_s, run_s, and result, one sentence on what came out."""
    return {"kind": row.kind, "name": row.name, "ok": True, **done}


def verified_text(row: ModelRow, done: dict[str, Any]) -> str:
    count = done["files_verified"]
    files = f"sha256 of {count} file{'s' if count > 1 else ''} verified, " if count else ""
    return (
        f"{row.kind} {row.name} ({row.line}): ok\n"
        f"  {files}loaded in {done['load_s']:.2f} s, checked in {done['run_s']:.2f} s\n"
        f"  {done['result']}"
    )
