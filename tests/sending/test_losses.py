"""Lost blocks of a plan, counted over the channel that it was made for, and over others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binomtest

from gistchain.link.channel import Awgn, open_link
from gistchain.senders import gist_sender
from gistchain.sending.adaptive import PreparedGist
from gistchain.sending.compare import Terms
from gistchain.sending.losses import arrivals, losses, wilson
from gistchain.sending.room import Plan
from gistchain.types import Conditions
from tests.support.pictures import picture

SEEDS = [(run,) for run in range(30)]


@pytest.fixture(scope="module")
def scene() -> PreparedGist:
    return gist_sender().prepare(picture(2))


def with_latent(scene: PreparedGist, snr_db: float) -> Plan:
    made = scene.plans(Awgn(snr_db), Conditions("awgn", snr_db, 1024))
    return next(plan for plan in made if plan.form == "latent" and plan.gist.captions)


def test_far_above_what_was_planned_nothing_is_lost_and_far_below_everything(scene: PreparedGist) -> None:
    plan = with_latent(scene, 8.0)
    assert len(plan.blocks) > 1
    assert arrivals(plan, Awgn(18.0), SEEDS) == [30] * len(plan.blocks)
    assert arrivals(plan, Awgn(-20.0), SEEDS) == [0] * len(plan.blocks)


def test_a_block_that_is_lost_leaves_those_before_it(scene: PreparedGist) -> None:
    """The caption is planned to be safer than the latent, which needs it."""
    plan = with_latent(scene, 8.0)
    counted = [arrivals(plan, Awgn(snr_db), SEEDS) for snr_db in (8.0, 6.0, 5.5)]
    assert all(first >= second for first, second in counted)
    assert counted[0] == [30, 30]
    assert counted[2][0] > 10
    assert counted[2][1] < 3


def test_what_is_counted_is_what_sending_meets(scene: PreparedGist) -> None:
    link, conditions = Awgn(-9.0), Conditions("awgn", -9.0, 600)
    blocks = replace(scene, analogue=None)
    plan = blocks.plan(Awgn(-4.0), Conditions("awgn", -4.0, 600))
    believed = Conditions("awgn", -4.0, conditions.budget)
    sent = [blocks.send(link, believed, seed=seed) for seed in SEEDS[:12]]
    counted = [arrivals(plan, link, [seed]) for seed in SEEDS[:12]]
    assert [one.gist is not None for one in sent] == [arrived[0] == 1 for arrived in counted]


def test_what_is_counted_is_near_what_was_predicted_and_not_below_the_bound(scene: PreparedGist) -> None:
    terms = Terms("awgn", (-11.0, -10.0), 1024, -11.0)
    for found in losses(scene, terms, link=Awgn, runs=150):
        for loss in found.blocks:
            low, high = loss.interval
            assert low / 3 <= loss.predicted <= 3 * high
            assert loss.bound is not None
            # Of 15 bits it is no bound: four start words and 32 candidates are tried.
            assert loss.bound <= 1.5 * loss.predicted
            assert loss.bound <= high


def test_what_is_too_small_says_why_and_the_other_snrs_go_on(scene: PreparedGist) -> None:
    poor, good = losses(scene, Terms("awgn", (-30.0, 10.0), 256, 10.0), link=Awgn, runs=2)
    assert poor.blocks == ()
    assert "too few" in poor.refused
    assert good.blocks
    assert not good.refused


def test_fast_fading_has_no_bound(scene: PreparedGist) -> None:
    terms = Terms("rayleigh-fast", (12.0,), 512, 12.0)
    (found,) = losses(scene, terms, link=lambda snr_db: open_link("rayleigh-fast", snr_db), runs=2)
    assert [loss.bound for loss in found.blocks] == [None] * len(found.blocks)


@pytest.mark.parametrize(("count", "of"), [(0, 200), (1, 200), (17, 50), (50, 50), (1, 1)])
def test_the_interval_is_that_of_scipy(count: int, of: int) -> None:
    assert wilson(count, of) == pytest.approx(tuple(binomtest(count, of).proportion_ci(0.95, "wilson")), abs=1e-12)


def test_the_noise_is_not_the_same_in_every_run(scene: PreparedGist) -> None:
    plan = scene.plan(Awgn(-10.0), Conditions("awgn", -10.0, 1024))
    came = [arrivals(plan, Awgn(-10.0), [(run,)])[0] for run in range(40)]
    assert 0 < np.mean(came) < 1
