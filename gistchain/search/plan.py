"""A question -> a small plan of what to look up, which is shown: no word of it is obeyed as anything else.

    "how many zombies without a pipe are there?" ──> count of items that have zombie and have no pipe
    "who owns the rarest alien with a cap?"      ──> owner of the first by rarity that has alien and cap

What is left of the question once its frame is taken away is read as `query.understood` reads it. A question that holds
words which no trait has is not answered: a plan without them would answer another one.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

import numpy as np

from gistchain.errors import SettingError
from gistchain.search.items import Kind
from gistchain.search.query import JOINING, Phrase, understood
from gistchain.search.record import COLLECTION, Record
from gistchain.search.words import words_of

What = Literal["list", "count", "owners", "values"]
Order = Literal["rarest", "commonest", "newest", "oldest", ""]
MOST_CHARACTERS = 1_000
_LEAST_NAME = 4
_COUNT = r"\b(?:how many|the number of|number of|count)\b(?: of)?(?: the| all)?"
_OWNERS = (
    r"\bwho(?: currently| now)? (?:owns?|holds?|has|have|is the owner of|are the owners of)\b|\bwhose\b(?: is| are)?"
    r"|\b(?:the )?owners? of\b|\bto whom do(?:es)?\b"
    r"|\b(?:which|what) (?:owners?|address(?:es)?|wallets?) (?:owns?|ha(?:s|ve)|holds?)\b"
)
_ORDERS: dict[Order, str] = {
    "rarest": "(?:single )?rarest|most rare|most unusual|scarcest",
    "commonest": "least rare|most usual",
    "newest": "newest|latest|most recent|last registered",
    "oldest": "oldest|earliest|first registered",
}
_TYPE = r"(?:values? (?:of|for) )?(?:the )?(?P<type>[\w-]+(?: [\w-]+)??)"
_END = r"(?= (?:of|in|among|for|on|do|does|that)\b| ?,|$)"
_COMMON = (
    rf"\b(?:the )?(?:(?P<first>\d{{1,3}}) )?(?P<one>most|least) (?:common|popular|frequent|used|rare) {_TYPE}{_END}",
    rf"\b(?:the )?(?P<one>rarest|commonest) {_TYPE}{_END}",
    rf"\b(?:the )?top (?P<first>\d{{1,3}}) {_TYPE}{_END}",
    r"\b(?:which|what)(?: different)?(?: kinds?| types?| values?)?(?: of)? (?P<type>[\w-]+(?: [\w-]+)??) "
    r"(?:are there|exist|do(?:es)? (?:the )?(?P<whom>\w+) have)\b",
    r"\b(?:which|what) (?P<type>[\w-]+(?: [\w-]+)??) (?:is|are) (?:the )?(?P<one>most|least) "
    r"(?:common|popular|frequent|used|rare)\b",
    r"\b(?:which|what) values? do(?:es)? (?:the )?(?:trait |type )*(?P<type>[\w-]+(?: [\w-]+)??) have\b",
    r"\b(?P<type>[\w-]+) values?\b",
    rf"\b(?:possible )?values? (?:of|for) (?:the )?(?P<type>[\w-]+(?: [\w-]+)??){_END}",
    r"\bdifferent (?:things|values)\b(?P<whom>.*?)\b(?:can )?have as (?P<type>[\w-]+)\b",
)
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
    r"((?:(?!\b(?:and (?:with|without|not|no|a|an|has|have|wears?)|but|not|with|that|which|of|in|do|does|are|is)\b)"
    r"[^,])+)"
)
_NUMBERS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_JUDGED = "(?:judged |rated |found )?(?:to be )?"
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
    like: the token that they are like. token: the id that they have.
    """

    what: What = "list"
    having: tuple[Phrase, ...] = ()
    without: tuple[Phrase, ...] = ()
    collection: str = ""
    owner: str = ""
    verdict: str = ""
    not_verdict: str = ""
    kind: Kind | None = None
    of_type: str = ""
    order: Order = ""
    first: int | None = None
    like: str = ""
    token: str = ""

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
        told += f", with another verdict than {self.not_verdict}" if self.not_verdict else ""
        told += f", like {self.like}" if self.like else ""
        told += f", with the number {self.token}" if self.token else ""
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
    text = " ".join(re.sub(r"[?!.]+(?=\s|$)", " ", question.casefold()).replace("’", "'").split())
    text = re.sub(r"\b(what|who|where|that|it|there)'s\b", r"\1 is", text)
    asked = _Asked(re.sub(rf"\b({'|'.join(_NUMBERS)})\b(?= (?:most|least|rarest|newest|oldest|latest))", _digits, text))
    types = _types(record)
    _whose(asked, types)
    _values(asked, types)
    _frame(asked)
    _places(asked, record)
    without = _without(asked)
    plan = asked.plan
    having, read_as = _phrases(asked.text, record, plan.of_type)
    lacking = [_phrases(text, record, "") for text in without]
    plan = replace(plan, having=tuple(having), without=tuple(p for phrases, _ in lacking for p in phrases))
    if plan.collection:  # it is a condition of its own already
        own = [phrase for phrase in plan.having if not _is_collection(phrase)]
        plan = replace(
            plan, having=_within(own, plan.collection, record), without=_within(plan.without, plan.collection, record)
        )
    conditions = plan.having, plan.without, plan.collection, plan.owner, plan.verdict, plan.kind, plan.like, plan.token
    if not any((*conditions, plan.not_verdict, plan.of_type, plan.order, plan.what == "count")):
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
    if asked.plan.what == "owners":
        asked.take(r"\bthe most\b", lambda p, _: replace(p, order="commonest", first=1))


def _in_order(order: Order, plan: Plan, found: re.Match[str]) -> Plan:
    return replace(plan, order=order, first=int(found[1] or found[2] or plan.first or 1))


def _digits(found: re.Match[str]) -> str:
    return str(_NUMBERS.index(found[1]) + 2)


def _types(record: Record) -> dict[str, str]:
    """Trait types by their words."""
    found = {" ".join(words_of(trait.type)): trait.type for trait in record.traits()}
    return {words: type_ for words, type_ in found.items() if words and type_ != COLLECTION}


def _type_of(words: str, types: Mapping[str, str]) -> str | None:
    plain = " ".join(words_of(words))
    forms = (plain, plain.removesuffix("s"), plain.removesuffix("es"), f"{plain}s")
    return next((types[form] for form in forms if form in types), None)


def _whose(asked: _Asked, types: Mapping[str, str]) -> None:
    """'Nouns whose accessory is a tie' asks for a trait, 'whose Nouns are these' for owners."""
    found = re.search(r"\bwhose (\w+) (?:is|are)\b(?: an?\b)?([^,]*)", asked.text)
    if found is not None and _type_of(found[1], types) is not None:
        asked.text = f"{asked.text[: found.start()]} , {found[2]} {found[1]} , {asked.text[found.end() :]}"


def _values(asked: _Asked, types: Mapping[str, str]) -> None:
    """Questions for the values of a trait type: 'what is the most common hat?', 'which backgrounds are there?'"""
    for pattern in _COMMON:
        found = re.search(pattern, asked.text)
        type_ = None if found is None else _type_of(found["type"], types)
        if found is not None and type_ is not None:
            how = found.groupdict()
            order: Order = "rarest" if ("least" in found[0]) != ("rare" in found[0]) else "commonest"
            first = int(how["first"]) if how.get("first") else 1 if how.get("one") else asked.plan.first
            asked.plan = replace(asked.plan, what="values", of_type=type_, order=order, first=first)
            whom = how.get("whom") or ""
            asked.text = f"{asked.text[: found.start()]} , {whom} , {asked.text[found.end() :]}"
            return


def _places(asked: _Asked, record: Record) -> None:
    """Owner, verdict, kind, collection, token that is asked for likeness."""
    asked.take(_OF_OWNER, lambda p, m: replace(p, owner=m[1]))
    asked.take(_LIKE, lambda p, m: replace(p, like=m[1].replace("#", "")))
    asked.take(r"\b(?:registered|imported) (?:and|or) (?:registered|imported)\b", lambda p, _: p)
    asked.take(rf"\b{_THAT}(?:registered|on the chain)\b", lambda p, _: replace(p, kind="token"))
    asked.take(rf"\b{_THAT}(?:imported|references?)\b", lambda p, _: replace(p, kind="reference"))
    asked.text = " ".join(_verdict_word(word, record) for word in asked.text.split())
    for word, verdict in _VERDICTS.items():
        if not record.knows(word):
            asked.take(
                rf"\b(?:(?:that |which )?(?:is|are|were|was) )?(?:not|no) {_JUDGED}(?:an? )?{word}\b",
                partial(_without_verdict, verdict),
            )
            asked.take(
                rf"\b{_JUDGED}(?:(?:with |of |have |has )?(?:the )?verdict )?{word}\b",
                partial(_with_verdict, verdict),
            )
    for name, subject in _called(record).items():
        while asked.take(rf"\b{re.escape(name)}(?: #?(\d{{1,78}}))?\b", partial(_of_collection, subject)):
            pass
    asked.take(r"(?:\btokens? |\bnumber |#)#?(\d{1,78})\b", lambda p, m: replace(p, token=m[1]))


def _verdict_word(word: str, record: Record) -> str:
    """A misspelt verdict as it is written."""
    if len(word) < 6 or word in JOINING or record.traits_with([word]):
        return word
    return next(iter(difflib.get_close_matches(word, _VERDICTS, 1, 0.85)), word)


def _with_verdict(verdict: str, plan: Plan, _: re.Match[str]) -> Plan:
    return replace(plan, verdict=verdict)


def _without_verdict(verdict: str, plan: Plan, _: re.Match[str]) -> Plan:
    return replace(plan, not_verdict=verdict)


def _of_collection(subject: str, plan: Plan, found: re.Match[str]) -> Plan:
    if plan.collection and plan.collection != subject:
        raise NoPlan(f"the question names {plan.collection} and {subject}: ask about one of them at a time")
    return replace(plan, collection=subject, token=found[1] or plan.token)


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
    belong belongs to from whom get got items item kind kinds type types sort sorts both either nor or by at all on
    token tokens reference references one ones nft nfts piece pieces thing things list please i am i'm looking but in
    total together so far been be have has having had a an around its their his her going different single trait traits
    can as some well also too exactly currently now still ever overall altogether among colour color
    """.split()  # noqa: SIM905
)


def _phrases(text: str, record: Record, of_type: str) -> tuple[list[Phrase], ReadAs]:
    """Raises NoPlan for words that no trait has."""
    found: list[Phrase] = []
    read_as: list[tuple[str, str, str]] = []
    missing: list[str] = []
    own = set(words_of(of_type))
    # "zebra, tiger or rabbit head" are three of which one is enough
    text = re.sub(r"([\w-]+(?: [\w-]+)*), (?=[^,]*\bor\b)", r"\1 or ", text)
    for clause in re.split(r",|\band\b|\bwith\b", text):
        either: list[Phrase] = []
        for part in re.split(r"\bor\b", clause):
            left = " ".join(word for word in part.split() if word.strip(".!") not in _EMPTY | JOINING)
            if not words_of(left):
                continue
            query = understood(left, record)
            known = [_narrowed(phrase) for phrase in query.known]
            missing += [word for word in query.unknown if word not in own and not _joins(word)]
            missing += [str(phrase) for phrase in known if not phrase.meant]
            read_as += query.read_as
            either = [_either(either[0], known[0])] if len(either) == len(known) == 1 else [*either, *known]
        found += either
    if missing:
        raise NoPlan(
            f"no trait, collection, owner or verdict here is called {', '.join(missing)!r}: "
            "`gistchain search` finds what is near to it"
        )
    return found, tuple(read_as)


def _either(one: Phrase, other: Phrase) -> Phrase:
    """One of two is enough. A type that the second names is that of the first, too: "red or gold body"."""
    of = {m.trait.type for m in other.meant if set(words_of(m.trait.type)) & set(other.words)}
    first = [m for m in one.meant if m.trait.type in of] or list(one.meant)
    return Phrase((*one.words, "or", *other.words), (*first, *other.meant))


def _joins(word: str) -> bool:
    return word in _EMPTY or (len(word) == 1 and not word.isdecimal())


def _narrowed(phrase: Phrase) -> Phrase:
    """Without traits that the phrase names too little of; a trait type alone means all its values."""
    of_type = [m for m in phrase.meant if m.trait.type != COLLECTION and _same(m.trait.type, phrase.words)]
    return Phrase(phrase.words, tuple(of_type or (meant for meant in phrase.meant if meant.share > _NAMED)))


def _same(type_: str, words: tuple[str, ...]) -> bool:
    named, asked = " ".join(words_of(type_)), " ".join(words)
    return asked in (named, f"{named}s", f"{named}es")


def _within(phrases: Sequence[Phrase], collection: str, record: Record) -> tuple[Phrase, ...]:
    """The phrases without traits that no token of the collection has, unless none has any of them."""
    members = next(record.having(one.kind) for one in record.collections() if one.value == collection)
    told = []
    for phrase in phrases:
        there = tuple(m for m in phrase.meant if np.isin(record.having(m.trait.kind), members).any())
        told.append(Phrase(phrase.words, there or phrase.meant))
    return tuple(told)


def _is_collection(phrase: Phrase) -> bool:
    return all(meant.trait.type == COLLECTION for meant in phrase.meant)


def _meant(phrase: Phrase) -> str:
    """The traits that a phrase means, in words."""
    named = [f"{meant.trait.value} {meant.trait.type}".strip() for meant in phrase.meant]
    return " or ".join(repr(name) for name in named[:4]) + (f" or {len(named) - 4} more" if len(named) > 4 else "")
