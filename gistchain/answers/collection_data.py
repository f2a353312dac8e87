"""Captions and splits of imported collections -> JSON and words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gistchain.collection.splits.sizes import NOT_STATED
from gistchain.text import filled, lines

if TYPE_CHECKING:
    from gistchain.collection.captions.make import Captions
    from gistchain.collection.splits.report import Split

_MOST_NAMED = 5


def captions_json(done: Captions) -> dict[str, Any]:
    return {
        "collection": done.collection,
        "file": str(done.file),
        "tokens": done.tokens,
        "others": done.others,
        "different": done.different,
        "shared": done.shared,
        "bare": done.bare,
        "changed": done.changed,
        "left_out": done.left_out,
        "paraphrases": dict(done.paraphrases),
        "translated": done.translated,
        "unknown": len(done.unknown),
        "abstract": dict(done.abstract),
        "requests": done.requests,
        "refused": done.refused,
        "failures": done.failures,
        "given_up": done.given_up or None,
    }


def captions_text(done: Captions) -> str:
    return lines([f"{done.collection}: captions of {done.tokens:,} tokens -> {done.file}", *_notes(done)])


def _notes(done: Captions) -> list[str]:
    notes = [f"  {done.different:,} different captions; {done.shared:,} tokens share theirs with another"]
    if done.paraphrases:
        notes.append(f"  paraphrases: {_counted(done.paraphrases)}")
    if done.others:
        notes.append(f"  without a caption: {_counted(done.others)}")
    if done.bare:
        notes.append(f"  {done.bare:,} tokens have no traits: their captions name the subject alone")
    if done.changed:
        notes.append(f"  {done.changed:,} values or types lost a comma or a line end in captions")
    if done.left_out:
        notes.append(f"  {done.left_out:,} traits were left out: a caption has at most 2,000 characters")
    if done.translated:
        notes.append(f"  {done.translated:,} traits in English")
    if done.unknown:
        notes.append(f"  no translation is known of {len(done.unknown):,} words: {_commonest(done.unknown)}")
    if done.abstract:
        notes.append(f"  pixels can't show: {_commonest(done.abstract)}")
    if done.refused:
        notes.append(f"  what the language model said was refused: {_counted(done.refused)}")
    if done.given_up:
        notes.append(f"  the language model was not asked any more, rules stand in: {done.given_up}")
    elif done.failures:
        notes.append(f"  {done.failures:,} requests to the language model failed; rules stand in for them")
    return notes


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())


def _commonest(counts: dict[str, int]) -> str:
    first = sorted(counts, key=lambda name: (-counts[name], name))
    named = ", ".join(name[:60] for name in first[:_MOST_NAMED])
    return named + (f" and {len(first) - _MOST_NAMED:,} more" if len(first) > _MOST_NAMED else "")


def split_json(done: Split) -> dict[str, Any]:
    return {**done.as_json(), "output": None if done.output is None else str(done.output)}


def split_text(done: Split) -> str:
    place = "nothing written: give -o FOLDER" if done.output is None else f"-> {done.output}"
    head = f"{done.name}: {sum(one['obtained'] for one in done.parts()):,} pairs  {place}"
    rows = [["", "wanted", "obtained", "collections", "families"]]
    rows += [
        [one["part"], f"{one['wanted']:,}", f"{one['obtained']:,}", str(one["collections"]), str(one["families"])]
        for one in done.parts()
    ]
    table = ["  " + filled(row[0], 12) + "".join(filled(cell, 13, right=True) for cell in row[1:]) for row in rows]
    empty = [f"  {done.empty()}"] if done.empty() else []
    return lines([head, *table, *empty, *_beside(done), *_families(done), *_gaps(done)])


def _beside(done: Split) -> list[str]:
    if done.phrases is None:
        return []
    said = done.as_json()["published"]
    return [
        f"  {done.themes:,} themes and {done.phrases:,} phrases; NFT1000 has {said['themes']:,} and {said['phrases']:,}"
    ]


def _families(done: Split) -> list[str]:
    told = [
        f"  one family: {one.one} and {one.other} ({one.why}{f', {one.near} of {one.of} near' if one.of else ''})"
        for one in done.families.joined
    ]
    if done.families.unseen:
        told.append(f"  {done.families.unseen:,} pairs of collections are alike and were not looked at closely")
    return told


def _gaps(done: Split) -> list[str]:
    told = []
    for gap in done.gaps():
        what = f"{gap['pairs']:,} pairs" if gap["pairs"] else "left out"
        told.append(f"  {gap['collection']}: {what}: {gap['why']}")
    unstated = [name for name in done.about if done.licence(name) == NOT_STATED]
    if unstated:
        told.append(f"  no licence is stated of {len(unstated):,} collections: ask their makers before you publish")
    return told
