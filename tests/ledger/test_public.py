"""A public chain, where nothing can be taken back: who is asked, when, and what a no does. A node plays Sepolia."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from gistchain import opening, pipeline
from gistchain.errors import ContentRefused, NotConfirmed
from gistchain.image import read_image
from gistchain.ledger.evm import open_rpc
from gistchain.settings import Settings
from gistchain.types import Question
from tests.support.anvil import RICH_KEY, Anvil, needs_anvil
from tests.support.faults import FaultyNode, faulty
from tests.support.pictures import scene

pytestmark = needs_anvil
SEPOLIA = 11155111
_images = itertools.count(1)


def new_image() -> bytes:
    return hashlib.sha3_256(b"public image %d" % next(_images)).digest()


@pytest.fixture(scope="module")
def sepolia() -> Iterator[Anvil]:
    node = Anvil("--chain-id", str(SEPOLIA))
    yield node
    node.kill()


@pytest.fixture
def node(sepolia: Anvil) -> Iterator[FaultyNode]:
    with faulty(sepolia.url) as opened:  # for what it counts
        yield opened


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "rich.key"
    path.write_text(RICH_KEY)
    return path


class Person:
    """Answers and remembers what was asked."""

    def __init__(self, says: bool) -> None:
        self.says = says
        self.asked: list[Question] = []

    def __call__(self, question: Question) -> bool:
        self.asked.append(question)
        return self.says

    @property
    def kinds(self) -> list[str]:
        return [question.kind for question in self.asked]


def test_nothing_is_written_to_a_public_chain_before_a_person_said_yes(
    node: FaultyNode, key: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    with (
        open_rpc(node.url, home, key, chain_id=SEPOLIA) as silent,
        pytest.raises(NotConfirmed, match=r"chain 11155111 \(Sepolia, a test network\).*take it back.*--yes"),
    ):
        silent.put(b"not asked", image_sha3_256=new_image())
    no, yes = Person(False), Person(True)
    with open_rpc(node.url, home, key, chain_id=SEPOLIA, confirm=no) as refused, pytest.raises(NotConfirmed):
        refused.put(b"said no", image_sha3_256=new_image())
    assert no.kinds == ["public"]
    assert node.sent == 0
    with open_rpc(node.url, home, key, chain_id=SEPOLIA, confirm=yes) as ledger:
        assert ledger.public
        ledger.put(b"said yes", image_sha3_256=new_image())
    assert yes.kinds == ["public"], "once"
    with open_rpc(node.url, home, key) as later:  # remembered
        later.put(b"and again", image_sha3_256=new_image())


def test_a_yes_after_the_registry_is_known_is_remembered_too(node: FaultyNode, key: Path, tmp_path: Path) -> None:
    home, person = tmp_path / "home", Person(True)
    with open_rpc(node.url, home, key, chain_id=SEPOLIA) as ledger:
        with pytest.raises(NotConfirmed):
            ledger.put(b"not asked", image_sha3_256=new_image())
        assert json.loads((home / "ledgers.json").read_text()).popitem()[1]["confirmed"] is False
    with open_rpc(node.url, home, key, confirm=person) as ledger:
        ledger.put(b"asked", image_sha3_256=new_image())
    assert person.kinds == ["public"], "once a home"
    with open_rpc(node.url, home, key) as ledger:
        ledger.put(b"remembered", image_sha3_256=new_image())


def test_a_picture_that_is_not_safe_for_work_is_a_question_of_its_own(
    node: FaultyNode, key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = [read_image(scene(seed, tmp_path / f"picture-{seed}.png")) for seed in (1, 2)]
    settings = Settings(tmp_path / "home", rpc=node.url, key=key, chain_id=SEPOLIA)
    asked: list[Question] = []

    def all_but_content(question: Question) -> bool:
        asked.append(question)
        return question.kind != "content"

    with opening.open(settings, confirm=all_but_content) as registry:
        registry.register(pictures[0], caption="noise")
        assert [question.kind for question in asked] == ["public"], "noise is safe"
        monkeypatch.setattr(pipeline, "UNSAFE", 0.0)  # from here on everything is called unsafe
        with pytest.raises(ContentRefused, match=r"picture-2\.png looks as if it were not safe for work"):
            registry.register(pictures[1], caption="more noise")
        assert registry.ledger.find(pictures[1].sha3_256) is None
    assert [question.kind for question in asked] == ["public", "content"]
    with opening.open(settings, confirm=Person(True)) as registry:
        assert registry.register(pictures[1], caption="more noise").token == registry.ledger.find(pictures[1].sha3_256)
    with opening.open(tmp_path / "own") as registry:  # nobody is asked about what stays in one's own folder
        assert registry.register(pictures[1], caption="more noise").token == 1
