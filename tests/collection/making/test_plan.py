"""Plans keep every rule, or say which rules can't all hold."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from gistchain.collection.making.plan import Plan
from gistchain.collection.making.rules import NONE, Exclude, Named, Require, Rules, TraitType, Value, Words
from gistchain.collection.making.verify import broken
from gistchain.errors import CollectionError


def a_type(name: str, *values: str, none: float = 0, **counts: int) -> TraitType:
    made = [Value(v, count=counts[v]) if v in counts else Value(v, weight=k + 1.0) for k, v in enumerate(values)]
    return TraitType(name, (*made, Value(NONE, weight=none)) if none else tuple(made))


def named(**traits: str) -> Named:
    return {type_: frozenset(values.split()) for type_, values in traits.items()}


def the_rules(count: int, *types: TraitType, ex: tuple[Named, ...] = (), rq: tuple[tuple[Named, Named], ...] = (),
              seed: int = 1) -> Rules:  # fmt: skip
    excludes = tuple(Exclude(f"exclude {k}", one) for k, one in enumerate(ex, 1))
    requires = tuple(Require(f"require {k}", *one) for k, one in enumerate(rq, 1))
    return Rules("Things", "thing", count, seed, 1, types, excludes, requires, (), Words())


def made(rules: Rules) -> list[dict[str, str]]:
    return [token.traits for token in Plan(rules, lambda row: row).tokens()]


def possible(rules: Rules) -> bool:
    """Whether any choice of different records keeps the rules: all are tried."""
    records = [
        {t.name: v.name for t, v in zip(rules.types, values, strict=True) if v.name != NONE}
        for values in itertools.product(*(t.values for t in rules.types))
    ]
    free = tuple(TraitType(t.name, tuple(Value(name, 1.0) for name in t.names)) for t in rules.types)
    alone = Rules("", "", 1, 0, 1, free, rules.excludes, rules.requires, (), Words())
    legal = [record for record in records if not broken(alone, [record])]
    return any(not broken(rules, chosen) for chosen in itertools.combinations(legal, rules.count))


@st.composite
def small_rules(draw: st.DrawFn) -> Rules:
    count = draw(st.integers(1, 5))
    types = []
    for name in ("A", "B", "C")[: draw(st.integers(2, 3))]:
        values = [f"{name}{k}" for k in range(draw(st.integers(1, 3)))]
        counts = {v: draw(st.integers(0, 3)) for v in values if draw(st.booleans())}
        types.append(a_type(name, *values, none=draw(st.sampled_from([0, 2])), **counts))
    pairs = st.tuples(*(st.sets(st.sampled_from(t.names), min_size=1) for t in types[:2]))
    ex = tuple({"A": frozenset(a), "B": frozenset(b)} for a, b in draw(st.lists(pairs, max_size=2)))
    rq = tuple(({"A": frozenset(a)}, {"B": frozenset(b)}) for a, b in draw(st.lists(pairs, max_size=1)))
    return the_rules(count, *types, ex=ex, rq=rq, seed=draw(st.integers(0, 9)))


@settings(max_examples=80)
@given(small_rules())
def test_a_plan_is_made_where_one_exists_and_keeps_every_rule(rules: Rules) -> None:
    if possible(rules):
        try:
            records = made(rules)
        except CollectionError as error:
            # A value that is wanted and can never be is a mistake too, even where leaving it out would do.
            event(str(error))
            told = str(error)
            records = None
        assert records is not None or "no token can have" in told
        assert records is None or not broken(rules, records)
    else:
        with pytest.raises(CollectionError):
            made(rules)


def test_ten_thousand_tokens_keep_counts_and_rules_and_come_near_to_weights() -> None:
    types = [a_type(f"T{t}", *(f"v{t}{k}" for k in range(10)), **{f"v{t}0": 25}) for t in range(6)]
    ex = tuple({f"T{t}": frozenset([f"v{t}0", f"v{t}5"]), f"T{t + 1}": frozenset([f"v{t + 1}3"])} for t in range(5))
    rules = the_rules(10_000, *types, ex=ex, rq=((named(T0="v01"), named(T5="v58 v59")),))
    records = made(rules)
    assert not broken(rules, records)
    for type_ in types:
        counted = Counter(record[type_.name] for record in records)
        shares = [value.weight or 0 for value in type_.values]
        for value in type_.values[1:]:
            assert value.weight is not None
            assert counted[value.name] == pytest.approx((10_000 - 25) * value.weight / sum(shares), abs=1.5)


def test_every_combination_becomes_a_token_where_all_are_needed() -> None:
    records = made(the_rules(100, a_type("A", *"abcde", **dict.fromkeys("abcde", 20)), a_type("B", *"abcde"),
                             a_type("C", *"abcd")))  # fmt: skip
    assert len({tuple(sorted(record.items())) for record in records}) == 100


def test_the_same_seed_gives_the_same_plan_and_another_another() -> None:
    rules = [
        the_rules(50, a_type("A", *"abcdef"), a_type("B", *"abcdef"), a_type("C", *"abc"), seed=s) for s in (1, 1, 2)
    ]
    first, again, other = map(made, rules)
    assert first == again != other


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        (the_rules(10, a_type("A", "a", "b", "c", a=8, b=4), a_type("B", *"abcdefgh")), "'A' sum to 12.*a 8 and b 4"),
        (the_rules(10, a_type("A", "a", "b", a=3, b=4), a_type("B", *"abcdefgh")), "7 of 10 tokens"),
        (the_rules(20, a_type("A", *"abcde"), a_type("B", *"abc")), "allow 15 different tokens"),
        (the_rules(9, a_type("A", *"abc", a=4), a_type("B", *"abc")), "count 4 of A: a: only 3"),
        (
            the_rules(9, a_type("A", *"abc", a=3), a_type("B", *"abc"),
                      ex=(named(A="a", B="a b"), named(A="b", B="c"))),
            "count 3 of A: a: only 1 different tokens can have it, by exclude 1;",
        ),
        (
            the_rules(9, a_type("A", *"abc"), a_type("B", *"abc"), a_type("C", *"abc"),
                      ex=(named(B="b", C="c"), named(A="a", B="b")), rq=((named(A="a"), named(B="b")),)),
            "no token can have A: a: exclude 2 and require 1 contradict each other",
        ),
        (
            the_rules(30, a_type("A", *"abc", a=12), a_type("B", *"abc", b=5), a_type("C", *"abcdefghijklmno"),
                      ex=(named(B="c", C="c"),), rq=((named(A="a"), named(B="b")),)),
            "count 12 of A: a, count 5 of B: b and require 1 contradict each other",
        ),
        (
            the_rules(10, a_type("A", *"ab", a=6), a_type("B", *"ab", a=5), a_type("C", *"abcdefgh"),
                      ex=(named(A="a", B="a"),)),
            "count 6 of A: a, count 5 of B: a and exclude 1 contradict each other",
        ),
    ],
)  # fmt: skip
def test_impossible_rules_are_named(rules: Rules, told: str) -> None:
    with pytest.raises(CollectionError, match=told):
        made(rules)


def test_tokens_that_must_go_are_replaced_and_counts_still_hold() -> None:
    rules = the_rules(40, a_type("A", *"abcdef", a=7), a_type("B", *"abcdef", none=3), a_type("C", *"abc", c=11))
    plan = Plan(rules, lambda row: row)
    before = plan.rows
    plan.stage(2)
    assert plan.replace([0, 5, 39]) == []
    after = plan.rows
    assert not {before[0], before[5], before[39]} & set(after)
    assert not broken(rules, [token.traits for token in plan.tokens()])


def test_what_can_not_be_replaced_is_named_and_stays() -> None:
    rules = the_rules(4, a_type("A", "a", "b", a=2, b=2), a_type("B", "a", "b", a=2, b=2))
    plan = Plan(rules, lambda row: row)
    before = plan.rows
    plan.stage(2)
    assert plan.replace([1]) == [1]
    assert sorted(plan.rows) == sorted(before)
