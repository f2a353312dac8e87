"""Captions and splits of imported collections -> JSON and words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gistchain.text import lines

if TYPE_CHECKING:
    from gistchain.collection.captions.make import Captions

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
