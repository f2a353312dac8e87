"""An imported collection -> captions of its complete tokens, by template, by rule and, where asked, by a model.

record ── attributes ── translated ──> template ──> caption
                                          ├─ rules ──────┐
                                          └─ a model ────┴──> paraphrases ──> captions.parquet
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from gistchain.collection.captions.asked import Asked
from gistchain.collection.captions.endpoint import Language
from gistchain.collection.captions.model import Model
from gistchain.collection.captions.paraphrase import WORDINGS, paraphrases
from gistchain.collection.captions.rows import NAME, RULES, CaptionRow, made_of, write
from gistchain.collection.captions.template import Captioned, captioned, is_abstract, visible
from gistchain.collection.captions.translate import Table, Translated, Translator, folded
from gistchain.collection.imports.record import About, ImportedToken, Record
from gistchain.disk.write import check_writable
from gistchain.errors import CollectionError

MOST = len(WORDINGS)
"""Paraphrases of one caption."""
Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class How:
    """How captions are made. tables: that translate, in their order. translate, reword: what `language` is asked for.

    abstract: trait types that a person names. seed: which wordings and orders the rules take.
    """

    paraphrases: int = 3
    tables: tuple[Table, ...] = ()
    language: Language | None = None
    translate: bool = False
    reword: bool = True
    abstract: tuple[str, ...] = ()
    seed: int = 0


@dataclass(slots=True)
class Captions:
    """What was made for a collection.

    tokens: with captions; others: without, by their state. different: captions. shared: tokens whose caption another
    token has too (T3.2). bare: tokens without a trait. changed: values and types that lost a comma or a line end.
    paraphrases: by what made them. unknown: words without translation -> how often. refused: what a model said and was
    not taken -> how often. abstract: trait type -> tokens that have it.
    """

    collection: str
    file: Path
    tokens: int = 0
    others: dict[str, int] = field(default_factory=dict)
    different: int = 0
    shared: int = 0
    bare: int = 0
    changed: int = 0
    left_out: int = 0
    translated: int = 0
    paraphrases: Counter[str] = field(default_factory=Counter)
    abstract: Counter[str] = field(default_factory=Counter)
    unknown: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    requests: int = 0
    failures: int = 0
    given_up: str = ""


def caption_collection(folder: Path, how: How, progress: Progress = lambda what, share: None) -> Captions:
    """Write the captions of an imported collection into its folder; an earlier file stays until they are all there.

    Raises CollectionError for a collection without complete tokens or without pyarrow; SearchError where a language
    model refuses the key or may not be asked; FileError, DiskFull.
    """
    with Record(folder) as record, ExitStack() as open_:
        about, counts = record.about(), record.counts()
        if about is None or not counts.get("complete"):
            raise CollectionError(_nothing(folder.name, {str(state): count for state, count in counts.items()}))
        done = Captions(folder.name, folder / NAME)
        done.others = {state: count for state, count in counts.items() if state != "complete"}
        check_writable(done.file)
        model = Model(how.language, open_.enter_context(Asked(folder))) if how.language is not None else None
        tables = list(how.tables)
        if model is not None and how.translate:
            words = _words(record, Translator(tables))
            tables.append(model.table(words, lambda at: progress("translate", at / len(words))))
        maker = _Maker(about, how, Translator(tables), model, done)
        write(folder, _rows(maker, record, counts["complete"], progress))
    maker.finish()
    return done


def _nothing(name: str, counts: dict[str, int]) -> str:
    there = ", ".join(f"{count:,} {state}" for state, count in counts.items())
    if not there:
        return f"{name} has no tokens: import it again with `gistchain collection import`"
    return (
        f"{name} has no complete token ({there}), so that there is nothing to caption: "
        "`gistchain collection import --retry failed` tries them again"
    )


def _rows(maker: _Maker, record: Record, total: int, progress: Progress) -> Iterator[CaptionRow]:
    left, number = record.tokens("complete"), 0
    while some := list(islice(left, maker.at_once)):
        for row in maker.rows(some):
            yield row
            number += 1
            progress("caption", min(1.0, number / total))


def _words(record: Record, translator: Translator) -> list[str]:
    """Values and types that no table knows, each once."""
    for token in record.tokens("complete"):
        for type_, value in token.attributes:
            translator.trait(type_, value)
    return sorted({folded(word): word for word in translator.unknown}.values())


class _Maker:
    """Tokens -> rows, and the counts of what was made."""

    def __init__(self, about: About, how: How, translator: Translator, model: Model | None, done: Captions) -> None:
        self._about, self._how, self._translator, self._model, self._done = about, how, translator, model, done
        self._times: Counter[bytes] = Counter()  # of captions by their digest: they can be many and long

    @property
    def at_once(self) -> int:
        """Tokens that are given to `rows` together."""
        return self._model.at_once if self._model is not None and self._how.reword else 1

    def rows(self, tokens: Sequence[ImportedToken]) -> Iterator[CaptionRow]:
        made = [(token, *self._captioned(token)) for token in tokens]
        if self._model is not None and self._how.reword and self._how.paraphrases and len(tokens) > 1:
            self._model.ahead([caption for _, _, caption in made], self._how.paraphrases)
        for token, traits, caption in made:
            yield self._row(token, traits, caption)

    def _captioned(self, token: ImportedToken) -> tuple[list[Translated], Captioned]:
        traits = [self._translated(type_, value) for type_, value in token.attributes]
        return traits, captioned(self._about.subject or self._about.name, ((one.type, one.value) for one in traits))

    def _row(self, token: ImportedToken, traits: list[Translated], made: Captioned) -> CaptionRow:
        how, done = self._how, self._done
        shown = visible(made.phrases, how.abstract)
        abstract = tuple(sorted({one.type for one in traits if is_abstract(one.type, how.abstract)}))
        reworded = self._reworded(made, f"{self._about.name}/{token.id}")
        done.tokens += 1
        done.bare += not made.phrases
        done.changed += made.changed
        done.left_out += made.left_out
        done.translated += sum(bool(one.by) for one in traits)
        done.paraphrases.update(by for _, by in reworded)
        done.abstract.update(abstract)
        self._times[hashlib.sha256(made.text.encode("utf-8", "replace")).digest()[:16]] += 1
        return CaptionRow(
            token.id,
            made.text,
            captioned(made.subject, [(phrase.type, phrase.value) for phrase in shown]).text,
            reworded,
            token.attributes,
            tuple((one.type, one.value, one.by) for one in traits),
            abstract,
            made.left_out,
            made_of(self._about, token),
        )

    def finish(self) -> None:
        """Counts that are known at the end."""
        self._done.different = len(self._times)
        self._done.shared = sum(times for times in self._times.values() if times > 1)
        self._done.unknown = dict(self._translator.unknown)
        if self._model is not None:
            self._done.refused = dict(self._model.refused)
            self._done.requests, self._done.failures = self._model.requests, self._model.failures
            self._done.given_up = self._model.given_up

    def _translated(self, type_: str, value: str) -> Translated:
        if not self._how.tables and not self._how.translate:
            return Translated(type_, value, "")
        return self._translator.trait(type_, value)

    def _reworded(self, made: Captioned, token: str) -> tuple[tuple[str, str], ...]:
        """By the model, and by rule what it did not give."""
        count = self._how.paraphrases
        model = self._model if self._how.reword else None
        said: Sequence[str] = model.reworded(made, count) if model is not None and count else []
        by_model = [(text, model.name) for text in said] if model is not None else []
        ruled = [text for text in paraphrases(made, token, MOST, seed=self._how.seed) if text not in said]
        return tuple(by_model + [(text, RULES) for text in ruled[: count - len(by_model)]])
