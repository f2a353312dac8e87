"""The scan: correlations are Pearson's, or cosines, within the bound that it states, whatever the numbers are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from gistchain.rareness.fingerprint import SIZE
from gistchain.rareness.store.layout import LAYOUT
from gistchain.vectors import matrix, scan
from gistchain.vectors.layout import Layout

PLAIN = Layout(SIZE, (0, 100, 3_000, SIZE), centred=False)

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


def encoded(vectors: NDArray[np.float32], layout: Layout = LAYOUT) -> NDArray[np.void]:
    return matrix.rows_of(layout, vectors, np.zeros(len(vectors), np.uint64), np.arange(len(vectors)))


def correlations(
    rows: NDArray[np.void], wanted: NDArray[np.void], layout: Layout = LAYOUT
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """With the one that is wanted."""
    found, wrong = scan.correlations(layout, rows, wanted)
    return found[0], wrong[0]


def pearson(x: NDArray[np.float32], y: NDArray[np.float32]) -> float:
    found: float = np.corrcoef(x.astype(np.longdouble), y.astype(np.longdouble))[0, 1]
    return found


def cosine(x: NDArray[np.float32], y: NDArray[np.float32]) -> float:
    one, other = x.astype(np.longdouble), y.astype(np.longdouble)
    one, other = one / np.abs(one).max(), other / np.abs(other).max()
    return float((one * other).sum() / np.sqrt((one**2).sum() * (other**2).sum()))


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
    for layout, alike in ((LAYOUT, pearson), (PLAIN, cosine)):
        rows = encoded(np.stack([one, other]), layout)
        found, wrong = correlations(rows, rows[:1], layout)
        assert abs(found[0] - 1) <= wrong[0]
        assert abs(found[1] - alike(one, other)) <= wrong[1]


@pytest.mark.parametrize("layout", [LAYOUT, PLAIN])
def test_several_vectors_are_looked_for_at_once_with_the_results_of_one_by_one(layout: Layout) -> None:
    rows = encoded(np.stack([made("signed", seed) for seed in range(11)]), layout)
    found, wrong = scan.correlations(layout, rows, rows[2:5])
    one_by_one = [scan.correlations(layout, rows, rows[k : k + 1]) for k in (2, 3, 4)]
    assert found.tobytes() == np.concatenate([f for f, _ in one_by_one]).tobytes()
    assert wrong.tobytes() == np.concatenate([w for _, w in one_by_one]).tobytes()


def test_no_rows_and_nothing_wanted_are_no_error() -> None:
    row = encoded(made("signed", 1)[None])
    assert scan.correlations(LAYOUT, row[:0], row)[0].shape == (1, 0)
    assert scan.correlations(LAYOUT, row, row[:0])[0].shape == (0, 1)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_number_of_threads_changes_no_bit(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = encoded(np.stack([made("relu", seed) for seed in range(12)]))
    parts = [(12 * k // threads, 12 * (k + 1) // threads) for k in range(threads)]
    monkeypatch.setattr(scan, "_parts", lambda *_: parts)
    found, wrong = scan.correlations(LAYOUT, rows, rows[:2])
    monkeypatch.undo()
    alone = scan.correlations(LAYOUT, rows, rows[:2])
    assert (found.tobytes(), wrong.tobytes()) == (alone[0].tobytes(), alone[1].tobytes())


def test_the_bound_is_small_for_numbers_as_networks_give_them_and_smaller_for_siblings() -> None:
    one, other = made("relu", 1), made("relu", 2)
    sibling = np.maximum(one + made("signed", 3) * 0.1, 0)
    found, wrong = correlations(encoded(np.stack([one, other, sibling])), encoded(one[None]))
    assert found[2] > 0.95
    assert wrong[2] < 0.003 < wrong[1] < 0.012


def test_a_row_without_contrast_correlates_with_nothing() -> None:
    rows = encoded(np.stack([np.full(SIZE, 3, np.float32), made("relu", 1)]))
    assert correlations(rows, rows[1:])[0][0] == 0
    assert correlations(rows, rows[:1])[0].tolist() == [0, 0]


def test_a_row_with_next_to_no_contrast_is_known_to_be_unknown() -> None:
    faint = (1000 + made("signed", 1) * 0.01).astype(np.float32)
    assert correlations(encoded(faint[None]), encoded(made("relu", 1)[None]))[1][0] > 0.9


def test_zero_stays_zero_in_every_group() -> None:
    fingerprint = made("signed", 4)
    fingerprint[::3] = 0
    row = encoded(fingerprint[None])
    zeros = np.repeat(row["zeros"][0], np.diff(LAYOUT.edges))
    assert (row["codes"][0][::3] == zeros[::3]).all()
    assert (row["codes"][0] == zeros).mean() < 0.4


def test_groups_cover_the_fingerprint_in_order() -> None:
    assert LAYOUT.edges[0] == 0
    assert LAYOUT.edges[-1] == SIZE
    assert (np.diff(LAYOUT.edges) >= 640).all()
    assert not any(edge % 64 for edge in LAYOUT.edges)


def test_the_same_rows_give_the_same_bytes_and_order_does_not_matter() -> None:
    rows = encoded(np.stack([made("relu", seed) for seed in range(9)]))
    forth = correlations(rows, rows[3:4])
    back = correlations(rows[::-1].copy(), rows[3:4])
    assert forth[0].tobytes() == back[0][::-1].tobytes()
    assert forth[1].tobytes() == back[1][::-1].tobytes()


@pytest.mark.parametrize("change", [1, 128, 255])
def test_a_changed_byte_anywhere_fails_the_check(change: int) -> None:
    row = encoded(made("relu", 1)[None])
    raw = row.view(np.uint8)
    for place in range(0, LAYOUT.row.itemsize - 4, 97):
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
    hole = np.zeros(1, LAYOUT.row)
    assert scan.checks(hole)[0] != hole["check"][0]
