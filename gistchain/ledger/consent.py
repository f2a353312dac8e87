"""What a person has allowed on one chain: to write there for good, and what a transaction may cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import ROUND_UP, Decimal

from gistchain.errors import NotConfirmed
from gistchain.types import Confirm, Question

WEI = 10**18
"""In one coin of any chain of Ethereum's kind."""
MAX_FEE = Decimal("0.01")
"""Most that one transaction may cost without a question, in coins. A registration takes some tenths of a million gas,
which is 0.001 at 5 gwei."""


@dataclass(slots=True)
class Consent:
    """Asks once and remembers the answer.

    public: what a person is told before the first write, None for a chain that is nobody else's. most_wei: what one
    transaction may cost in all, None for a chain whose coin buys nothing. agreed: the first write was allowed; `keep`
    is called when that happens.
    """

    confirm: Confirm | None = None
    public: str | None = None
    most_wei: int | None = None
    agreed: bool = False
    keep: Callable[[], None] = field(default=lambda: None)

    def to_write(self) -> None:
        """Raises NotConfirmed."""
        if self.public is None or self.agreed:
            return
        self._ask(Question("public", self.public, "say yes to that with --yes, or confirm= in Python"))
        self.agreed = True
        self.keep()

    def to_spend(self, cost_wei: int, what: str) -> None:
        """Raises NotConfirmed. what: how much the transaction costs and why, for a person."""
        if self.most_wei is None or cost_wei <= self.most_wei:
            return
        # Rounded up, so that it is enough.
        needed = Decimal(cost_wei) / WEI
        needed = needed.quantize(Decimal(1).scaleb(needed.adjusted() - 1), rounding=ROUND_UP)
        limit = coins(self.most_wei)
        otherwise = f"allow it with --max-fee {needed:f} (max_fee in Python), or wait until fees are lower"
        self._ask(Question("cost", f"{what}, and the limit is {limit}", otherwise))
        self.most_wei = cost_wei

    def _ask(self, question: Question) -> None:
        if self.confirm is None or not self.confirm(question):
            raise NotConfirmed(f"nothing was sent: {question.text}; {question.otherwise}")


def coins(wei: int) -> str:
    """'0.0123': wei as coins, to four digits that mean something."""
    amount = Decimal(wei) / WEI
    return f"{amount.quantize(Decimal(1).scaleb(min(0, amount.adjusted() - 3))):f}" if wei else "0"
