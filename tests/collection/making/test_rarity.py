"""Ranks are OpenRarity's: golden values that its package gave, committed because it can't be installed beside web3."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gistchain.collection.making.rarity import rarities

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "open_rarity.json").read_text("utf-8"))["cases"]


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case["name"])
def test_ranks_and_scores_are_open_raritys(case: dict[str, Any]) -> None:
    for rarity, (rank, score, unique) in zip(rarities(case["records"]), case["ranks"], strict=True):
        assert (rarity.rank, rarity.unique) == (rank, unique)
        assert rarity.score == pytest.approx(score, abs=1e-9)


RECORDS = st.lists(st.dictionaries(st.sampled_from("ABC"), st.sampled_from("xyz")), min_size=1, max_size=12)


@given(RECORDS, st.sampled_from(["None", "none", "N/A", ""]))
def test_absent_and_none_are_one(records: list[dict[str, str]], word: str) -> None:
    said = [{type_: record.get(type_, word) for type_ in "ABC"} for record in records]
    assert rarities(said) == rarities(records)


@given(RECORDS)
def test_the_rarest_is_first_and_equal_tokens_share_a_rank(records: list[dict[str, str]]) -> None:
    ranked = rarities([*records, records[0]])
    assert min(one.rank for one in ranked) == 1
    assert ranked[0].rank == ranked[-1].rank


def test_no_token_has_no_rank() -> None:
    assert rarities([]) == []
