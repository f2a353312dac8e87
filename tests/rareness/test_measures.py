"""Every measure agrees with somebody else's arithmetic, with ties and without, and says 0 where it can say nothing."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from benchmarks.definitions import DEFINITIONS, Pair, Vector, hsic, sparse, untied, whole
from gistchain.errors import RarenessError
from gistchain.rareness import measures
from gistchain.rareness.measures import LEAST_JOINT, Dependence, between, dependence, prepared

PAIRS = {f"{make.__name__} {seed}": make(seed) for make in (untied, sparse, whole) for seed in range(3)}


@pytest.fixture(params=PAIRS)
def pair(request: pytest.FixtureRequest) -> Pair:
    return PAIRS[request.param]


@pytest.mark.parametrize("name", DEFINITIONS)
def test_a_measure_is_what_its_definition_says(pair: Pair, name: str) -> None:
    definition, tolerance = DEFINITIONS[name]
    assert asdict(between(*pair))[name] == pytest.approx(definition(*pair), abs=tolerance)


def test_pearson_is_numpys(pair: Pair) -> None:
    x, y = pair
    rows = np.stack([y, x, -x, np.zeros_like(x)])
    expected = [np.corrcoef(x.astype(float), row.astype(float))[0, 1] for row in rows[:3]]
    assert measures.pearson(x, rows) == pytest.approx([*expected, 0], abs=1e-13)


@pytest.mark.parametrize("n", [5, 6, 50, 10_048])
def test_hoeffdings_d_of_one_order_is_one(n: int) -> None:
    x = np.random.default_rng(n).permutation(n).astype(np.float32)
    assert between(x, -x).hoeffding == pytest.approx(between(x, x).hoeffding) == pytest.approx(1, abs=1e-9)


def test_hsic_nears_the_exact_criterion_of_thousands_of_numbers() -> None:
    x, y = sparse(5, 3000)
    assert between(x, y).hsic == pytest.approx(hsic(x, y), abs=2e-4)


def test_distance_correlation_sees_what_the_others_miss() -> None:
    x = np.random.default_rng(0).standard_normal(4000).astype(np.float32)
    found = between(x, x * x)
    assert abs(found.spearman) < 0.05
    assert found.distance_correlation > 0.45
    assert found.hsic > 0.2


# --- properties -------------------------------------------------------------------------------------------------------

numbers = st.integers(-40, 40)
vectors = st.lists(st.tuples(numbers, numbers), min_size=1, max_size=60).map(
    lambda rows: tuple(np.array(rows, np.float32).T)
)


@given(vectors)
@settings(deadline=None, max_examples=150)
def test_all_measures_are_symmetric_and_in_range(pair: Pair) -> None:
    found, back = between(*pair), between(*reversed(pair))
    assert found.values() == pytest.approx(back.values(), abs=1e-9)
    for name in ("spearman", "kendall", "blomqvist"):
        assert -1 <= asdict(found)[name] <= 1
    for name in ("distance_correlation", "mutual_information", "hsic"):
        assert 0 <= asdict(found)[name] <= 1
    assert found.hoeffding <= 1 + 1e-9


@given(vectors)
@settings(deadline=None, max_examples=100)
def test_a_vector_depends_on_itself_as_far_as_can_be(pair: Pair) -> None:
    x, _ = pair
    found = between(x, x)
    constant = len(set(x.tolist())) == 1
    full = 0.0 if constant else 1.0
    assert (found.spearman, found.kendall) == pytest.approx((full, full), abs=1e-12)
    assert (found.distance_correlation, found.hsic) == pytest.approx((full, full), abs=1e-6)


@given(vectors)
@settings(deadline=None, max_examples=100)
def test_rank_measures_see_only_order(pair: Pair) -> None:
    x, y = pair
    cubed = (x**3 + 3 * x).astype(np.float32)  # strictly monotone, exact in float32, zero stays zero
    a, b = between(x, y), between(cubed, y)
    assert (a.spearman, a.kendall, a.hoeffding, a.mutual_information) == (
        b.spearman, b.kendall, b.hoeffding, b.mutual_information,
    )  # fmt: skip


@given(vectors, st.integers(1, 9))
@settings(deadline=None, max_examples=60)
def test_no_measure_sees_the_scale(pair: Pair, times: int) -> None:
    x, y = pair
    assert between(x, y).values() == pytest.approx(between(times * x, y).values(), abs=1e-6)


def test_independent_vectors_are_near_zero() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((2, 10_048)).astype(np.float32)
    found = between(x, y)
    for value in (found.spearman, found.kendall, found.hoeffding, found.blomqvist):
        assert abs(value) < 0.04
    assert found.distance_correlation < 0.04
    assert found.mutual_information < 0.01
    assert found.hsic < 0.005


# --- what can't be compared -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("other", [np.zeros(50), np.full(50, 0.1), np.full(50, -3e38)], ids=["zeros", "tenths", "huge"])
def test_a_constant_vector_depends_on_nothing(other: Vector) -> None:
    x = np.random.default_rng(0).random(50).astype(np.float32)
    nothing = Dependence(0, 0, 0, 0, 0, 0, 0)
    assert between(x, other) == between(other, x) == between(other, other) == nothing


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_a_few_numbers_are_enough_for_an_answer(n: int) -> None:
    x = np.arange(n, dtype=np.float32)
    found = between(x, -x)
    assert (found.spearman, found.kendall) == ((-1, -1) if n > 1 else (0, 0))
    assert (found.hoeffding != 0) == (n == 5)
    assert found.blomqvist == 0


def test_blomqvist_needs_numbers_that_are_filled_on_both_sides() -> None:
    x = np.arange(1, 101, dtype=np.float32)
    y = x.copy()
    y[LEAST_JOINT - 1 :] = 0
    assert between(x, y).blomqvist == 0
    y[: LEAST_JOINT + 1] = x[: LEAST_JOINT + 1]
    assert between(x, y).blomqvist == 1


def test_extreme_numbers_neither_warn_nor_overflow() -> None:
    x = np.array([1e-45, -3e38, 3e38, 0, 1, 2, 1e30, -1e-30], np.float32)
    found = between(x, x)
    assert found.spearman == found.kendall == 1
    assert np.isfinite(found.values()).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e39])
def test_a_number_that_is_not_finite_is_refused(bad: float) -> None:
    x = np.ones(20)
    x[3] = bad
    with pytest.raises(RarenessError, match="not finite"):
        prepared(x)
    with pytest.raises(RarenessError, match="row 1 of 2"):
        measures.pearson(np.arange(20), np.stack([np.arange(20.0), np.clip(x, -np.inf, np.inf)]))


def test_shapes_that_do_not_fit_are_refused() -> None:
    for shape in ((0,), (3, 3), ()):
        with pytest.raises(RarenessError, match="shape"):
            prepared(np.zeros(shape))
    with pytest.raises(RarenessError, match="3 and 4 numbers"):
        dependence(prepared(np.arange(3)), prepared(np.arange(4)))
    with pytest.raises(RarenessError, match="3 numbers"):
        measures.pearson(np.arange(3), np.zeros((2, 4)))


# --- the same everywhere ----------------------------------------------------------------------------------------------


def test_the_same_numbers_give_the_same_bits_on_every_machine() -> None:
    """Integers make the vectors, so that no machine's random or exponential function enters; bits once written down."""
    steps = np.arange(10_048, dtype=np.int64)
    x = np.maximum((steps * steps * 31 + 7) % 1009 - 600, 0).astype(np.float32)
    y = np.maximum((steps * steps * 31 + 7) % 1009 + (steps * 17) % 500 - 900, 0).astype(np.float32) / 7
    expected = [
        "0x1.9ce908639ac53p-1", "0x1.630bc44f10806p-1", "0x1.e774f3e0d36ccp-4", "0x1.90b5073d1ee06p-1",
        "0x1.3aab6c6860a37p-2", "0x1.173cf30c635e7p-1", "0x1.2878edf545bacp-2", "0x1.9035524b0f4f7p-1",
    ]  # fmt: skip
    assert [v.hex() for v in (*between(x, y).values(), float(measures.pearson(x, y[None])[0]))] == expected


CODE = """
import sys
from gistchain.rareness import measures
assert not {"numba", "llvmlite"} & set(sys.modules)
print(measures.between([1, 2, 3, 5, 4, 6], [1, 2, 3, 4, 5, 6]).spearman)
"""


def test_no_compiler_is_loaded_before_the_first_use() -> None:
    done = subprocess.run([sys.executable, "-W", "error", "-c", CODE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) == pytest.approx(stats.spearmanr([1, 2, 3, 5, 4, 6], [1, 2, 3, 4, 5, 6]).statistic)
