"""Rules and the records of a plan -> every rule that is broken. It knows nothing of how plans are made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from gistchain.collection.making.rules import NONE, Named, Rules


def broken(rules: Rules, records: Sequence[Mapping[str, str]]) -> list[str]:
    """What is wrong, in words; empty for a plan that keeps all rules. records: the traits of each token by type."""
    wrong = []
    if len(records) != rules.count:
        wrong.append(f"{len(records)} tokens in place of {rules.count}")
    for type_ in rules.types:
        counted = Counter(record.get(type_.name, NONE) for record in records)
        for value in type_.values:
            if value.count is not None and counted[value.name] != value.count:
                wrong.append(f"{type_.name}: {value.name} {counted[value.name]} times in place of {value.count}")
        unknown = counted.keys() - set(type_.names)
        wrong += [f"{type_.name} has a value {value!r} that the rules don't know" for value in sorted(unknown)]
    for exclude in rules.excludes:
        hit = sum(_has(record, exclude.traits) for record in records)
        wrong += [f"{exclude.name} is broken by {hit} tokens"] if hit else []
    for require in rules.requires:
        hit = sum(_has(record, require.when) and not _has(record, require.then) for record in records)
        wrong += [f"{require.name} is broken by {hit} tokens"] if hit else []
    alike = len(records) - len({frozenset(record.items()) for record in records})
    wrong += [f"{alike} tokens have the traits of another"] if alike else []
    return wrong


def _has(record: Mapping[str, str], traits: Named) -> bool:
    return all(record.get(type_, NONE) in values for type_, values in traits.items())
