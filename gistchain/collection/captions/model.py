"""What is asked of a language model for a collection: asked once, checked, counted; rules stand in where it fails.

    caption ── kept answer, or a request ──> sentences ── faithful? ── yes ──> taken
                                                              └─ no, or too few ──> by rule, counted

A model that refuses the key ends the run. One that fails GIVE_UP times in a row is not asked any more: the rest is done
by rule, and the report says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from gistchain.collection.captions.asked import Asked
from gistchain.collection.captions.endpoint import AT_ONCE, Language, dictionary, sentences
from gistchain.collection.captions.faithful import complaint
from gistchain.collection.captions.template import Captioned
from gistchain.collection.captions.translate import Table, unusable
from gistchain.errors import SearchError
from gistchain.internet.guard import Refused
from gistchain.internet.service import Denied

GIVE_UP = 3


class Model:
    """A language model with the memory of what it said. requests, refused, failures: what happened so far.

    refused: why a sentence or a translation was not taken -> how often. given_up: why it is not asked any more.
    """

    def __init__(self, language: Language, asked: Asked) -> None:
        self.name = language.name
        self._language, self._asked = language, asked
        self.requests = self.failures = self._in_a_row = 0
        self.refused: Counter[str] = Counter()
        self.given_up = ""

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
        self.requests += 1
        try:
            answer = self._language.answer(messages)
        except (Denied, Refused):
            raise
        except SearchError as error:
            self.failures += 1
            self._in_a_row += 1
            if self._in_a_row == GIVE_UP:
                self.given_up = str(error)
            return None
        self._in_a_row = 0
        self._asked.put(self.name, messages, answer)
        return answer
