"""What is asked before money is spent: about one transaction, and about all of a run together."""

from __future__ import annotations

import pytest

from gistchain.errors import LedgerError, NotConfirmed
from gistchain.ledger.consent import WEI, Consent, coins
from gistchain.ledger.fees import cost, with_tip
from gistchain.types import Question

FEE = WEI // 100


class Person:
    def __init__(self, says: bool) -> None:
        self.says = says
        self.asked: list[Question] = []

    def __call__(self, question: Question) -> bool:
        self.asked.append(question)
        return self.says


def test_a_thousand_small_costs_are_a_question_at_ten_times_the_limit_of_one() -> None:
    no = Person(says=False)
    consent = Consent(confirm=no, most_wei=FEE)
    for _ in range(10):
        consent.to_spend(FEE, "a transaction costs 0.01")
    assert no.asked == []
    with pytest.raises(
        NotConfirmed, match=r"and 0\.1100 with those before it, where the limit is 0\.1000.*--max-fee 0\.011 "
    ):
        consent.to_spend(FEE, "a transaction costs 0.01")
    assert len(no.asked) == 1
    allowed = Consent(most_wei=WEI * 11 // 1000)  # what the message says is enough
    for _ in range(11):
        allowed.to_spend(FEE, "a transaction costs 0.01")


def test_a_yes_counts_for_twice_the_total_that_it_was_asked_at() -> None:
    yes = Person(says=True)
    consent = Consent(confirm=yes, most_wei=FEE)
    for _ in range(22):
        consent.to_spend(FEE, "a transaction")
    assert len(yes.asked) == 1
    consent.to_spend(FEE, "a transaction")
    assert len(yes.asked) == 2


def test_a_yes_to_one_dear_transaction_is_none_to_a_thousand() -> None:
    yes = Person(says=True)
    consent = Consent(confirm=yes, most_wei=FEE)
    for _ in range(1000):
        consent.to_spend(WEI, "a dear transaction")
    assert [question.kind for question in yes.asked] == ["cost"] * 9, "at each doubling"


def test_a_cost_of_any_size_is_told_in_words_or_refused() -> None:
    assert coins(10**77).startswith("1" + "0" * 59)
    with pytest.raises(NotConfirmed, match=r"--max-fee 1\d{49} "):
        Consent(most_wei=FEE).to_spend(10**67 + 1, "a transaction")
    with pytest.raises(LedgerError, match=r"a node says that a unit of gas costs .*can't be"):
        cost("a node", 21_000, with_tip(2**128, 2**128))
