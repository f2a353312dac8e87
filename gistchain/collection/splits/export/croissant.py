"""What a data set holds -> croissant.json, its data card for machines (Croissant 1.0, JSON-LD).

The pictures are read from the Parquet files; the figures are record sets of their own: `parts`, `collections`,
`joined`, `missing` and `beside_nft1000`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gistchain.text import well_formed

if TYPE_CHECKING:
    from gistchain.collection.splits.report import Split

_TERMS = (
    "citeAs column equivalentProperty extract field fileProperty fileObject fileSet format includes isLiveDataset "
    "jsonPath key md5 parentField path recordSet references regex repeated replace samplingRate separator source "
    "subField transform"
)
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "sc": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{term: f"cr:{term}" for term in _TERMS.split()},
}
_TEXTS = ("caption", "visible_caption", "collection", "family", "token", "subject", "chain", "contract", "licence")
_LISTS = ("paraphrases", "abstract")


def text(done: Split, formats: Collection[str]) -> str:
    """The file. formats: what was written. `<` is escaped, so that a page may hold it in a script element."""
    said = done.as_json()
    card = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": done.title,
        "description": _description(said),
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "license": sorted({one["licence"] for one in said["collections"]}),
        "version": "1.0.0",
        "rai:dataLimitations": f"{len(said['missing'])} reasons for what is missing stand in the record set `missing`.",
        "distribution": _files(done, formats),
        "recordSet": [*_pictures(done, formats), *_figures(said)],
    }
    return json.dumps(well_formed(card), indent=1, sort_keys=True).replace("<", "\\u003c") + "\n"


def _description(said: Mapping[str, Any]) -> str:
    parts = "; ".join(
        f"{one['part']} {one['obtained']:,} of {one['wanted']:,} wanted pairs, {one['collections']} collections in "
        f"{one['families']} families"
        for one in said["parts"]
    )
    published = said["published"]
    return (
        "Pictures of NFT collections with captions by the template of NFT1000 and paraphrases, split so that those "
        f"drawn from one another lie in one part. {parts}. In all {said['pairs']:,} pairs, {said['themes']} themes and "
        f"{said['phrases']:,} phrases, where NFT1000 has {published['pairs']:,}, {published['themes']} and "
        f"{published['phrases']:,}. Each collection has the licence of its makers: see the record set `collections`."
    )


def _files(done: Split, formats: Collection[str]) -> list[dict[str, Any]]:
    found = []
    for one in done.parts():
        part = one["part"]
        if "parquet" in formats:
            found.append(_file_set(f"{part}-parquet", "application/x-parquet", f"data/{part}-*.parquet"))
        if "webdataset" in formats and one["obtained"]:
            found.append(_file_set(f"{part}-tars", "application/x-tar", f"webdataset/{part}/*.tar"))
    return found


def _file_set(name: str, kind: str, includes: str) -> dict[str, Any]:
    return {"@type": "cr:FileSet", "@id": name, "name": name, "encodingFormat": kind, "includes": includes}


def _pictures(done: Split, formats: Collection[str]) -> list[dict[str, Any]]:
    """The record set of each part: none where there are only tars, which it has no words for."""
    if "parquet" not in formats:
        return []
    return [_record_set(one["part"], [_image(one["part"]), *_columns(one["part"])]) for one in done.parts()]


def _image(part: str) -> dict[str, Any]:
    source = {**_column(part, "image"), "transform": {"jsonPath": "bytes"}}
    return _field(part, "image", "sc:ImageObject", source=source)


def _columns(part: str) -> list[dict[str, Any]]:
    fields = [_field(part, name, "sc:Text", source=_column(part, name)) for name in _TEXTS]
    fields += [_field(part, name, "sc:Text", source=_column(part, name), repeated=True) for name in _LISTS]
    return [*fields, _field(part, "captions_alike", "sc:Integer", source=_column(part, "captions_alike"))]


def _column(part: str, name: str) -> dict[str, Any]:
    return {"fileSet": {"@id": f"{part}-parquet"}, "extract": {"column": name}}


def _field(owner: str, name: str, kind: str, **more: Any) -> dict[str, Any]:
    return {"@type": "cr:Field", "@id": f"{owner}/{name}", "name": name, "dataType": kind, **more}


def _record_set(name: str, fields: Sequence[Mapping[str, Any]], **more: Any) -> dict[str, Any]:
    return {"@type": "cr:RecordSet", "@id": name, "name": name, "field": list(fields), **more}


def _figures(said: Mapping[str, Any]) -> list[dict[str, Any]]:
    beside = [{"what": name, "here": said[name], "nft1000": published} for name, published in said["published"].items()]
    tables = {
        "parts": said["parts"],
        "collections": said["collections"],
        "joined": said["joined"],
        "missing": said["missing"],
        "beside_nft1000": beside,
    }
    return [_table(name, rows) for name, rows in tables.items() if rows]


def _table(name: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    kinds = {key: "sc:Integer" if isinstance(value, int) else "sc:Text" for key, value in rows[0].items()}
    fields = [_field(name, key, kind) for key, kind in kinds.items()]
    return _record_set(name, fields, data=[{f"{name}/{key}": row[key] for key in kinds} for row in rows])
