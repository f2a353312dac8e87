"""A maker's file of rules (TOML) and the layers or the painter that it names -> Rules.

Every message names the rule that is wrong. Nothing is drawn yet, and no picture is opened.
"""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from gistchain import safetoml
from gistchain.collection.making import fields, layers, painted
from gistchain.collection.making.fields import Fields
from gistchain.collection.making.rules import ANY, NONE, Exclude, Named, Number, Require, Rules, TraitType, Value, Words
from gistchain.disk.read import read_regular
from gistchain.errors import CollectionError, ImageError
from gistchain.image import MAX_FILE_BYTES

MOST_TOKENS = 100_000
_MOST_BYTES = 1 << 20
_MOST_RULES = 500
_HOW_OFTEN = 'give a weight such as 5, a share such as "5%", or { count = 25 }'
_DISPLAY = ("number", "boost_number", "boost_percentage", "date")


def read(path: Path, shelf: Path) -> Rules:
    """The rules of a file. shelf: where trained collections are kept.

    Raises CollectionError for what can't be read, is unknown, or can't be: it names the rule. ImageError for a layer
    that is too large.
    """
    raw, told = _parsed(path)
    top = Fields(told, str(path), fields.TOP)
    name = top.text("name", needed=True)
    count = top.whole("count", needed=True, low=1, high=MOST_TOKENS)
    found, source, more = _sources(top, path, shelf)
    types = tuple(_type(type_, top.tables("trait")) for type_ in found)
    _known_tables(top.tables("trait"), {type_.name for type_ in types})
    by_name = {type_.name: type_ for type_ in types}
    words = _words(top, by_name)
    rules = Rules(
        name=name,
        subject=top.text("subject") or name,
        count=count,
        seed=top.whole("seed", low=0, high=2**32 - 1, default=0),
        first_id=top.whole("first_id", low=0, high=2**53, default=1),
        types=types,
        excludes=tuple(_exclude(k, table, by_name) for k, table in enumerate(top.tables("exclude"), 1)),
        requires=tuple(_require(k, table, by_name) for k, table in enumerate(top.tables("require"), 1)),
        numbers=_numbers(top.tables("number"), by_name),
        words=words,
        **more,
    )
    for one in ("exclude", "require", "number"):
        if len(top.tables(one)) > _MOST_RULES:
            raise CollectionError(f"{path} has more than {_MOST_RULES} [[{one}]]: too many to be solved")
    return replace(rules, digest=_digest(raw, rules, source))


def _parsed(path: Path) -> tuple[bytes, dict[str, Any]]:
    try:
        raw = read_regular(path, at_most=_MOST_BYTES)
        return raw, safetoml.parsed(raw)
    except OSError as error:
        raise CollectionError(f"{path} can't be read: {error.strerror}") from error
    except ValueError as error:  # of TOML with its line, of UTF-8
        raise CollectionError(f"{path} is not TOML: {error}") from error


def _sources(top: Fields, path: Path, shelf: Path) -> tuple[list[TraitType], str, dict[str, Any]]:
    """The types with their default weights, what names all that is drawn from, and further fields of the rules."""
    drawn, paints = top.table("layers"), top.table("painter")
    if (drawn is None) == (paints is None):
        raise CollectionError(f"{path}: give either [layers] folder = ... or [painter] collection = ...")
    if drawn is not None:
        folder = path.parent / drawn.text("folder", needed=True)
        order = drawn.texts("order")
        found, notes = layers.listed(folder, order)
        scale = drawn.whole("scale", low=1, high=64, default=1)
        types = [
            TraitType(type_, tuple(Value(layer.value, weight=layer.weight, file=layer.file) for layer in some))
            for type_, some in found.items()
        ]
        return types, _files(types, folder), {"scale": scale, "ordered": bool(order), "notes": tuple(notes)}
    assert paints is not None
    collection = paints.text("collection", needed=True)
    side = paints.whole("side", low=16, high=4096, default=256)
    called, types, sha256 = painted.types_of(collection, shelf)
    return types, sha256, {"painter": called, "side": side}


def _files(types: list[TraitType], folder: Path) -> str:
    """Names and content of all layers, as one digest: a changed layer is another plan."""
    digest = hashlib.sha256()
    for type_ in types:
        for value in type_.values:
            if value.file is not None:
                line = f"{value.file.relative_to(folder)}\0{_sha256(value.file)}\n"
                digest.update(line.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _sha256(file: Path) -> str:
    try:
        return hashlib.sha256(read_regular(file, at_most=MAX_FILE_BYTES, follow=False)).hexdigest()
    except OSError as error:
        if error.errno == errno.EOVERFLOW:
            raise ImageError(f"{file} has more than {MAX_FILE_BYTES:,} bytes: make it smaller") from error
        raise CollectionError(f"can't read {file}: {error.strerror}") from error


def _digest(raw: bytes, rules: Rules, source: str) -> str:
    types = [(type_.name, type_.names) for type_ in rules.types]
    return hashlib.sha256(repr((raw, types, source)).encode("utf-8", "surrogatepass")).hexdigest()


def _known_tables(tables: list[Fields], known: set[str]) -> None:
    for table in tables:
        type_ = table.text("type", needed=True)
        if type_ not in known:
            raise CollectionError(
                f"{table.where}: there is no trait type {type_!r}; there are {', '.join(sorted(known))}"
            )
    named = [table.text("type") for table in tables]
    twice = next((type_ for type_ in named if named.count(type_) > 1), None)
    if twice is not None:
        raise CollectionError(f"[[trait]] {twice!r} is there twice: put what both say into one")


def _type(found: TraitType, tables: list[Fields]) -> TraitType:
    """The type with what its [[trait]] says in place of the files' weights."""
    table = next((one for one in tables if one.text("type", needed=True) == found.name), None)
    if table is None:
        return _checked(found)
    table.where = f"[[trait]] {found.name!r}"
    values = {value.name: value for value in found.values}
    given = table.mapping("values")
    for name, how in given.items():
        if name not in values:
            raise CollectionError(f"{table.where}: there is no value {name!r}; there are {_some(values)}")
        values[name] = _often(values[name], how, f"{table.where}, value {name!r}")
    none = table.raw("none")
    if none is not None:
        if NONE in given:
            raise CollectionError(f"{table.where} says twice how often it is None: keep one")
        values[NONE] = _often(values.get(NONE, Value(NONE)), none, f"{table.where}, none")
    shown = table.flag("shown", default=True)
    return _checked(replace(found, values=tuple(values.values()), shown=shown))


def _often(value: Value, how: object, where: str) -> Value:
    """The value, as often as said: 5 (a weight), "5%" (of all tokens), { count = 25 }."""
    plain = replace(value, weight=None, percent=None, count=None)
    if isinstance(how, dict):
        table = Fields(how, where, ("count",), _HOW_OFTEN)
        count = table.whole("count", needed=True, low=0, high=MOST_TOKENS)
        return replace(plain, count=count)
    if isinstance(how, str) and how.endswith("%"):
        return replace(plain, percent=fields.percent(how, where))
    if isinstance(how, int | float) and not isinstance(how, bool):
        return replace(plain, weight=fields.number(how, where))
    raise CollectionError(f"{where}: {_HOW_OFTEN}")


def _checked(type_: TraitType) -> TraitType:
    percents = [value.percent for value in type_.values if value.percent is not None]
    if sum(percents) > 100 + 1e-9:
        raise CollectionError(f"trait {type_.name!r}: its percents sum to {sum(percents):g}, more than 100")
    return type_


def _exclude(number: int, table: Fields, types: Mapping[str, TraitType]) -> Exclude:
    traits = _named(table, table.all(), types)
    if len(traits) < 2:
        raise CollectionError(f"{table.where}: give at least two trait types, whose values don't go together")
    return Exclude(f"exclude {number} ({_words_of(traits)})", traits)


def _require(number: int, table: Fields, types: Mapping[str, TraitType]) -> Require:
    when, then = table.mapping("if"), table.mapping("then")
    if not when or not then:
        raise CollectionError(f"{table.where}: give if = {{ Hat = ... }} and then = {{ Body = ... }}")
    asked, wanted = _named(table, when, types), _named(table, then, types)
    both = asked.keys() & wanted.keys()
    if both:
        raise CollectionError(
            f"{table.where}: {sorted(both)[0]!r} stands in `if` and in `then`: it is one or the other"
        )
    return Require(f"require {number} ({_words_of(asked)} -> {_words_of(wanted)})", asked, wanted)


def _named(table: Fields, given: Mapping[str, object], types: Mapping[str, TraitType]) -> Named:
    named: Named = {}
    for type_, values in given.items():
        if type_ not in types:
            raise CollectionError(f"{table.where}: there is no trait type {type_!r}; there are {_some(types)}")
        there = types[type_].names
        listed = [values] if isinstance(values, str) else values
        if not isinstance(listed, list) or not listed or not all(isinstance(one, str) for one in listed):
            raise CollectionError(f"{table.where}: give {type_!r} a value, or a list of values")
        for value in listed:
            if value not in there and value != ANY:
                raise CollectionError(f"{table.where}: {type_!r} has no value {value!r}; there are {_some(there)}")
        chosen = {name for name in there if name != NONE} if ANY in listed else set()
        named[type_] = frozenset(chosen | {value for value in listed if value != ANY})
    return named


def _numbers(tables: list[Fields], types: Mapping[str, TraitType]) -> tuple[Number, ...]:
    found: dict[str, Number] = {}
    for k, table in enumerate(tables, 1):
        number = _number(table, types)
        if number.type in found:
            raise CollectionError(f"[[number]] {k}: {number.type!r} is there twice: give each number a name of its own")
        found[number.type] = number
    return tuple(found.values())


def _number(table: Fields, types: Mapping[str, TraitType]) -> Number:
    type_ = table.text("type", needed=True)
    if type_ in types:
        raise CollectionError(f"{table.where}: {type_!r} is a trait type already: give another name")
    low = table.whole("from", low=-(2**53), high=2**53, default=1)
    high = table.whole("to", needed=True, low=-(2**53), high=2**53)
    display = table.text("display_type") or "number"
    if low > high:
        raise CollectionError(f"{table.where}: from {low} is above to {high}")
    if display not in _DISPLAY:
        raise CollectionError(f"{table.where}: display_type is one of {', '.join(_DISPLAY)}")
    return Number(type_, low, high, display)


def _words(top: Fields, types: Mapping[str, TraitType]) -> Words:
    said: dict[str, Any] = {
        name: top.text(name, most=5_000, lines=name == "description")
        for name in (
            "description", "base_uri", "external_url", "animation_url", "background_color", "symbol", "banner_image",
            "external_link",
        )
    }  # fmt: skip
    said["base_uri"] = said["base_uri"].rstrip("/")
    prompts = top.table("prompts")
    more: dict[str, Any] = {}
    if prompts is not None:
        more = {
            "lora": prompts.text("lora", most=100),
            "lora_scale": prompts.factor("lora_scale", default=1.0, high=10.0, what="scale"),
            "rare_weight": prompts.factor("rare_weight", default=1.2, high=2.0, what="emphasis"),
            "emphasis": {k: fields.number(v, f"[prompts] emphasis {k!r}", high=2.0, what="emphasis")
                         for k, v in prompts.mapping("emphasis").items()},
        }  # fmt: skip
        if any(letter in more["lora"] for letter in "<>:"):
            raise CollectionError("[prompts] lora: a name in <lora:NAME:1> holds none of < > :")
        unknown = next((type_ for type_ in more["emphasis"] if type_ not in types), None)
        if unknown is not None:
            raise CollectionError(f"[prompts] emphasis: there is no trait type {unknown!r}; there are {_some(types)}")
    return Words(**said, **more)


def _words_of(traits: Named) -> str:
    return " with ".join(f"{type_}: {'/'.join(sorted(values)[:3])}{'/...' * (len(values) > 3)}"
                         for type_, values in traits.items())  # fmt: skip


def _some(names: Any) -> str:
    listed = sorted(names)
    return ", ".join(listed[:12]) + (f" and {len(listed) - 12} more" if len(listed) > 12 else "")
