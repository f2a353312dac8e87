"""What is asked of a language model for a collection: asked once, checked, counted; rules stand in where it fails.

    caption ── kept answer, or a request ──> sentences ── faithful? ── yes ──> taken
                                                              └─ no, or too few ──> by rule, counted

A model that refuses the key ends the run. One that fails GIVE_UP times in a row is not asked any more: the rest is done
by rule, and the report says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from gistchain.collection.captions.asked import Asked
from gistchain.collection.captions.endpoint import AT_ONCE, Language, dictionary, sentences
from gistchain.collection.captions.faithful import complaint
from gistchain.collection.captions.template import Captioned
from gistchain.collection.captions.translate import Table, unusable
from gistchain.collection.imports.workers import Workers
from gistchain.errors import SearchError
from gistchain.internet.guard import Refused
from gistchain.internet.service import Denied

GIVE_UP = 3
_AT_ONCE = 4
"""Requests that are under way together, once a model has answered; one where it has failed."""


class Model:
    """A language model with the memory of what it said. requests, refused, failures: what happened so far.

    refused: why a sentence or a translation was not taken -> how often. given_up: why it is not asked any more.
    """

    def __init__(self, language: Language, asked: Asked) -> None:
        self.name = language.name
        self._language, self._asked = language, asked
        self.requests = self.failures = self._in_a_row = 0
        self.refused: Counter[str] = Counter()
        self.given_up, self._answered = "", False

    @property
    def at_once(self) -> int:
        """How many captions are worth asking for together now."""
        return _AT_ONCE if self._answered and not self._in_a_row and not self.given_up else 1

    def ahead(self, captions: Sequence[Captioned], count: int) -> None:
        """Ask for several captions at a time, so that `reworded` finds the answers. Raises as that does.

        Who interrupts this waits for no answer.
        """
        prompts = {caption.text: self._language.prompt(caption, count) for caption in captions}  # each is paid once
        missing = [one for one in prompts.values() if self._asked.get(self.name, one) is None]
        if len(missing) < 2:
            return
        with Workers[tuple[int, str | SearchError]](len(missing)) as workers:
            for number, messages in enumerate(missing):
                workers.submit(partial(self._said, number, messages))
            found = dict(workers.result() for _ in missing)
        for number, messages in enumerate(missing):
            self._keep(messages, found[number])

    def reworded(self, caption: Captioned, count: int) -> list[str]:
        """At most `count` different rewordings of the caption that are faithful to it.

        Raises Denied, and Refused where the address may not be asked.
        """
        answer = self._answer(self._language.prompt(caption, count))
        if answer is None:
            return []
        taken: list[str] = []
        said = sentences(answer)
        for text in said[:count]:
            wrong = complaint(text, caption) or ("twice the same" if text in (*taken, caption.text) else "")
            if wrong:
                self.refused[wrong] += 1
            else:
                taken.append(text)
        if len(said) < count:
            self.refused["too few sentences"] += count - len(said)
        return taken

    def table(self, words: Sequence[str], progress: Callable[[int], None] = lambda done: None) -> Table:
        """Translations of words into English, those that can be used. Raises as `reworded`."""
        table = Table(self.name)
        for start in range(0, len(words), AT_ONCE):
            some = words[start : start + AT_ONCE]
            answer = self._answer(self._language.words(some))
            self._add(table, some, {} if answer is None else dictionary(answer), answered=answer is not None)
            progress(min(start + AT_ONCE, len(words)))
        return table

    def _add(self, table: Table, asked: Sequence[str], said: Mapping[str, str], *, answered: bool) -> None:
        for word in asked:
            english = said.get(word)
            if english is None:
                self.refused["a word without translation"] += answered
            elif (wrong := unusable(english)) is not None:
                self.refused[f"a translation that {wrong}"] += 1
            else:
                table.add("", word, english)

    def _answer(self, messages: Sequence[Mapping[str, str]]) -> str | None:
        kept = self._asked.get(self.name, messages)
        if kept is not None or self.given_up:
            return kept
        _, said = self._said(0, messages)
        return self._keep(messages, said)

    def _said(self, number: int, messages: Sequence[Mapping[str, str]]) -> tuple[int, str | SearchError]:
        """The number, and the answer or why there is none. Raises Denied, Refused."""
        try:
            return number, self._language.answer(messages)
        except (Denied, Refused):
            raise
        except SearchError as error:
            return number, error

    def _keep(self, messages: Sequence[Mapping[str, str]], said: str | SearchError) -> str | None:
        self.requests += 1
        if isinstance(said, SearchError):
            self.failures += 1
            self._in_a_row += 1
            if self._in_a_row == GIVE_UP:
                self.given_up = str(said)
            return None
        self._answered, self._in_a_row = True, 0
        self._asked.put(self.name, messages, said)
        return said
