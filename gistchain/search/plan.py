"""A question -> a small plan of what to look up, which is shown: no word of it is obeyed as anything else.

    "how many zombies without a pipe are there?" ──> count of items that have zombie and have no pipe
    "who owns the rarest alien with a cap?"      ──> owner of the first by rarity that has alien and cap

What is left of the question once its frame is taken away is read as `query.understood` reads it. A question that holds
words which no trait has is not answered: a plan without them would answer another one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

from gistchain.errors import SettingError
from gistchain.search.items import Kind
from gistchain.search.query import Phrase, understood
from gistchain.search.record import COLLECTION, Record
from gistchain.search.words import words_of

What = Literal["list", "count", "owners", "values"]
Order = Literal["rarest", "commonest", "newest", "oldest", ""]
MOST_CHARACTERS = 1_000
_LEAST_NAME = 4
_COUNT = r"\bhow many\b|\bnumber of\b|\bcount (?:of |the |all )?"
_OWNERS = r"\bwho(?: currently| now)? (?:owns?|holds?|has|have)\b|\bwhose (?:is|are)\b|\b(?:the )?owners? of\b"
_ORDERS: dict[Order, str] = {
    "rarest": "rarest|most rare|most unusual|scarcest",
    "commonest": "least rare|most usual",
    "newest": "newest|latest|most recent|last registered",
    "oldest": "oldest|earliest|first registered",
}
_COMMON = (
    r"\b(?:the )?(?:(\d{1,3}) )?(most|least) (?:common|popular|frequent|used|rare) ([\w -]+?)"
    r"(?= (?:of|in|among|for)\b|,|$)"
)
_THERE = r"\b(?:which|what)(?: kinds?| types?)?(?: of)? ([\w -]+?) (?:are there|exist|do(?:es)? (?:the )?(\w+) have)\b"
_OF_OWNER = (
    r"\b(?:(?:that |which )?(?:is |are )?owned by|belong(?:s|ing)? to|held by|of(?: the)? owner|does|do|has)? ?"
    r"(0x[0-9a-f]{1,40})(?: (?:owns?|holds?|ha(?:s|ve)))?\b"
)
_LIKE = r"\b(?:similar to|like|resembl\w+|looks? like)(?: the)?(?: token)? ((?:[\w-]+:)?#?\d+)\b"
_THAT = r"(?:(?:that|which) (?:are|were|is|was) )?"
_NOT = re.compile(
    r"\b(?:without|lacking|except|excluding"
    r"|(?:that |who |which )?(?:do(?:es)? ?n[o'’]t|have no|has no|not)(?: have| wear| hold| be)?|no)\b"
    r"(?: with| a| an| any| wearing| having)? "
    r"((?:(?!\b(?:and (?:with|without|a|an|has|have|wears?)|but|with|that|which|of|in|do|does|are|is)\b)[^,])+)"
)
_NAMED = 0.6
"""Share of a trait that a phrase must name to mean it."""
_VERDICTS = {
    "original": "original", "originals": "original", "copy": "copy", "copies": "copy", "sibling": "sibling",
    "siblings": "sibling", "derivative": "derivative", "derivatives": "derivative", "unsure": "unsure",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Plan:
    """what: items themselves, how many there are, who owns them, or the values of a trait type with their numbers.

    having, without: phrases that each item has, and has not. of_type: whose values. order: of items by how rare their
    traits are together, or by age; of values by how many have them. first: how many are asked for, None for all.
    like: the token that they are like.
    """

    what: What = "list"
    having: tuple[Phrase, ...] = ()
    without: tuple[Phrase, ...] = ()
    collection: str = ""
    owner: str = ""
    verdict: str = ""
    kind: Kind | None = None
    of_type: str = ""
    order: Order = ""
    first: int | None = None
    like: str = ""

    def __str__(self) -> str:
        whom = {"token": "registered tokens", "reference": "imported references", None: "items"}[self.kind]
        told = {
            "list": whom,
            "count": f"how many {whom}",
            "owners": f"the owners of {whom}",
            "values": f"the values of {self.of_type} of {whom}",
        }[self.what]
        for phrase in self.having:
            told += f", that have {_meant(phrase)}"
        for phrase in self.without:
            told += f", that do not have {_meant(phrase)}"
        told += f", of {self.collection}" if self.collection else ""
        told += f", owned by {self.owner}" if self.owner else ""
        told += f", with the verdict {self.verdict}" if self.verdict else ""
        told += f", like {self.like}" if self.like else ""
        told += f", {self.order} first" if self.order else ""
        return told + (f", the first {self.first}" if self.first is not None else "")


class NoPlan(SettingError):
    """A question that can't be answered from what the home has."""


@dataclass(slots=True)
class _Asked:
    """The question as far as it was read: what is left, in small letters, and the plan so far."""

    text: str
    plan: Plan = field(default_factory=Plan)

    def take(self, pattern: str, then: Callable[[Plan, re.Match[str]], Plan]) -> bool:
        """Takes the first place where the pattern stands out of the text."""
        found = re.search(pattern, self.text)
        if found is None:
            return False
        self.text = f"{self.text[: found.start()]} , {self.text[found.end() :]}"
        self.plan = then(self.plan, found)
        return True


ReadAs = tuple[tuple[str, str, str], ...]
"""What was typed, what it was taken for, and why."""


def planned(question: str, record: Record) -> tuple[Plan, ReadAs]:
    """Raises NoPlan where the question asks for what no trait, collection, owner or verdict here is."""
    if len(question) > MOST_CHARACTERS:
        raise NoPlan(f"the question has {len(question):,} characters: {MOST_CHARACTERS:,} are read")
    asked = _Asked(" ".join(question.casefold().replace("?", " ").split()))
    _frame(asked)
    _values(asked, record)
    _places(asked, record)
    without = _without(asked)
    plan = asked.plan
    having, read_as = _phrases(asked.text, record, plan.of_type)
    lacking = [_phrases(text, record, "") for text in without]
    plan = replace(plan, having=tuple(having), without=tuple(p for phrases, _ in lacking for p in phrases))
    if plan.collection:  # it is a condition of its own already
        plan = replace(plan, having=tuple(p for p in plan.having if not _is_collection(p)))
    conditions = plan.having, plan.without, plan.collection, plan.owner, plan.verdict, plan.kind, plan.like
    if not any((*conditions, plan.of_type, plan.order, plan.what == "count")):
        raise NoPlan("the question names no trait, collection, owner or verdict that is here")
    return plan, (*read_as, *(one for _, others in lacking for one in others))


def _frame(asked: _Asked) -> None:
    """What is wanted, in which order, and how many."""
    asked.text = re.sub(r"\bneither\b(.*?)\bnor\b", r"without\1 or ", asked.text)
    if asked.take(_COUNT, lambda p, _: replace(p, what="count")):
        asked.take(r"\bare there\b|\bexist\b|\bdo (?:you|we) have\b", lambda p, _: p)
    else:
        asked.take(_OWNERS, lambda p, _: replace(p, what="owners"))
    for order, words in _ORDERS.items():
        form = rf"\b(?:the |top |first )*(\d{{1,4}})? ?(?:{words})(?: (\d{{1,4}}))?\b"
        asked.take(form, partial(_in_order, order))
    asked.take(r"\b(?:top|first|any) (\d{1,4})\b", lambda p, m: replace(p, first=int(m[1])))


def _in_order(order: Order, plan: Plan, found: re.Match[str]) -> Plan:
    return replace(plan, order=order, first=int(found[1] or found[2] or plan.first or 1))


def _values(asked: _Asked, record: Record) -> None:
    """Questions for the values of a trait type: 'what is the most common hat?', 'which backgrounds are there?'"""
    types = {plain: trait.type for trait in record.traits() if (plain := " ".join(words_of(trait.type)))}

    def of_type(words: str) -> str | None:
        plain = " ".join(words_of(words))
        forms = (plain, plain.removesuffix("s"), plain.removesuffix("es"), f"{plain}s")
        return next((types[form] for form in forms if form in types and form != COLLECTION), None)

    common = re.search(_COMMON, asked.text)
    if common is not None and (type_ := of_type(common[3])) is not None:
        order: Order = "commonest" if (common[2] == "most") != (common[0].split()[-2] == "rare") else "rarest"
        asked.plan = replace(asked.plan, what="values", of_type=type_, order=order, first=int(common[1] or 1))
        asked.text = asked.text.replace(common[0], " , ", 1)
        return
    there = re.search(_THERE, asked.text)
    if there is not None and asked.plan.what == "list" and (type_ := of_type(there[1])) is not None:
        asked.plan = replace(asked.plan, what="values", of_type=type_, order="commonest")
        asked.text = f"{asked.text[: there.start()]} , {there[2] or ''} , {asked.text[there.end() :]}"


def _places(asked: _Asked, record: Record) -> None:
    """Owner, verdict, kind, collection, token that is asked for likeness."""
    asked.take(_OF_OWNER, lambda p, m: replace(p, owner=m[1]))
    asked.take(_LIKE, lambda p, m: replace(p, like=m[1].replace("#", "")))
    asked.take(rf"\b{_THAT}(?:registered|on the chain)\b", lambda p, _: replace(p, kind="token"))
    asked.take(rf"\b{_THAT}(?:imported|references?)\b", lambda p, _: replace(p, kind="reference"))
    for word, verdict in _VERDICTS.items():
        if not record.knows(word):
            asked.take(rf"\b(?:verdict )?{word}\b", partial(_with_verdict, verdict))
    for name, subject in _called(record).items():
        asked.take(rf"\b{re.escape(name)}\b", partial(_of_collection, subject))


def _with_verdict(verdict: str, plan: Plan, _: re.Match[str]) -> Plan:
    return replace(plan, verdict=verdict)


def _of_collection(subject: str, plan: Plan, _: re.Match[str]) -> Plan:
    if plan.collection and plan.collection != subject:
        raise NoPlan(f"the question names {plan.collection} and {subject}: ask about one of them at a time")
    return replace(plan, collection=subject)


def _called(record: Record) -> dict[str, str]:
    """What a collection may be called, the longest first: 'cryptopunks', 'cryptopunk', 'punks', 'punk'."""
    names: dict[str, str] = {}
    for collection in record.collections():
        subject = collection.value
        parted = " ".join(words_of(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", subject)))
        for form in (" ".join(words_of(subject)), parted, parted.split(" ")[-1]):
            for name in (form, form.removesuffix("s"), f"{form}s"):
                if len(name) >= _LEAST_NAME and not record.knows_value(name):
                    names.setdefault(name, subject)
    return dict(sorted(names.items(), key=lambda pair: -len(pair[0])))


def _without(asked: _Asked) -> list[str]:
    """The parts that stand behind 'without', 'no', 'not ... with'; they are taken out of the text."""
    found: list[str] = []
    while (match := _NOT.search(asked.text)) is not None:
        found.append(match[1])
        asked.text = f"{asked.text[: match.start()]} , {asked.text[match.end() :]}"
    return [part for text in found for part in re.split(r"\b(?:or|nor|and)\b", text) if part.strip()]


_EMPTY = frozenset(
    """
    who what which whose where when how do does did is are was were there any of the with that own owns owned they them
    than more only just every each listed tell me name names named ids id exist exists many much collection collections
    belong belongs to from whom get items item kind kinds type types sort sorts both either nor or by at all on
    token tokens reference references one ones nft nfts piece pieces thing things
    """.split()  # noqa: SIM905
)


def _phrases(text: str, record: Record, of_type: str) -> tuple[list[Phrase], ReadAs]:
    """Raises NoPlan for words that no trait has."""
    left = " ".join(w for w in re.findall(r"[^\s]+", text) if w.strip(",.!") not in _EMPTY)
    if not words_of(left):
        return [], ()
    query = understood(left, record)
    own = set(words_of(of_type))
    known = [_narrowed(phrase) for phrase in query.known]
    unknown = [word for word in query.unknown if word not in own and not _joins(word)]
    unnamed = [str(phrase) for phrase in known if not phrase.meant]
    if unknown or unnamed:
        raise NoPlan(
            f"no trait, collection, owner or verdict here is called {', '.join([*unknown, *unnamed])!r}: "
            "`gistchain search` finds what is near to it"
        )
    return known, query.read_as


def _joins(word: str) -> bool:
    return word in _EMPTY or (len(word) == 1 and not word.isdecimal())


def _narrowed(phrase: Phrase) -> Phrase:
    """Without traits that the phrase names too little of."""
    return Phrase(phrase.words, tuple(meant for meant in phrase.meant if meant.share > _NAMED))


def _is_collection(phrase: Phrase) -> bool:
    return all(meant.trait.type == COLLECTION for meant in phrase.meant)


def _meant(phrase: Phrase) -> str:
    """The traits that a phrase means, in words."""
    named = [f"{meant.trait.value} {meant.trait.type}".strip() for meant in phrase.meant]
    return " or ".join(repr(name) for name in named[:4]) + (f" or {len(named) - 4} more" if len(named) > 4 else "")
