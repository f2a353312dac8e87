"""examples/find_token.py and .mjs, which know nothing of gistchain, say of an image's tokens what gistchain says."""

from __future__ import annotations

import ast
import hashlib
import io
import itertools
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import tokenize
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from gistchain.errors import LedgerError
from gistchain.gist.packet import pack
from gistchain.ledger import ticket as tickets
from gistchain.ledger.account import Account
from gistchain.ledger.connection import Call
from gistchain.ledger.evm import EvmLedger, open_rpc, open_rpc_to_read
from gistchain.ledger.relay import relay
from gistchain.ledger.ticket import Registration
from gistchain.types import Gist, RarenessTicket
from tests.ledger.registry_model import BatchData, Item
from tests.support.anvil import CHAIN_ID, RICH_KEY, Anvil, needs_anvil
from tests.support.faults import Asked, FaultyNode, faulty, says
from tests.support.forks import Child
from tests.support.places import ROOT

pytestmark = needs_anvil
TICKET = RarenessTicket(0.9876, "sibling", hashlib.sha3_256(b"evidence").digest(), 3, 123_456, 1_700)
FOR_EVER = 2**40
SIGNED, NOT_CHECKED = "signed by the owner", "not checked: its log is gone"
RELAYED = "0x" + keccak(b"Relayed(uint256,uint256,bytes)").hex()
RATING_OF = "0x" + keccak(b"ratingOf(uint256)")[:4].hex()
MODULES = Path(os.environ.get("GISTCHAIN_NODE_MODULES", ROOT / "node_modules"))
_images = itertools.count(1)


Script = tuple[str, Path]
"""The interpreter, and the example in a folder where it finds what it imports."""


@dataclass(frozen=True)
class Said:
    """What a script says of one token."""

    token: int
    owner: str
    time: datetime
    gist: bytes
    words: str | None
    rareness: str
    proof: str


@pytest.fixture(scope="module")
def anvil() -> Iterator[Anvil]:
    node = Anvil()
    yield node
    node.kill()


@pytest.fixture(scope="module")
def ledger(anvil: Anvil, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EvmLedger]:
    folder = tmp_path_factory.mktemp("home")
    (folder / "key").write_text(RICH_KEY)
    with open_rpc(anvil.url, folder, folder / "key", chain_id=CHAIN_ID, max_fee=Decimal(1)) as opened:
        yield opened


@pytest.fixture
def node(anvil: Anvil) -> Iterator[FaultyNode]:
    with faulty(anvil.url) as opened:
        yield opened


@pytest.fixture(params=["py", "mjs"])
def script(request: pytest.FixtureRequest, tmp_path: Path) -> Script:
    name = f"find_token.{request.param}"
    shutil.copy(ROOT / "examples" / name, tmp_path / name)
    if request.param == "py":
        return sys.executable, tmp_path / name
    node = shutil.which("node")
    if node is None or not (MODULES / "viem").is_dir():
        pytest.skip("no viem: npm install viem@2.57.20, or set GISTCHAIN_NODE_MODULES")
    (tmp_path / "node_modules").symlink_to(MODULES)
    return node, tmp_path / name


def new_image() -> bytes:
    return hashlib.sha3_256(b"a stranger's image %d" % next(_images)).digest()


def told(script: Script, url: str, image: str) -> list[Said]:
    out = forked(script[1], url, image) if script[1].suffix == ".py" else started(script, url, image)
    return [_said(script, text) for text in re.split(r"^(?=token)", out, flags=re.M) if text]


def started(script: Script, url: str, image: str) -> str:
    done = subprocess.run([*script, url, image], capture_output=True, text=True, timeout=300, cwd=script[1].parent)
    assert not done.stderr, done.stderr
    return done.stdout


def forked(script: Path, url: str, image: str) -> str:
    """As `started`, in a process that has web3 already: to load it takes longer than all that the script does."""
    out, err = (script.with_name(name) for name in ("out", "err"))
    ended = Child(as_main, script, [url, image], out, err).finish()
    assert (ended, err.read_text("utf-8")) == (0, "")
    return out.read_text("utf-8")


def as_main(script: Path, words: list[str], out: Path, err: Path) -> None:
    for number, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.chdir(script.parent)
    sys.argv = [str(script), *words]
    runpy.run_path(str(script), run_name="__main__")


def _said(script: Script, text: str) -> Said:
    first, gist, words, rareness, proof = (line.strip() for line in text.splitlines())
    token, owner, time = re.fullmatch(r"token (\d+), owner (0x\w{40}), (\S+)", first).groups()  # type: ignore[union-attr]
    size, held = re.fullmatch(r"gist: (\d+) bytes ?(\w*)", gist).groups()  # type: ignore[union-attr]
    assert int(size) == len(held) // 2
    read = json.loads if script[1].suffix == ".mjs" else ast.literal_eval
    spoken = read(words.removeprefix("words: "))
    return Said(int(token), owner, datetime.fromisoformat(time), bytes.fromhex(held), spoken, rareness, proof)


def by_gistchain(ledger: EvmLedger, token: int, words: str | None, proof: str) -> Said:
    record, ticket = ledger.token(token), ledger.ticket_of(token)
    rareness = "no ticket, score 0/10000, checker 0, as of block 0, compared with 0"
    if ticket is not None:
        rareness = f"{ticket.verdict}, score {tickets.steps(ticket)}/10000, checker {ticket.checker}, "
        rareness += f"as of block {ticket.as_of}, compared with {ticket.compared_with}"
    time = datetime.fromtimestamp(record.block_time, UTC)
    return Said(token, record.owner.lower(), time, ledger.gist_of(token), words, rareness, proof)


def signed_by(account: Account, wanted: Registration, ledger: EvmLedger) -> bytes:
    return tickets.sign(wanted, account, chain_id=ledger.chain_id, registry=ledger.registry)


def batched(ledger: EvmLedger, data: BatchData) -> int:
    """The first token of a batch of the ledger's account."""
    ledger.run(ledger.call("registerBatch", data.encoded()))
    return ledger.count() - len(data.items) + 1


def batch_with(image: bytes, gists: Sequence[bytes] = (b"abcd", b"efgh", b"ijkl"), *, rated: bool = True) -> BatchData:
    """One of three images, this one among them."""
    images = sorted([image, new_image(), new_image()])
    items = (Item(one, gist, (9_000, 1)) for one, gist in zip(images, gists, strict=True))
    width = len(gists[0]) if len(set(map(len, gists))) == 1 else None
    return BatchData(tuple(items), b"\xc5\x90", width, rated, TICKET.evidence, (3, 4, 5))


def relayed(ledger: EvmLedger, image: bytes, gist: bytes, owner: Account) -> int:
    wanted = Registration(owner.address, image, gist, TICKET, FOR_EVER)
    return relay(ledger, wanted, signed_by(owner, wanted, ledger)).token


def packet(*captions: str) -> bytes:
    return pack(Gist(captions, (25, 1_000)))


@pytest.mark.parametrize("ticket", [TICKET, None], ids=["rated", "plain"])
@pytest.mark.parametrize(
    ("gist", "words"),
    [
        (packet("\x1b[2J ЖЩ\u2028"), "\x1b[2J ЖЩ\u2028"),
        (packet("ЖЩЖ", "ЩЖЩ"), "ЖЩЖ"),
        (packet("A picture of Nouns"), None),  # by the dictionary
        (b"\xc2\x90bare words", "bare words"),
        (b"\x85\x10\x03bus" + b"." * 900, "bus"),
        (b"\xff", None),
    ],
    ids=["alone", "several", "dictionary", "bare", "long", "no gist"],
)
def test_a_token_that_its_owner_sent(
    anvil: Anvil, ledger: EvmLedger, script: Script, gist: bytes, words: str | None, ticket: RarenessTicket | None
) -> None:
    image = new_image()
    token = ledger.put(gist, image_sha3_256=image, rareness=ticket).token
    assert told(script, anvil.url, image.hex()) == [by_gistchain(ledger, token, words, SIGNED)]


def test_all_tokens_of_a_file_also_those_that_others_sent_and_those_of_batches(
    anvil: Anvil, ledger: EvmLedger, script: Script, tmp_path: Path
) -> None:
    file = tmp_path / ("a name of 64 letters, which are no digits".ljust(60, ".") + ".png")
    file.write_bytes(b"whatever the file holds" + os.urandom(8))
    image = hashlib.sha3_256(file.read_bytes()).digest()
    own = ledger.put(b"\xc5\x90mine", image_sha3_256=image, rareness=TICKET).token
    short, long = (relayed(ledger, image, gist, Account(os.urandom(32))) for gist in (b"\xc5\x90x", bytes(100)))
    first = batched(ledger, batch_with(image, [b"abcd"] * 3))
    item = next(token for token in range(first, first + 3) if ledger.token(token).image_sha3_256 == image)
    wanted = [
        by_gistchain(ledger, own, "mine", SIGNED),
        by_gistchain(ledger, short, "x", SIGNED),
        by_gistchain(ledger, long, None, SIGNED),
        by_gistchain(ledger, item, "abcd", SIGNED),
    ]
    assert told(script, anvil.url, file.name) == told(script, anvil.url, image.hex()) == wanted


@pytest.mark.parametrize("rated", [True, False], ids=["rated", "plain"])
@pytest.mark.parametrize("gists", [(b"abcd", b"efgh", b"ijkl"), (b"one", b"", b"a longer one")], ids=["even", "ends"])
def test_each_token_of_a_batch_is_signed_by_the_transaction_of_all(
    anvil: Anvil, ledger: EvmLedger, script: Script, gists: tuple[bytes, ...], rated: bool
) -> None:
    data = batch_with(new_image(), gists, rated=rated)
    first = batched(ledger, data)
    for place, item in enumerate(data.items):
        wanted = by_gistchain(ledger, first + place, item.gist.decode(), SIGNED)
        assert told(script, anvil.url, item.image.hex()) == [wanted]


def test_an_image_without_a_token(anvil: Anvil, ledger: EvmLedger, script: Script) -> None:
    done = subprocess.run([*script, anvil.url, "ab" * 32], capture_output=True, text=True, timeout=300)
    assert "no token has this image" in done.stdout + done.stderr


@pytest.mark.parametrize("sent_by", ["owner", "another", "batch"])
def test_a_false_ticket_is_told(
    anvil: Anvil, ledger: EvmLedger, script: Script, node: FaultyNode, sent_by: str
) -> None:
    """The node says another score than the one that was signed."""
    image, gist = new_image(), b"\xc5\x90a red bus"
    if sent_by == "batch":
        data = batch_with(image)
        token = batched(ledger, data) + [item.image for item in data.items].index(image)
    elif sent_by == "owner":
        token = ledger.put(gist, image_sha3_256=image, rareness=TICKET).token
    else:
        token = relayed(ledger, image, gist, Account(os.urandom(32)))
    assert [said.proof for said in told(script, node.url, image.hex())] == [SIGNED]
    node.faults["eth_call"] = _a_better_score
    (said,) = told(script, node.url, image.hex())
    assert (said.token, said.proof) == (token, "FALSE")
    assert "score 10000/10000" in said.rareness
    with open_rpc_to_read(node.url, Path("nowhere")) as reader:
        if sent_by == "batch":
            found = reader.rareness_of(token)
            assert found is not None
            assert not found.verified
        else:
            with pytest.raises(LedgerError, match="ask another node"):
                reader.rareness_of(token)


def test_a_foreign_signature_is_told(anvil: Anvil, ledger: EvmLedger, script: Script, node: FaultyNode) -> None:
    """The node shows, in the log, a signature of the very same registration by someone else."""
    image, gist, owner, thief = new_image(), b"\xc5\x90a red bus", Account(os.urandom(32)), Account(os.urandom(32))
    token = relayed(ledger, image, gist, owner)
    foreign = signed_by(thief, Registration(owner.address, image, gist, TICKET, FOR_EVER), ledger)

    def another(asked: Asked) -> Any:
        reply = asked.passed_on()
        for log in reply["result"]:
            if log["topics"][0] == RELAYED:
                log["data"] = "0x" + encode(["uint256", "bytes"], [FOR_EVER, foreign]).hex()
        return reply

    node.faults["eth_getLogs"] = another
    assert [(said.token, said.proof) for said in told(script, node.url, image.hex())] == [(token, "FALSE")]
    with open_rpc_to_read(node.url, Path("nowhere")) as reader, pytest.raises(LedgerError, match="not its owner's"):
        reader.rareness_of(token)


def test_someone_else_s_transaction_is_no_signature(
    anvil: Anvil, ledger: EvmLedger, script: Script, node: FaultyNode
) -> None:
    """The node names, for the owner's token, a transaction of another image."""
    image, gist = new_image(), b"\xc5\x90a red bus"
    token = ledger.put(gist, image_sha3_256=image, rareness=TICKET).token
    other = ledger.put(gist, image_sha3_256=new_image(), rareness=TICKET).tx
    node.faults["eth_getLogs"] = names(other)
    assert [(said.token, said.proof) for said in told(script, node.url, image.hex())] == [(token, "FALSE")]


@pytest.mark.parametrize("function", ["registerBatch", "registerProofs"])
def test_another_transaction_of_the_owner_is_no_signature_of_a_batch(
    anvil: Anvil, ledger: EvmLedger, script: Script, node: FaultyNode, function: str
) -> None:
    image = new_image()
    batched(ledger, batch_with(image))
    other = batch_with(new_image()).encoded()
    arguments = (other,) if function == "registerBatch" else (b"\xff" * 32, 3, other)
    node.faults["eth_getLogs"] = names(ledger.run(ledger.call(function, *arguments)).tx)
    assert [said.proof for said in told(script, node.url, image.hex())] == ["FALSE"]


def test_the_same_batch_sent_by_another_is_no_signature(
    anvil: Anvil, ledger: EvmLedger, script: Script, node: FaultyNode, tmp_path: Path
) -> None:
    image = new_image()
    data = batch_with(image)
    token = batched(ledger, data) + [item.image for item in data.items].index(image)
    key = os.urandom(32)
    anvil.ask("anvil_setBalance", Account(key).address, hex(10**18))
    call = ledger.call("registerBatch", data.encoded())
    (tmp_path / "key").write_text(key.hex())
    with open_rpc(anvil.url, tmp_path, tmp_path / "key", chain_id=CHAIN_ID, max_fee=Decimal(1)) as other:
        node.faults["eth_getLogs"] = names(other.run(call).tx)
    said = {one.token: one.proof for one in told(script, node.url, image.hex())}
    assert said[token] == "FALSE"


def test_what_a_stranger_makes_unreadable_is_false_and_hides_no_other_token(
    anvil: Anvil, ledger: EvmLedger, script: Script
) -> None:
    """A batch whose gists end before they start, and a registration by the creation code of a contract."""
    image = new_image()
    own = ledger.put(b"\xc5\x90mine", image_sha3_256=image, rareness=TICKET).token
    data = batch_with(image, (b"one", b"two more", b"three"))
    broken = data.encoded().replace(b"\0\x03\0\x0b\0\x10", b"\xff\0\0\1\xff\xff")
    assert broken != data.encoded()
    ledger.run(ledger.call("registerBatch", broken))
    call = ledger.call("register", image, bytes(32), 0, b"\xc5\x90by code").data
    size = len(call).to_bytes(2)
    code = b"\x61" + size + b"\x60\x33\x60\0\x39" + b"\x60\0\x60\0\x61" + size + b"\x60\0\x60\0\x73"
    code += bytes.fromhex(ledger.registry[2:]) + b"\x5a\xf1\x60\x31\x57\x60\0\x80\xfd\x5b\0"
    ledger.run(Call(None, code + call))
    said = {one.token: one.proof for one in told(script, anvil.url, image.hex())}
    assert len(said) == 3
    assert said.pop(own) == SIGNED
    assert set(said.values()) == {"FALSE"}


def test_a_contract_s_own_kind_of_signature_is_asked_of_it_or_false(
    anvil: Anvil, ledger: EvmLedger, script: Script
) -> None:
    """The viem script asks the owner; the other one tells no contract's signature from a wrong one."""
    image, owner = new_image(), Account(os.urandom(32)).address
    answer = b"\x63\x16\x26\xba\x7e\x60\xe0\x1b\x60\0\x52\x60\x20\x60\0\xf3"  # 0x1626ba7e, whatever is asked
    anvil.ask("anvil_setCode", owner, f"0x{answer.hex()}")
    ledger.run(ledger.call("registerFor", owner, image, bytes(32), 0, b"\xc5\x90ours", FOR_EVER, b"odd"))
    (said,) = told(script, anvil.url, image.hex())
    assert said.proof == ("FALSE" if script[1].suffix == ".py" else SIGNED)


def test_a_node_without_logs_leaves_the_first_token_unchecked(
    ledger: EvmLedger, script: Script, node: FaultyNode
) -> None:
    image, gist = new_image(), b"\xc5\x90a red bus"
    token = ledger.put(gist, image_sha3_256=image, rareness=TICKET).token
    node.faults["eth_getLogs"] = says([])
    assert told(script, node.url, image.hex()) == [by_gistchain(ledger, token, "a red bus", NOT_CHECKED)]


def names(tx: str) -> Callable[[Asked], Any]:
    """Another transaction in each log."""

    def another(asked: Asked) -> Any:
        reply = asked.passed_on()
        for log in reply["result"]:
            log["transactionHash"] = tx
        return reply

    return another


def _a_better_score(asked: Asked) -> Any:
    reply = asked.passed_on()
    data = asked.params[0].get("data") or asked.params[0]["input"]
    if data.startswith(RATING_OF):
        reply["result"] = "0x" + (10_000).to_bytes(32, "big").hex() + reply["result"][66:]
    return reply


def test_they_are_as_short_as_they_say() -> None:
    """Blank lines and comments apart."""
    script = (ROOT / "examples" / "find_token.py").read_text("utf-8")
    words = (tokenize.NAME, tokenize.OP, tokenize.NUMBER)
    code = {one.start[0] for one in tokenize.generate_tokens(io.StringIO(script).readline) if one.type in words}
    assert f": {len(code)} lines of code on web3.py" in script
    other = (ROOT / "examples" / "find_token.mjs").read_text("utf-8")
    lines = [line for line in other.splitlines() if line.strip() and not line.strip().startswith("//")]
    assert f": {len(lines)} lines of code on viem" in other
    page = (ROOT / "docs" / "contract.md").read_text("utf-8")
    assert f"({len(lines)} lines on viem)" in page
    assert f"({len(code)} lines on web3.py)" in page
