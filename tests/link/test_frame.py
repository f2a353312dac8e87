"""Frames: blocks come back as they were sent or are named as lost, and nothing else is believed."""

from __future__ import annotations

import binascii

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gistchain.errors import LinkError
from gistchain.link.channel import Awgn, RayleighBlock, RayleighFast
from gistchain.link.firstblock import filled
from gistchain.link.frame import (
    Arrived,
    Block,
    Receiver,
    entries,
    first_bytes,
    framed,
    most_first_bytes,
    sent,
    start_uses,
    uses_of,
)
from gistchain.link.layouts import Expected, nothing_expected
from gistchain.link.modem import modulation
from gistchain.types import Link

CLEAR = Awgn(30.0)
DEAD = Awgn(0.0, gain=0)


def checked(length: int, seed: int) -> bytes:
    """Random bytes that end with their check."""
    data = np.random.default_rng(seed).bytes(length - 2)
    return data + binascii.crc_hqx(data, 0xFFFF).to_bytes(2)


def is_whole(data: bytes) -> bool:
    return len(data) > 2 and binascii.crc_hqx(data[:-2], 0xFFFF).to_bytes(2) == data[-2:]


def over(link: Link, blocks: list[Block], room: int, seed: int = 0, rounds: int = 0) -> Arrived:
    return sent(
        link, blocks, room=room, first_whole=is_whole, whole=lambda _, data: is_whole(data), seed=(seed,), rounds=rounds
    )


@settings(deadline=None, max_examples=30)
@given(st.data())
def test_what_is_sent_over_a_clear_channel_arrives_and_fills_the_room(data: st.DataObject) -> None:
    room = data.draw(st.integers(1200, 3000))
    lengths = data.draw(st.lists(st.integers(3, 60), min_size=1, max_size=4))
    blocks = []
    for index, length in enumerate(lengths):
        last = index == len(lengths) - 1
        share = 0 if last else data.draw(st.integers(2, 3))
        blocks.append(Block(checked(length, index), data.draw(st.integers(0, 6)) if index else 0, share))
    assert framed(blocks, room).symbols.size == room
    came = over(CLEAR, blocks, room)
    assert [kind for kind, _ in came.blocks] == [block.kind for block in blocks]
    assert [found for _, found in came.blocks] == [block.data for block in blocks]
    assert came.uses == room
    assert came.rounds == 0


@pytest.mark.parametrize("length", [3, 200, 512, 513, 515, 700, 3000])
def test_a_first_block_may_be_long(length: int) -> None:
    block = Block(checked(length, 1))
    assert first_bytes(length, []) <= length * 1.01 + 3
    assert over(CLEAR, [block], 12 * length + 200).blocks == ((0, block.data),)


def test_the_start_word_takes_its_uses_from_the_room() -> None:
    assert [start_uses(room) for room in (48, 128, 384, 1024, 1 << 16)] == [24, 32, 96, 96, 4096]
    assert [uses_of(share, 1000, first=True) for share in (0, 4, 8)] == [1000, 500, 250]
    assert [uses_of(share, 1000, first=False) for share in (0, 2, 4)] == [1000, 500, 250]


def test_a_caption_arrives_at_minus_5_db_in_384_uses() -> None:
    """In 99% of frames, on 400: 3 standard deviations below are 390."""
    block = Block(checked(9, 3))
    arrived = sum(over(Awgn(-5.0), [block], 384, seed).blocks == ((0, block.data),) for seed in range(400))
    assert arrived >= 390


def test_a_lost_block_is_told_and_the_others_are_used() -> None:
    """The last block is far beyond the capacity of its uses."""
    blocks = [Block(checked(8, 1), 0, 12), Block(checked(30, 2), 2, 3), Block(checked(220, 3), 5)]
    came = over(Awgn(3.0), blocks, 900)
    assert came.blocks == ((0, blocks[0].data), (2, blocks[1].data), (5, None))


def test_where_the_first_block_is_lost_nothing_is_told() -> None:
    assert over(DEAD, [Block(checked(8, 1), 0, 1), Block(checked(30, 2), 2)], 900).blocks == ()


def test_rubbish_is_not_believed() -> None:
    """At -14 dB hardly a frame arrives: what is read otherwise is read wrong."""
    block = Block(checked(20, 5))
    wrong = [came.blocks[0][1] != block.data for s in range(150) if (came := over(Awgn(-14.0), [block], 300, s)).blocks]
    assert sum(wrong) <= 1


@settings(deadline=None, max_examples=25)
@given(st.one_of(st.integers(48, 700), st.sampled_from([4096, 16_384])), st.integers(0, 9999))
def test_noise_alone_never_breaks_the_receiver(room: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    receiver = Receiver(room, is_whole, lambda _, data: is_whole(data))
    noise = (rng.normal(size=room) + 1j * rng.normal(size=room)).astype(np.complex64)
    receiver.add([slice(0, room)], noise, np.full(room, 0.1, np.float32))
    receiver.read()


def test_a_damaged_list_of_further_blocks_is_not_believed() -> None:
    """A bit of the list is turned and coded anew, so that only the list's own check can tell."""
    blocks = [Block(checked(8, 1), 0, 12), Block(checked(30, 2), 2)]
    for byte in range(3):
        for bit in range(8):
            frame = framed(blocks, 900)
            first = frame.parts[0]
            sound = np.unpackbits(np.frombuffer(filled(blocks[0].data, entries(blocks[1:])), np.uint8))
            sound[8 * byte + bit] ^= 1
            symbols = frame.symbols.copy()
            symbols[first.span] = modulation(first.code.modulation).map(first.code.encode(sound))
            receiver = Receiver(900, is_whole, lambda _, data: is_whole(data))
            receiver.add([slice(0, 900)], symbols, np.full(900, 0.01, np.float32))
            assert receiver.read() == [0]


@settings(deadline=None, max_examples=200)
@given(st.integers(0, 18_500))
def test_the_most_that_a_first_block_holds_is_exact(size: int) -> None:
    most = most_first_bytes(size)
    assert most == 0 or first_bytes(most, []) <= size
    if size <= 17_000:
        assert first_bytes(most + 1, []) > size


@pytest.mark.parametrize("link", [Awgn(-6.5), RayleighBlock(3.0), RayleighFast(-4.0)])
def test_what_is_sent_again_is_added_and_counted(link: Link) -> None:
    blocks = [Block(checked(9, 1), 0, 4), Block(checked(24, 2), 2)]
    once = [over(link, blocks, 400, seed) for seed in range(30)]
    again = [over(link, blocks, 400, seed, rounds=4) for seed in range(30)]

    def arrived(came: Arrived) -> int:
        return sum(data is not None for _, data in came.blocks)

    assert sum(map(arrived, again)) > sum(map(arrived, once))
    for first, later in zip(once, again, strict=True):
        assert arrived(later) >= arrived(first)
        assert later.uses > first.uses if later.rounds else later.uses == first.uses
    assert all(came.rounds <= 4 for came in again)


def test_only_lost_blocks_are_sent_again() -> None:
    blocks = [Block(checked(8, 1), 0, 12), Block(checked(200, 2), 2)]
    came = over(Awgn(4.0), blocks, 800, rounds=4)
    frame = framed(blocks, 800)
    assert came.blocks == ((0, blocks[0].data), (2, blocks[1].data))
    assert came.rounds >= 1
    assert came.uses == 800 + came.rounds * frame.parts[1].code.uses


@pytest.mark.parametrize(
    ("blocks", "room", "words"),
    [
        ([], 500, "1 to 8 blocks"),
        ([Block(b"")], 500, "without bytes"),
        ([Block(b"abc")], 47, "too small"),
        ([Block(b"a" * 400)], 128, "don't fit"),
        ([Block(b"abc", 0, 1)], 500, "share 1"),
        ([Block(b"abc"), Block(b"abc", 2)], 500, "share 0"),
        ([Block(b"abc", 0, 1), Block(b"abc", 8)], 500, "kind is 0 to 6"),
        ([Block(b"abc", 0, 1), Block(b"abc", 1), Block(b"abc", 2)], 500, "block 2 of 3"),
        ([Block(b"a" * 40_000)], 1 << 17, "at most"),
    ],
)
def test_what_can_not_be_framed_is_refused(blocks: list[Block], room: int, words: str) -> None:
    with pytest.raises(LinkError, match=words):
        framed(blocks, room)


def test_there_are_at_most_four_rounds() -> None:
    with pytest.raises(LinkError, match="at most 4 rounds"):
        over(CLEAR, [Block(b"abc")], 500, rounds=5)


def head_of_zeros(count: int, alone: bool) -> list[np.ndarray]:
    """Says that the first three bytes are 0."""
    return [np.where(np.arange(count) < 24, 7.0, 0.0)]


def arrived(data: bytes, further: list[Block], room: int, expected: Expected) -> int:
    """Of 60 frames at an SNR where many first blocks are lost, those of which it arrives."""
    blocks = [Block(data, share=6 if further else 0), *further]
    count = 0
    for seed in range(60):
        came = sent(
            Awgn(-5.0), blocks, room=room, first_whole=lambda own: own == data, whole=lambda _, read: is_whole(read),
            seed=(seed,), expected=expected,
        )  # fmt: skip
        count += bool(came.blocks)
    return count


@pytest.mark.parametrize("further", [[], [Block(checked(150, 2), 2)]])
def test_a_first_block_that_looks_as_expected_arrives_where_it_would_be_lost(further: list[Block]) -> None:
    data, room = b"\0\0\0" + checked(7, 1), 800 if further else 256
    assert arrived(data, further, room, head_of_zeros) > arrived(data, further, room, nothing_expected) + 5


def test_a_first_block_that_does_not_look_as_expected_arrives_as_often() -> None:
    data = b"\xff\xff\xff" + checked(7, 1)
    assert arrived(data, [], 256, head_of_zeros) >= arrived(data, [], 256, nothing_expected) > 5
