"""What a person has allowed on one chain: to write there for good, and what a transaction may cost."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import ROUND_UP, Context, Decimal, localcontext

from gistchain.errors import NotConfirmed
from gistchain.types import Confirm, Question

WEI = 10**18
"""In one coin of any chain of Ethereum's kind."""
MAX_FEE = Decimal("0.01")
"""Most that one transaction may cost without a question, in coins. A registration takes some tenths of a million gas,
which is 0.001 at 5 gwei."""
TOTAL_TIMES = 10
"""All transactions together may cost so many times what one may, before that is a question."""
# Numbers of the node's choice have up to 78 digits; the usual 28 are not enough to round them.
_DIGITS = Context(prec=120)


@dataclass(slots=True)
class Consent:
    """Asks once and remembers the answer.

    public: what a person is told before the first write, None for a chain that is nobody else's. most_wei: what one
    transaction may cost in all, None for a chain whose coin buys nothing; all together may cost TOTAL_TIMES that.
    agreed: the first write was allowed; `keep` is called when that happens. total_wei: the most that the transactions
    so far can have cost. What they did cost, only the node could tell.
    """

    confirm: Confirm | None = None
    public: str | None = None
    most_wei: int | None = None
    agreed: bool = False
    keep: Callable[[], None] = field(default=lambda: None)
    total_wei: int = 0
    _most_total_wei: int = field(init=False)
    _turn: threading.RLock = field(init=False, repr=False, default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self._most_total_wei = TOTAL_TIMES * (self.most_wei or 0)

    def to_write(self) -> None:
        """Raises NotConfirmed."""
        if self.public is None or self.agreed:
            return
        self._ask(Question("public", self.public, "say yes to that with --yes, or confirm= in Python"))
        self.agreed = True
        self.keep()

    def to_spend(self, cost_wei: int, what: str, *, instead_of_wei: int = 0) -> None:
        """Raises NotConfirmed. what: how much the transaction costs and why, for a person.

        instead_of_wei: what was allowed for the one that this one replaces, as only one of the two is paid. A yes
        counts for what costs no more, and for twice the total that it was asked at.
        """
        if self.most_wei is None:
            return
        with self._turn:
            total_wei = max(0, self.total_wei - instead_of_wei) + cost_wei
            if cost_wei > self.most_wei:
                limit = f"the limit is {coins(self.most_wei)}"
                otherwise = f"allow it with --max-fee {enough(cost_wei)} (max_fee in Python)"
            elif total_wei > self._most_total_wei:
                limit = f"{coins(total_wei)} with those before it, where the limit is {coins(self._most_total_wei)}"
                otherwise = (
                    f"allow {TOTAL_TIMES} times --max-fee in all with --max-fee "
                    f"{enough(-(-total_wei // TOTAL_TIMES))} (max_fee in Python)"
                )
            else:
                self.total_wei = total_wei
                return
            self._ask(Question("cost", f"{what}, and {limit}", f"{otherwise}, or wait until fees are lower"))
            self.most_wei = max(self.most_wei, cost_wei)
            self._most_total_wei = max(self._most_total_wei, 2 * total_wei)
            self.total_wei = total_wei

    def _ask(self, question: Question) -> None:
        if self.confirm is None or not self.confirm(question):
            raise NotConfirmed(f"nothing was sent: {question.text}; {question.otherwise}")


def coins(wei: int) -> str:
    """'0.0123': wei as coins, to four digits that mean something."""
    with localcontext(_DIGITS):
        amount = Decimal(wei) / WEI
        return f"{amount.quantize(Decimal(1).scaleb(min(0, amount.adjusted() - 3))):f}" if wei else "0"


def enough(wei: int) -> str:
    """Wei as coins, to two digits, rounded up, so that it is enough."""
    with localcontext(_DIGITS):
        needed = Decimal(wei) / WEI
        return f"{needed.quantize(Decimal(1).scaleb(needed.adjusted() - 1), rounding=ROUND_UP):f}"
