"""Numbers behind a first block: they come back to the noise that was stated, whatever their size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gistchain.errors import LinkError
from gistchain.link.channel import Awgn, RayleighBlock
from gistchain.link.frame import Arrived, Block, framed, sent
from gistchain.link.numbers import Numbers, as_symbols, as_values
from gistchain.link.snr import power
from gistchain.types import Link
from tests.link.test_frame import checked, is_whole


def over(link: Link, numbers: Numbers, room: int, seed: int = 0) -> Arrived:
    return sent(
        link, [Block(checked(9, 1), 0, 6)], room=room, first_whole=is_whole, whole=lambda _, data: False, seed=(seed,),
        numbers=numbers,
    )  # fmt: skip


@settings(deadline=None, max_examples=50)
@given(st.integers(20, 900), st.floats(0.05, 50), st.integers(10, 400), st.integers(0, 99))
def test_symbols_have_power_1_and_the_scale_undoes_it(count: int, size: float, uses: int, seed: int) -> None:
    values = (size * np.random.default_rng(seed).normal(size=count)).astype(np.float32)
    symbols, scale = as_symbols(values, uses)
    assert power(symbols) == pytest.approx(1, abs=1e-4)
    back = as_values(symbols, np.zeros(uses), scale, 3)
    assert back.halvings == 3
    np.testing.assert_allclose(back.values, np.resize(values, 2 * uses), rtol=0.045, atol=1e-6)


def test_numbers_arrive_with_the_noise_that_is_stated() -> None:
    values = np.random.default_rng(1).normal(0, 3, 500).astype(np.float32)
    came = over(Awgn(7.0), Numbers(values, 5), 900)
    assert came.blocks[0][1] == checked(9, 1)
    assert came.uses == 900
    assert came.numbers is not None
    assert came.numbers.halvings == 5
    error = came.numbers.values - np.resize(values, came.numbers.values.size)
    # Half a step of the scale adds at most 4.5% of the numbers' own size.
    assert np.mean(error**2) == pytest.approx(float(came.numbers.variance.mean()) + (0.045 * 3) ** 2 / 3, rel=0.15)


def test_numbers_that_a_dead_channel_carried_have_infinite_noise() -> None:
    assert over(Awgn(7.0, gain=0), Numbers(np.ones(20, np.float32)), 300).numbers is None
    faded = over(RayleighBlock(20.0), Numbers(np.ones(20, np.float32)), 300, 3)
    assert faded.numbers is not None
    assert np.isfinite(faded.numbers.values).all()


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        (Numbers(np.zeros(4, np.float32)), "zeros"),
        (Numbers(np.zeros(0, np.float32)), "zeros"),
        (Numbers(np.full(4, 1e4, np.float32)), "scale them"),
        (Numbers(np.full(4, np.nan, np.float32)), "finite"),
        (Numbers(np.ones(4, np.float32), 16), "halvings"),
    ],
)
def test_numbers_that_can_not_be_sent_are_refused(numbers: Numbers, words: str) -> None:
    with pytest.raises(LinkError, match=words):
        framed([Block(checked(9, 1), 0, 6)], 300, numbers)


def test_numbers_go_with_one_block_alone() -> None:
    blocks = [Block(checked(9, 1), 0, 6), Block(checked(9, 2), 1)]
    with pytest.raises(LinkError, match="alone"):
        framed(blocks, 300, Numbers(np.ones(4, np.float32)))
