"""What the sender chooses: what is expected to give back most, never less for a better channel or more uses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gistchain.errors import LinkError
from gistchain.gist.packet import pack
from gistchain.image import read_image
from gistchain.image.smallfile import FileSearch
from gistchain.senders import gist_sender
from gistchain.sending.plan import Planner
from gistchain.types import Picture
from tests.support.pictures import noun, picture

SNRS = (-6.0, 0.0, 6.0, 12.0, 20.0)
ROOMS = (128, 256, 1024, 4096)


@pytest.fixture(scope="module")
def planners(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Planner]:
    found = gist_sender()
    token = read_image(noun(3, tmp_path_factory.mktemp("nouns") / "noun.png", size=128))

    def planner(one: Picture) -> Planner:
        words = replace(found.describe(one).gist, latent=None)
        return Planner(one, words, found.forms, FileSearch(one.pixels, found.forms.fidelity))

    return {"token": planner(token), "scene": planner(picture(2))}


@pytest.mark.parametrize("name", ["token", "scene"])
def test_a_better_channel_and_more_uses_are_never_expected_to_give_less(
    planners: dict[str, Planner], name: str
) -> None:
    def best(snr_db: float, room: int) -> float:
        try:
            return planners[name].best("awgn", snr_db, room).expected
        except LinkError:
            return 0.0

    expected = np.array([[best(snr, room) for snr in SNRS] for room in ROOMS])
    tolerance = 0.004  # layers grow in steps, and from .997 on nothing finer is tried
    assert (np.diff(expected, axis=0) > -tolerance).all(), expected
    assert (np.diff(expected, axis=1) > -tolerance).all(), expected


def test_a_token_is_its_caption_where_little_gets_through(planners: dict[str, Planner]) -> None:
    plan = planners["token"].best("awgn", 0.0, 256)
    assert plan.form == "caption"
    assert plan.expected > 0.95
    assert len(plan.payload) <= 12


def test_a_scene_gets_more_the_more_gets_through(planners: dict[str, Planner]) -> None:
    plans = [planners["scene"].best("awgn", snr, 2048) for snr in SNRS]
    sizes = [len(plan.payload) for plan in plans]
    assert sizes == sorted(sizes)
    assert plans[-1].expected > 0.9


@pytest.mark.parametrize("name", ["token", "scene"])
def test_the_blocks_of_a_plan_fill_the_room_and_hold_the_packet(planners: dict[str, Planner], name: str) -> None:
    for plan in planners[name].plans("awgn", 8.0, 1500):
        assert plan.start_uses + sum(block.uses for block in plan.blocks) == 1500
        assert sum(block.size_bytes for block in plan.blocks) >= len(plan.payload)
        assert plan.payload == pack(plan.gist)
        first, *others = [block.error_rate for block in plan.blocks]
        assert first <= 1e-3 or not others, "what others hang on is sent most safely"


def test_too_few_uses_are_told_with_the_number_that_is_enough(planners: dict[str, Planner]) -> None:
    with pytest.raises(LinkError, match="its caption alone needs") as told:
        planners["scene"].best("awgn", 5.0, 49)
    needed = int(str(told.value).rsplit(" ", 1)[1].replace(",", ""))
    assert planners["scene"].best("awgn", 5.0, needed)
    with pytest.raises(LinkError):
        planners["scene"].best("awgn", 5.0, 10)
