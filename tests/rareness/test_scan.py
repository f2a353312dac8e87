"""The scan: its correlations are Pearson's within the bound that it states, whatever the numbers are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from gistchain.rareness.fingerprint import SIZE
from gistchain.rareness.store import matrix, scan

KINDS = ("relu", "signed", "sparse", "spiky", "offset", "binary", "tiny", "huge")


def made(kind: str, seed: int) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    normal = rng.standard_normal(SIZE)
    numbers = {
        "relu": np.maximum(normal - 0.3, 0),
        "signed": normal,
        "sparse": np.where(rng.random(SIZE) < 0.002, rng.random(SIZE), 0),
        "spiky": rng.pareto(0.8, SIZE),
        "offset": 30 + normal,
        "binary": (normal > 1).astype(float),
        "tiny": normal * 1e-38,
        "huge": normal * 1e37,
    }[kind]
    return numbers.astype(np.float32)


def encoded(fingerprints: NDArray[np.float32]) -> NDArray[np.void]:
    return matrix.rows_of(fingerprints, np.zeros(len(fingerprints), np.uint64), np.arange(len(fingerprints)))


def pearson(x: NDArray[np.float32], y: NDArray[np.float32]) -> float:
    found: float = np.corrcoef(x.astype(np.longdouble), y.astype(np.longdouble))[0, 1]
    return found


@settings(max_examples=60, deadline=None)
@given(
    kinds=st.tuples(st.sampled_from(KINDS), st.sampled_from(KINDS)),
    seed=st.integers(0, 2**31),
    mixed=st.floats(0, 1),
    sign=st.sampled_from([-1, 1]),
)
def test_no_correlation_is_wrong_by_more_than_is_said(
    kinds: tuple[str, str], seed: int, mixed: float, sign: int
) -> None:
    one, other = made(kinds[0], seed), made(kinds[1], seed + 1)
    other = (sign * (mixed * one / np.abs(one).max() + (1 - mixed) * other / np.abs(other).max())).astype(np.float32)
    rows = encoded(np.stack([one, other]))
    found, wrong = scan.correlations(rows, rows[:1])
    assert abs(found[0] - 1) <= wrong[0]
    assert abs(found[1] - pearson(one, other)) <= wrong[1]


def test_the_bound_is_small_for_numbers_as_networks_give_them_and_smaller_for_siblings() -> None:
    one, other = made("relu", 1), made("relu", 2)
    sibling = np.maximum(one + made("signed", 3) * 0.1, 0)
    found, wrong = scan.correlations(encoded(np.stack([one, other, sibling])), encoded(one[None]))
    assert found[2] > 0.95
    assert wrong[2] < 0.003 < wrong[1] < 0.012


def test_a_row_without_contrast_correlates_with_nothing() -> None:
    rows = encoded(np.stack([np.full(SIZE, 3, np.float32), made("relu", 1)]))
    assert scan.correlations(rows, rows[1:])[0][0] == 0
    assert scan.correlations(rows, rows[:1])[0].tolist() == [0, 0]


def test_a_row_with_next_to_no_contrast_is_known_to_be_unknown() -> None:
    faint = (1000 + made("signed", 1) * 0.01).astype(np.float32)
    assert scan.correlations(encoded(faint[None]), encoded(made("relu", 1)[None]))[1][0] > 0.9


def test_zero_stays_zero_in_every_group() -> None:
    fingerprint = made("signed", 4)
    fingerprint[::3] = 0
    row = encoded(fingerprint[None])
    zeros = np.repeat(row["zeros"][0], np.diff(scan.EDGES))
    assert (row["codes"][0][::3] == zeros[::3]).all()
    assert (row["codes"][0] == zeros).mean() < 0.4


def test_groups_cover_the_fingerprint_in_order() -> None:
    assert scan.EDGES[0] == 0
    assert scan.EDGES[-1] == SIZE
    assert (np.diff(scan.EDGES) >= 640).all()
    assert not (scan.EDGES % 64).any()


def test_the_same_rows_give_the_same_bytes_and_order_does_not_matter() -> None:
    rows = encoded(np.stack([made("relu", seed) for seed in range(9)]))
    forth = scan.correlations(rows, rows[3:4])
    back = scan.correlations(rows[::-1].copy(), rows[3:4])
    assert forth[0].tobytes() == back[0][::-1].tobytes()
    assert forth[1].tobytes() == back[1][::-1].tobytes()


@pytest.mark.parametrize("change", [1, 128, 255])
def test_a_changed_byte_anywhere_fails_the_check(change: int) -> None:
    row = encoded(made("relu", 1)[None])
    raw = row.view(np.uint8)
    for place in range(0, scan.ROW.itemsize - 4, 97):
        raw[place] ^= change
        assert scan.checks(row)[0] != row["check"][0]
        raw[place] ^= change
    assert scan.checks(row)[0] == row["check"][0]


def test_bytes_that_change_places_and_holes_fail_the_check() -> None:
    row = encoded(made("relu", 1)[None])
    swapped = row.copy()
    swapped["codes"][0, [5, 6]] = [7, 9]
    before = scan.checks(swapped)
    swapped["codes"][0, [5, 6]] = [9, 7]
    assert scan.checks(swapped) != before
    hole = np.zeros(1, scan.ROW)
    assert scan.checks(hole)[0] != hole["check"][0]
