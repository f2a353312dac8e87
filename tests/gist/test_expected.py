"""What is known of a caption's packet before it arrives: right of those that are sent, and a help to the decoder."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.link_captions import captions
from gistchain.gist.expected import first_ratios
from gistchain.gist.packet import checks_hold, is_whole, layer_borders, pack, unpack
from gistchain.link.blockcode import BlockCode
from gistchain.link.channel import Awgn
from gistchain.types import Gist, Latent, Segment

PACKETS = [pack(Gist((text,), (512, 512))) for _, text in captions()[::5]]


def bits_of(packet: bytes) -> np.ndarray:
    return np.unpackbits(np.frombuffer(packet, np.uint8))


def holds(known: np.ndarray, packet: bytes) -> int:
    """How many bits are expected; all of them are in the packet."""
    said = known != 0
    assert np.array_equal(bits_of(packet)[said], known[said] < 0)
    return int(said.sum())


def test_bits_that_are_expected_are_those_of_captions() -> None:
    for packet in PACKETS:
        assert holds(first_ratios(8 * len(packet), True)[0], packet) == 10
        written_out = pack(replace(unpack(packet), size=(1000, 700)))
        assert holds(first_ratios(8 * len(written_out), True)[1], written_out) == 20


def test_before_other_layers_the_length_of_the_caption_is_expected_too() -> None:
    for packet in PACKETS:
        layered = pack(replace(unpack(packet), latent=Latent("thumb8", bytes(192))))
        first = layered[: layer_borders(layered)[0]]
        assert holds(first_ratios(8 * len(first), False)[0], first) == 18


@pytest.mark.parametrize("count", [1, 8, 15, 16, 80])
def test_there_is_a_ratio_for_each_bit(count: int) -> None:
    for known in (*first_ratios(count, True), *first_ratios(count, False)):
        assert known.shape == (count,)
        assert np.isfinite(known).all()


def test_a_whole_packet_reads_and_a_damaged_one_does_not() -> None:
    layered = pack(Gist(("a red bicycle",), (512, 512), Latent("thumb8", bytes(192))))
    for packet in (PACKETS[0], layered):
        assert is_whole(packet)
        assert not is_whole(packet[:-1] + bytes([packet[-1] ^ 1]))
    assert not is_whole(b"")


def test_few_packets_of_rubbish_with_a_right_check_read() -> None:
    import binascii

    rng, read, whole = np.random.default_rng(0), 0, 0
    head = PACKETS[0][:2]
    for _ in range(300):
        body = head + rng.bytes(10)
        packet = body + binascii.crc_hqx(body, 0xFFFF).to_bytes(2)
        whole += checks_hold(packet)
        read += is_whole(packet)
    assert whole == 300
    assert read < 30


def test_a_decoder_that_knows_what_to_expect_reads_at_a_lower_snr() -> None:
    """8 to 10 bytes in 128 uses, 1 dB below what the check alone needs for 99%."""
    lost = {"check": 0, "expected": 0}
    for seed, packet in enumerate(packet for packet in PACKETS if len(packet) == 8):
        bits = bits_of(packet)
        code = BlockCode(bits.size, 128)
        llrs = Awgn(-3.2).carry_bits([Segment(code.encode(bits), code.modulation)], seed=seed).llrs[0]
        alone = code.decode(llrs, lambda word: checks_hold(np.packbits(word).tobytes()))
        helped = code.decode(
            llrs,
            lambda word: is_whole(np.packbits(word).tobytes()),
            known=first_ratios(bits.size, True)[0],
            list_sizes=(1, 8, 32, 128),
        )
        lost["check"] += not np.array_equal(alone, bits)
        lost["expected"] += not np.array_equal(helped, bits)
    assert lost["expected"] < lost["check"] / 2


def test_a_packet_that_is_not_as_expected_arrives_on_a_good_channel() -> None:
    for gist in (Gist(("Zoë 77-B!",), (511, 513)), Gist(("a dog",), (24, 24), Latent("thumb8", bytes(192)))):
        bits = bits_of(pack(gist))
        code = BlockCode(bits.size, 4 * bits.size)
        llrs = Awgn(8).carry_bits([Segment(code.encode(bits), code.modulation)], seed=1).llrs[0]
        found = code.decode(
            llrs, lambda word: is_whole(np.packbits(word).tobytes()), known=first_ratios(bits.size, True)[0]
        )
        assert np.array_equal(found, bits)
