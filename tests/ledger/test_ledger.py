"""The registry and the archive on a real EVM in process, and what the client makes of them."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import stat
import time
from pathlib import Path
from typing import Any

import eth_account
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gistchain.errors import AlreadyRegistered, LedgerError, SettingError, UnknownToken
from gistchain.ledger.abi import calldata, selector
from gistchain.ledger.account import Account
from gistchain.ledger.archive import deploy_archive, put_file
from gistchain.ledger.compile import NAMES, artifact
from gistchain.ledger.connection import Call
from gistchain.ledger.contracts import compiled
from gistchain.ledger.evm import EvmLedger, open_embedded
from gistchain.ledger.gas import INLINE_BYTES, MAX_GIST_BYTES, PART_BYTES
from gistchain.ledger.snapshot import Snapshot
from tests.ledger.measured import MEASURED_GAS

_images = itertools.count(1)


def new_image() -> bytes:
    return hashlib.sha3_256(b"image %d" % next(_images)).digest()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def register_as(ledger: EvmLedger, owner_key: bytes, gist: bytes, image: bytes) -> int:
    """A registration by another account, sent the plain way."""
    connection = ledger.node.connection
    account = eth_account.Account.from_key(owner_key)
    transaction = {
        "to": ledger.registry,
        "data": ledger.call("register" if len(gist) <= 64 else "registerLong", image, bytes(32), 0, gist).data,
        "nonce": connection.nonce(account.address, "latest"),
        "chainId": ledger.chain_id,
        "gas": 8_000_000,
        "maxFeePerGas": 10**10,
        "maxPriorityFeePerGas": 0,
    }
    signed = account.sign_transaction(transaction)
    assert connection.send(bytes(signed.raw_transaction)) is None
    mined = connection.receipt(signed.hash.to_0x_hex())
    assert mined is not None
    assert mined.succeeded
    return ledger.token_of(image, account.address)


@pytest.fixture
def other_key(ledger: EvmLedger) -> bytes:
    key = os.urandom(32)
    ledger.run(Call(Account(key).address, value_wei=10**20))
    return key


def test_the_committed_bytecode_is_what_the_source_compiles_to() -> None:
    pytest.importorskip("vyper", reason="needs vyper to recompile: pip install 'gistchain[contract]'")
    folder = Path(__file__).parents[2] / "gistchain" / "ledger"
    for name in NAMES:
        assert (folder / f"{name}.json").read_text("utf-8") == artifact(name), (
            f"{name}.json is stale: run python -m gistchain.ledger.compile"
        )


def test_the_committed_bytecode_names_the_source_it_came_from() -> None:
    folder = Path(__file__).parents[2] / "gistchain" / "ledger"
    for name in NAMES:
        said = json.loads((folder / f"{name}.json").read_text("utf-8"))
        assert said["source_sha256"] == hashlib.sha256((folder / f"{name}.vy").read_bytes()).hexdigest()


def test_a_registered_gist_comes_back_with_its_record(ledger: EvmLedger) -> None:
    image = new_image()
    receipt = ledger.put(b"a red bus", image_sha3_256=image)
    token = ledger.token(receipt.token)
    mined = ledger.node.connection.receipt(receipt.tx)
    assert mined is not None
    assert ledger.gist_of(receipt.token) == b"a red bus"
    assert receipt.ledger == ledger.name == f"evm:{ledger.chain_id}:{ledger.registry}"
    assert receipt.size_bytes == 9
    assert (token.owner, token.image_sha3_256, token.batch) == (ledger.owner, image, 0)
    assert token.block == receipt.block
    assert abs(token.block_time - time.time()) < 600
    assert (mined.block, mined.gas) == (receipt.block, receipt.gas)


def test_any_client_reads_a_gist_with_eth_call_alone(ledger: EvmLedger) -> None:
    from eth_abi.abi import decode, encode
    from eth_utils.crypto import keccak

    receipt = ledger.put(b"plain words", image_sha3_256=new_image())
    data = keccak(text="gistOf(uint256)")[:4] + encode(["uint256"], [receipt.token])
    answer = ledger.node.connection.call(Call(ledger.registry, data), ledger.owner)
    assert decode(["bytes"], answer) == (b"plain words",)


def test_an_owner_registers_an_image_once(ledger: EvmLedger) -> None:
    image = new_image()
    receipt = ledger.put(b"first words", image_sha3_256=image)
    for gist in (b"first words", b"other words"):
        with pytest.raises(AlreadyRegistered) as refused:
            ledger.put(gist, image_sha3_256=image)
        assert refused.value.token == receipt.token
    assert ledger.gist_of(receipt.token) == b"first words"


def test_the_contract_itself_refuses_a_second_registration(ledger: EvmLedger) -> None:
    image = new_image()
    ledger.put(b"first words", image_sha3_256=image)
    before = ledger.count()
    with pytest.raises(LedgerError, match=r"refused: .*registered"):
        ledger.run(ledger.call("register", image, bytes(32), 0, b"second words"))
    assert ledger.count() == before


def test_another_owner_gets_a_token_too_but_the_first_stays_first(ledger: EvmLedger, other_key: bytes) -> None:
    image = new_image()
    first = ledger.put(b"mine", image_sha3_256=image).token
    second = register_as(ledger, other_key, b"copied", image)
    assert second == first + 1
    assert ledger.find(image) == first
    assert ledger.token_of(image) == first
    assert (ledger.gist_of(first), ledger.gist_of(second)) == (b"mine", b"copied")
    assert ledger.token(second).owner != ledger.owner


def test_a_front_runner_cannot_keep_the_owner_out(ledger: EvmLedger, other_key: bytes) -> None:
    image = new_image()
    stolen = register_as(ledger, other_key, b"mine", image)
    mine = ledger.put(b"mine", image_sha3_256=image)
    assert mine.token == stolen + 1
    assert ledger.token_of(image) == stolen + 1
    with pytest.raises(AlreadyRegistered):
        ledger.put(b"mine again", image_sha3_256=image)


def test_an_unknown_image_has_no_token(ledger: EvmLedger) -> None:
    assert ledger.find(new_image()) is None
    assert ledger.token_of(new_image()) == 0


@pytest.mark.parametrize("token", [0, -1, 10**6, 2**128, 2**256 - 1, 2**256])
def test_an_unknown_token_is_an_error(ledger: EvmLedger, token: int) -> None:
    with pytest.raises(UnknownToken, match=str(token)):
        ledger.gist_of(token)
    with pytest.raises(UnknownToken):
        ledger.token(token)


def test_the_longest_gist_fits_and_one_byte_more_does_not(ledger: EvmLedger) -> None:
    longest = os.urandom(MAX_GIST_BYTES)
    receipt = ledger.put(longest, image_sha3_256=new_image())
    assert ledger.gist_of(receipt.token) == longest
    with pytest.raises(LedgerError, match="24565"):
        ledger.put(longest + b"!", image_sha3_256=new_image())


@pytest.mark.parametrize("size", [0, MAX_GIST_BYTES + 1])
def test_the_contract_itself_holds_to_its_limits(ledger: EvmLedger, size: int) -> None:
    from eth_abi.abi import encode

    for name in ("register", "registerLong"):
        told = encode(["bytes32", "bytes32", "uint256", "bytes"], [new_image(), bytes(32), 0, b"x" * size])
        with pytest.raises(LedgerError):
            ledger.run(Call(ledger.registry, selector(compiled("registry"), name) + told))


@pytest.mark.parametrize(("payload", "image"), [(b"", b"\1" * 32), (b"x", b"\1" * 31), (b"x", b"")])
def test_what_cannot_be_registered_is_refused_before_it_costs_gas(
    ledger: EvmLedger, payload: bytes, image: bytes
) -> None:
    with pytest.raises(LedgerError):
        ledger.put(payload, image_sha3_256=image)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(gist=st.one_of(st.binary(min_size=1, max_size=130), st.binary(min_size=1, max_size=2000)))
def test_every_gist_comes_back_as_it_was(ledger: EvmLedger, gist: bytes) -> None:
    receipt = ledger.put(gist, image_sha3_256=new_image())
    assert ledger.gist_of(receipt.token) == gist


@pytest.mark.parametrize(
    "number", [2, 127, 128, 255, 256, 65_535, 65_536, 2**21 - 66, 2**21 - 65, 2**24 - 1, 2**24, 2**32 - 1, 2**40]
)
def test_a_data_contract_is_found_whatever_the_length_of_its_number(home: Path, number: int) -> None:
    with open_embedded(home) as fresh:
        fresh.put(b"the first data contract" * 3, image_sha3_256=new_image())
        pretend_data_contracts(fresh, number - 1)
        receipt = fresh.put(b"the next data contract" * 3, image_sha3_256=new_image())
        assert fresh.gist_of(receipt.token) == b"the next data contract" * 3
        assert fresh.gist_of(1) == b"the first data contract" * 3


def pretend_data_contracts(ledger: EvmLedger, made: int) -> None:
    """Set the contract's counter and its nonce as if it had made that many data contracts."""
    connection: Any = ledger.node.connection
    chain = connection.chain
    registry = bytes.fromhex(ledger.registry[2:])
    state = chain.get_vm().state
    totals_slot = compiled("registry").slots["totals"]
    before = state.get_storage(registry, totals_slot)
    state.set_storage(registry, totals_slot, (before & (2**96 - 1)) | (made << 96))
    state.set_nonce(registry, made + 1)
    state.lock_changes()
    state.persist()
    chain.header = chain.header.copy(state_root=state.state_root)
    connection.mine()


def gas_of(ledger: EvmLedger, size: int) -> int:
    return ledger.put(b"\xaa" * size, image_sha3_256=b"\xff" + new_image()[1:]).gas


def test_storage_is_cheaper_up_to_the_threshold_and_code_above_it(ledger: EvmLedger) -> None:
    word = gas_of(ledger, 33) - gas_of(ledger, 32)
    last_inline, first_code, next_code = (gas_of(ledger, INLINE_BYTES + extra) for extra in (0, 1, 2))
    byte_of_code = next_code - first_code
    assert last_inline < first_code - byte_of_code, "64 bytes as code would cost less"
    assert first_code < last_inline + word, "65 bytes as storage would cost less"


@pytest.mark.parametrize("size", MEASURED_GAS)
def test_the_published_gas_is_what_a_registration_costs(ledger: EvmLedger, size: int) -> None:
    # Zero bytes in hash or ABI encoding make a few gas of difference.
    assert abs(gas_of(ledger, size) - MEASURED_GAS[size]) < 150


def test_the_archive_takes_a_file_in_parts_and_keeps_their_digests(ledger: EvmLedger) -> None:
    import base64

    from eth_utils.crypto import keccak

    content = os.urandom(PART_BYTES * 3 // 4 + 1000)
    archive = deploy_archive(ledger)
    receipts = put_file(ledger, archive, content)
    assert [receipt.size_bytes for receipt in receipts] == [PART_BYTES, len(base64.b64encode(content)) - PART_BYTES]
    # 40 gas a byte: EIP-7623 prices calldata that does little else.
    assert receipts[0].gas == pytest.approx(4_120_000, rel=0.01)
    asked = calldata(compiled("archive"), "digestOf", ledger.owner, hashlib.sha3_256(content).digest(), 0)
    digest = ledger.node.connection.call(Call(archive, asked), ledger.owner)
    assert digest == keccak(base64.b64encode(content)[:PART_BYTES])
    with pytest.raises(LedgerError):
        put_file(ledger, archive, content)
    with pytest.raises(LedgerError):
        put_file(ledger, archive, b"")


def test_tokens_are_listed_in_order(ledger: EvmLedger) -> None:
    listed = list(ledger.tokens(start=2))
    assert [token.id for token in listed] == list(range(2, ledger.count() + 1))


def test_the_key_made_at_first_use_is_private_and_stays(home: Path) -> None:
    with open_embedded(home) as first:
        owner = first.owner
    key = home / "keys" / "default.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    with open_embedded(home) as second:
        assert second.owner == owner


def test_keys_come_as_hex_or_as_a_keystore(home: Path, tmp_path: Path) -> None:
    secret = os.urandom(32)
    owner = eth_account.Account.from_key(secret).address
    plain, keystore, wrong = (tmp_path / name for name in ("plain", "keystore", "wrong"))
    plain.write_text(f"0x{secret.hex()}\n")
    keystore.write_text(json.dumps(eth_account.Account.encrypt(secret, "correct horse", iterations=2)))
    wrong.write_text("correct horse battery staple")
    with open_embedded(home, plain) as opened:
        assert opened.owner == owner
        opened.put(b"x", image_sha3_256=new_image())
    with open_embedded(home, keystore, password="correct horse") as opened:
        assert opened.owner == owner
        assert opened.count() == 1
    for key_file, password in (
        (keystore, None),
        (keystore, "wrong"),
        (wrong, None),
        (tmp_path / "missing", None),
        (tmp_path, None),
    ):
        with pytest.raises(SettingError) as refused:
            open_embedded(home, key_file, password=password)
        assert secret.hex() not in str(refused.value)
    with open_embedded(home, plain) as opened:  # a refused key leaves no lock behind
        assert opened.count() == 1


@pytest.mark.parametrize(
    "chain",
    [
        '{"chain_id": 1, "genesis": "zz", "registry": "0xzz"}',
        '{"chain_id": 1e999, "genesis": "0x0", "registry": "0x' + "0" * 40 + '"}',
        '{"chain_id": true, "genesis": "0x0", "registry": "0x' + "0" * 40 + '"}',
        '{"chain_id": 1, "genesis": null, "registry": "0x' + "0" * 40 + '"}',
        "[" * 5000,
        "[]",
    ],
)
def test_what_the_home_remembers_of_its_chains_is_checked(tmp_path: Path, chain: str) -> None:
    (tmp_path / "ledgers.json").write_text(f'{{"embedded": {chain}}}')
    for ask in (open_embedded, Snapshot):
        with pytest.raises(LedgerError, match=r"ledgers\.json can't be read .*: mend it"):
            ask(tmp_path)
