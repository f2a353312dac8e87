"""Content of IPFS is what hashes to its CID, and nothing else."""

from __future__ import annotations

import contextlib
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multiformats import CID, varint

from gistchain.internet import ipfs
from gistchain.internet.ipfs import NotProven, WrongBlock, blocks, cid_of, resolved
from tests.support.ipfs import CHUNK, Store, car, node, node_cid, raw_cid

MOST = 1 << 20
LONG = bytes(range(256)) * 20


def known(cid: CID) -> ipfs.Cid:
    read = cid_of(str(cid))
    assert read is not None
    return read


def test_a_published_cid_is_that_of_its_content() -> None:
    # The empty folder, of which the documentation of IPFS gives the CID.
    empty = cid_of("QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn")
    assert empty is not None
    assert empty.digest[2:] == hashlib.sha256(b"\x0a\x02\x08\x01").digest()
    assert node([], 1) == b"\x0a\x02\x08\x01"


def test_a_path_is_walked_from_the_cid_to_a_file_of_several_blocks() -> None:
    store = Store()
    files = {"1.json": b'{"name": "one"}', "2.png": LONG, "empty": b""}
    for root in (store.folder(files), store.sharded(files)):
        there = blocks(car(root, store.blocks))
        for name, content in files.items():
            assert resolved(known(root), [name], there, most=MOST) == content


def test_a_node_with_data_of_its_own_comes_before_its_links() -> None:
    store = Store()
    block = node([("", store.raw(b"behind"))], 2, b"before ")
    store.blocks[node_cid(block)] = block
    assert (
        resolved(known(node_cid(block)), [], blocks(car(node_cid(block), store.blocks)), most=MOST) == b"before behind"
    )


@given(st.data())
def test_any_other_byte_in_a_block_is_found(data: st.DataObject) -> None:
    store = Store()
    root = store.folder({"a": b"some content", "b": LONG})
    cid = data.draw(st.sampled_from(sorted(store.blocks, key=str)))
    good = store.blocks[cid]
    at, other = data.draw(st.integers(0, len(good) - 1)), data.draw(st.integers(1, 255))
    wrong = {**store.blocks, cid: good[:at] + bytes([good[at] ^ other]) + good[at + 1 :]}
    with pytest.raises(WrongBlock):
        blocks(car(root, wrong))


@given(st.data())
def test_a_car_that_is_cut_gives_no_content_that_is_not_proven(data: st.DataObject) -> None:
    store = Store()
    root = store.folder({"b": LONG})
    whole = car(root, store.blocks)
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    with contextlib.suppress(NotProven):
        assert resolved(known(root), ["b"], blocks(cut), most=MOST) == LONG


@given(st.binary(max_size=300))
def test_bytes_of_strangers_end_in_an_error_or_in_blocks(raw: bytes) -> None:
    for tried in (raw, car(raw_cid(b"x"), {}) + raw):
        with contextlib.suppress(NotProven):
            blocks(tried)


def test_missing_blocks_are_told_and_surplus_ones_change_nothing() -> None:
    store = Store()
    root = store.folder({"b": LONG})
    more = {**store.blocks, raw_cid(b"surplus"): b"surplus"}
    assert resolved(known(root), ["b"], blocks(car(root, more)), most=MOST) == LONG
    for cid in store.blocks:
        fewer = {key: value for key, value in store.blocks.items() if key != cid}
        with pytest.raises(NotProven, match="missing"):
            resolved(known(root), ["b"], blocks(car(root, fewer)), most=MOST)


def test_a_folder_is_no_file_and_a_file_no_folder() -> None:
    store = Store()
    root = store.folder({"b": LONG})
    there = blocks(car(root, store.blocks))
    with pytest.raises(NotProven, match="folder, not a file"):
        resolved(known(root), [], there, most=MOST)
    with pytest.raises(NotProven, match="no folder"):
        resolved(known(root), ["b", "c"], there, most=MOST)
    with pytest.raises(NotProven, match="there is no 'c'"):
        resolved(known(root), ["c"], there, most=MOST)


def test_what_grows_beyond_the_bound_is_not_read() -> None:
    store = Store()
    leaf = store.raw(bytes(CHUNK))
    cid = leaf
    for _ in range(8):  # each level doubles tenfold: 10^8 blocks of one kilobyte
        block = node([("", cid)] * 10, 2)
        cid = node_cid(block)
        store.blocks[cid] = block
    with pytest.raises(NotProven, match="more than"):
        resolved(known(cid), [], blocks(car(cid, store.blocks)), most=MOST)
    empty = store.raw(b"")
    cid = empty
    for _ in range(8):
        block = node([("", cid)] * 10, 2)
        cid = node_cid(block)
        store.blocks[cid] = block
    with pytest.raises(NotProven, match="blocks"):
        resolved(known(cid), [], blocks(car(cid, store.blocks)), most=MOST)


def test_a_hash_that_proves_nothing_is_refused() -> None:
    crc = bytes([1, 0x55, 0xB2, 0x24, 4]) + bytes(4)  # crc32 in place of a hash
    section = crc + b"anything"
    raw = car(raw_cid(b""), {}) + varint.encode(len(section)) + section
    with pytest.raises(NotProven):
        blocks(raw)


def test_a_hash_of_a_length_that_can_not_be_is_refused() -> None:
    from multiformats import multibase

    for size in (33, 40, 64):
        cid = cid_of(multibase.encode(bytes([1, 0x55, 0x12, size]) + bytes(size), "base32"))
        assert cid is not None
        with pytest.raises(NotProven):
            ipfs.raw_content(cid, b"anything")


def test_a_node_is_parsed_once_however_many_links_lead_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = []
    fields = ipfs._fields
    monkeypatch.setattr(ipfs, "_fields", lambda message: parsed.append(len(message)) or fields(message))
    store = Store()
    leaf = store._node([], 2, bytes(900))
    file = store._node([("", leaf)] * 500, 2)
    there = blocks(car(file, store.blocks))
    assert resolved(known(file), [], there, most=MOST) == bytes(900 * 500)
    assert sum(size > 900 for size in parsed) < 5
    parsed.clear()
    shard = store._node([("00a.json", leaf), *((f"01{n}", leaf) for n in range(100))], 5)
    folder = store._node([("00", shard)] * 500, 5)
    assert resolved(known(folder), ["a.json"], blocks(car(folder, store.blocks)), most=MOST) == bytes(900)
    assert sum(size > 4_000 for size in parsed) == 2


def test_nodes_with_too_many_fields_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ipfs, "_MOST_FIELDS", 100)
    store = Store()
    folder = store.folder({f"{n}.json": bytes([n]) for n in range(60)})
    with pytest.raises(NotProven, match="more than 100 fields"):
        resolved(known(folder), ["1.json"], blocks(car(folder, store.blocks)), most=MOST)
