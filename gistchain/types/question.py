"""What only a person may decide, and how one is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Question:
    """Something that can't be undone, before it is done.

    kind: 'public', that all may read what is written and nobody take it back; 'content', a picture that is not safe for
    work; 'cost', that a transaction may cost more than the limit. text: what is the case. otherwise: how to allow it
    where nobody can be asked.
    """

    kind: Literal["public", "content", "cost"]
    text: str
    otherwise: str


Confirm = Callable[[Question], bool]
"""Asks a person: True to go on."""
