"""Gas of a registration by size, beside what keeps the bytes and nothing else: receipts of py-evm, Prague rules.

python -m benchmarks.gas

Bytes are random and none is zero, so that calldata costs most. Beside the registry: an event that holds them, a data
contract (as SSTORE2 makes one, whose address the caller has to remember) and storage words; and tokens of other kinds,
at the least that they have to write (rivals.vy). The layers of Nouns are those of the collection, each kind deflated as
its descriptor keeps them.
"""

from __future__ import annotations

import json
import lzma
import random
import tempfile
import zlib
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import vyper
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from vyper.compiler.settings import Settings

from benchmarks import report
from gistchain.collection.known import nouns
from gistchain.gist import traitcode
from gistchain.ledger import gas
from gistchain.ledger.compile import EVM, FOLDER
from gistchain.ledger.connection import Call
from gistchain.ledger.evm import EvmLedger, open_embedded

SIZES = 10, 18, 32, 64, 65, 100, 200, 1_000, 5_000, 20_000
BATCHES = 10, 100, 500
ITEM_BYTES = 4
NO_WORD = bytes(32)
RATING = 9_700 << 96 | 1 << 88 | 3 << 72 | 123_456 << 32 | 1_700

RIVALS = Path(__file__).with_name("rivals.vy")
MINTED = 1, 10, 100, 500
STATE_BYTE = 1_530  # announced (EIP-8037)
MOST_SEEDS = 350  # in one transaction
PAGE_BYTES = 24_575


class Chain:
    """Contracts on a new embedded chain, and the gas of calls of them."""

    def __init__(self, ledger: EvmLedger) -> None:
        self._ledger, self._rng = ledger, random.Random(13)

    def created(self, source: str) -> str:
        made = vyper.compile_code(source, output_formats=["bytecode"], settings=Settings(evm_version=EVM))
        contract = self._ledger.run(Call(None, bytes.fromhex(made["bytecode"][2:]))).contract
        assert contract
        return contract

    def used(self, contract: str, function: str, *values: object) -> int:
        types = function[function.index("(") + 1 : -1].split(",")
        call, node = Call(contract, keccak(function.encode())[:4] + encode(types, values)), self._ledger.node
        # Not `ledger.run`, which takes no contract to need as much as some of these do.
        limit = gas.TRANSACTION_GAS_LIMIT
        raw, tx = node.account.sign_transaction(
            call, node.price(), gas=limit, nonce=node.nonce("pending"), chain_id=node.chain_id
        )
        node.broadcast(raw)
        mined = node.connection.receipt(tx)
        assert mined
        assert mined.succeeded
        return mined.gas

    def some(self, size: int) -> bytes:
        return bytes(self._rng.randrange(1, 256) for _ in range(size))


def single(chain: Chain, registry: str, rivals: str, size: int) -> dict[str, int]:
    """Gas of one record of so many bytes, in every way that takes them."""
    data, name = chain.some(size), "register" if size <= gas.INLINE_BYTES else "registerLong"
    register = f"{name}(bytes32,bytes32,uint256,bytes)"
    rated = "register(bytes32,bytes32,uint256,bytes)" if size <= 18 else "registerLong(bytes32,bytes32,uint256,bytes)"
    found = {
        "bytes": size,
        "registry": chain.used(registry, register, chain.some(32), NO_WORD, 0, data),
        "rated": chain.used(registry, rated, chain.some(32), chain.some(32), RATING, data),
        "predicted": gas.registration_gas(data),
        "predicted_rated": gas.registration_gas(data, rated=True),
        "event": chain.used(rivals, "asEvent(bytes)", data),
        "code": chain.used(rivals, "asCode(bytes)", data),
        "words": chain.used(rivals, "asWords(bytes)", data),
    }
    print(found)
    return found


def batch(chain: Chain, registry: str, count: int) -> dict[str, float]:
    """Gas a token of rated batches, in the state and as proofs."""
    head = b"\1" + count.to_bytes(2, "big") + bytes([ITEM_BYTES, 7]) + chain.some(7) + chain.some(32)
    head += (3).to_bytes(2, "big") + (123_456).to_bytes(5, "big") + (1_700).to_bytes(4, "big")
    hashes = b"".join(sorted(chain.some(32) for _ in range(count)))
    data = head + hashes + b"\x25\x01\1" * count + chain.some(ITEM_BYTES * count)
    state = chain.used(registry, "registerBatch(bytes)", data)
    proofs = chain.used(registry, "registerProofs(bytes32,uint256,bytes)", chain.some(32), count, data)
    found = {"tokens": count, "state": round(state / count), "proofs": round(proofs / count)}
    print(found)
    return found


def tokens(chain: Chain, rivals: str, count: int) -> dict[str, int | None]:
    """Gas a token of ERC-721A, which keeps no picture, and of seeds for layers that are stored once.

    None for what no transaction has room for (EIP-7825).
    """
    seeds = [int.from_bytes(b"".join(bytes(5) + chain.some(1) for _ in range(5)), "big") for _ in range(count)]
    found: dict[str, int | None] = {
        "tokens": count,
        "erc721a": round(chain.used(rivals, "mint(uint256)", count) / count),
        "seeds": round(chain.used(rivals, "mintSeeds(uint256[])", seeds) / count) if count <= MOST_SEEDS else None,
    }
    print(found)
    return found


def announced(now: int, *, new_words: int, code_bytes: int = 0, calldata_bytes: int = 0) -> int:
    """Gas of a transaction under the rules announced for Amsterdam, from what it uses under Prague's.

    EIP-2780, 7976, 8037 and 8038 as of August 2026, all under review. new_words: storage words that were zero; one more
    is changed. code_bytes: of one data contract, 0 for none.
    """
    new_word, changed_word = 64 * STATE_BYTE + 2_100 + 10_000, 2_100 + 10_000
    change = 12_000 + 3_000 - gas.TRANSACTION
    change += new_words * (new_word - gas.NEW_WORD) + changed_word - gas.CHANGED_WORD
    if code_bytes:
        change += 12_000 + 120 * STATE_BYTE - gas.CREATION
        change += code_bytes * (STATE_BYTE - gas.CODE_BYTE) + 6 * -(-code_bytes // 32)
    return max(now + change, gas.TRANSACTION + 64 * calldata_bytes)


def repriced(singles: list[dict[str, int]], batches: list[dict[str, float]]) -> list[dict[str, object]]:
    """Gas a token now and as announced, by form."""
    by_size = {row["bytes"]: row for row in singles}
    rows: list[dict[str, object]] = []
    for size, kind, words in ((10, "registry", 4), (10, "rated", 5), (100, "rated", 3), (1_000, "rated", 3)):
        code = 0 if size <= gas.INLINE_BYTES else size + 11 + gas.TICKET_BYTES
        now, ticket = by_size[size][kind], " with a ticket" if kind == "rated" else ""
        then = announced(now, new_words=words, code_bytes=code)
        rows.append({"form": f"{size:,} bytes{ticket}", "now": now, "announced": then})
    for row in batches[1:]:
        count = int(row["tokens"])
        size = 55 + count * (35 + ITEM_BYTES)
        state = announced(round(row["state"] * count), new_words=2, code_bytes=size + 11)
        proofs = announced(round(row["proofs"] * count), new_words=3, calldata_bytes=size + 160)
        rows.append({"form": f"{count} in the state", "now": row["state"], "announced": round(state / count)})
        rows.append({"form": f"{count} as proofs", "now": row["proofs"], "announced": round(proofs / count)})
    return rows


def layers() -> Iterator[bytes]:
    """The art of Nouns as its descriptor stores it: the palette, then each kind of layer as bytes[], deflated."""
    with resources.files("gistchain.collection.known").joinpath("nouns.json.xz").open("rb") as file:
        art = json.loads(lzma.decompress(file.read()))
    yield b"".join(bytes.fromhex(colour) for colour in art["palette"])
    for drawn in art["images"].values():
        packer = zlib.compressobj(9, wbits=-15)
        encoded = encode(["bytes[]"], [[bytes.fromhex(one["data"][2:]) for one in drawn]])
        packed = packer.compress(encoded) + packer.flush()
        yield from (packed[at : at + PAGE_BYTES] for at in range(0, len(packed), PAGE_BYTES))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, open_embedded(Path(folder) / "home") as ledger:
        chain = Chain(ledger)
        registry = chain.created((FOLDER / "registry.vy").read_text("utf-8"))
        rivals = chain.created(RIVALS.read_text("utf-8"))
        tables = chain.created((FOLDER / "tables.vy").read_text("utf-8"))
        # The first token and the first batch of a registry pay for its counter's word.
        chain.used(registry, "register(bytes32,bytes32,uint256,bytes)", chain.some(32), NO_WORD, 0, b"first")
        chain.used(rivals, "mint(uint256)", 1)
        singles = [single(chain, registry, rivals, size) for size in SIZES]
        batches = [batch(chain, registry, count) for count in BATCHES]
        minted = [tokens(chain, rivals, count) for count in MINTED]
        once = {
            "table": chain.used(tables, "add(bytes)", traitcode.written(nouns.layers().traits)),
            "layers": sum(chain.used(rivals, "addPage(bytes)", page) for page in layers()),
        }
        print(once)
    report.write(
        "gas",
        data=f"random bytes without zeros; batches of {ITEM_BYTES} bytes a token and 7 in common, all rated",
        figures={
            "singles": singles,
            "batches": batches,
            "minted": minted,
            "once": once,
            "repriced": repriced(singles, batches),
        },
    )


if __name__ == "__main__":
    main()
