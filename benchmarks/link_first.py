"""What a receiver gains that expects a caption in the first block of a frame, and what it believes wrongly.

    python -m benchmarks.link_first        # writes results/link_first.json; about 10 CPU-minutes

pools: first blocks of frames, each with a right start word and noise on its own uses, read by two receivers over the
same noise: one that is told nothing, one that expects what gistchain/gist/expected.py says. snr_db: where the first
loses 10% and 1%, by interpolation over 200 blocks a point; lost: the share of N that is not read or read wrongly,
with Wilson's 95% interval; wrong: how many were read as something that was not sent.

rubbish: how many of N frames are called whole that hold nothing but noise: in all of the frame, or behind a right
start word, which noise alone hardly ever makes.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks import report
from benchmarks.link_captions import captions
from benchmarks.link_text import upper_95
from gistchain.gist.expected import first_ratios
from gistchain.gist.packet import is_whole, layer_borders, pack, unpack
from gistchain.link.blockcode import LIST_SIZES, BlockCode
from gistchain.link.firstblock import filled
from gistchain.link.frame import Block, Frame, Receiver, entries, framed, start_uses
from gistchain.link.layouts import Expected, layouts, nothing_expected
from gistchain.link.modem import BITS, modulation
from gistchain.link.predict import error_rate
from gistchain.types import Bits, Gist, Latent

Figures = dict[str, Any]
READERS = {"nothing": nothing_expected, "caption": first_ratios}
SIZES = 7, 20, 40
"""Bytes of packets of one caption."""
FRAMES, TRIED, NOISE = 2_000, 200, 20_000
EACH = 16
"""Uses for each byte."""
SHARES = 0.1, 0.01
USUAL, WRITTEN_OUT, FURTHER_BYTES = (512, 512), (1000, 700), 150


@dataclass(frozen=True)
class Pool:
    """Packets of one length, in frames with so many uses for their first block."""

    firsts: Sequence[bytes]
    frames: Sequence[Frame]
    words: Sequence[Bits]
    """Bits of the first blocks, with the list of what follows."""

    @property
    def listed(self) -> bool:
        return len(self.frames[0].parts) > 1

    @property
    def uses(self) -> int:
        return self.frames[0].parts[0].code.uses

    @property
    def bits(self) -> int:
        return self.frames[0].parts[0].code.bits


def main() -> None:
    parts: dict[str, Callable[[], Figures]] = {
        "rubbish": rubbish,
        "pools": lambda: {name: measured(pool) for name, pool in pools()},
    }
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", nargs="*", choices=parts, default=list(parts))
    path = report.RESULTS / "link_first.json"
    for part in parser.parse_args().only:
        found = parts[part]()
        figures = (json.loads(path.read_text("utf-8"))["figures"] if path.exists() else {}) | {part: found}
        data = "benchmarks/link_captions.tsv, long captions made of several"
        report.write("link_first", command="python -m benchmarks.link_first", figures=figures, data=data)


def pools() -> Iterator[tuple[str, Pool]]:
    for size in SIZES:
        firsts = _packets(size, USUAL)
        yield f"{size} bytes alone", _alone(firsts)
    yield "14 bytes alone, sides written out", _alone(_packets(14, WRITTEN_OUT))
    yield "14 bytes alone, plain text", _alone([pack(Gist((text,), USUAL)) for text in _plain(10)])
    yield "9 bytes before a latent", _before_another(_packets(8, USUAL))


def _texts() -> Iterator[str]:
    """Captions, then what several of them say in one."""
    every = [text for _, text in captions()]
    for count in (1, 2, 3, 4, 5, 6):
        for start in range(0, len(every) - count + 1):
            yield ", and ".join(every[(start + 37 * k) % len(every)] for k in range(count))


def _packets(size: int, sides: tuple[int, int]) -> list[bytes]:
    """Up to a hundred packets of so many bytes that hold one caption each."""
    found: list[bytes] = []
    for text in _texts():
        packet = pack(Gist((text,), sides))
        if len(packet) == size and packet not in found:
            found.append(packet)
        if len(found) == 100:
            break
    return found


def _plain(count: int) -> list[str]:
    """Texts that the dictionary does not write in fewer bytes than they have."""
    rng = np.random.default_rng(0)
    return ["".join(rng.choice(list("0123456789#@QXZ"), count)) for _ in range(50)]


def _alone(firsts: Sequence[bytes]) -> Pool:
    uses = EACH * len(firsts[0])
    room = next(room for room in range(uses + 24, 2 * uses + 200) if room - start_uses(room) == uses)
    return _pool([[Block(first)] for first in firsts], room)


def _before_another(captioned: Sequence[bytes]) -> Pool:
    """The same captions with a latent behind them, in half of the uses that the start word leaves."""
    latent, firsts = Latent("photo", bytes(range(FURTHER_BYTES))), []
    packets = []
    for packet in captioned:
        gist = unpack(packet)
        packets.append(pack(Gist(gist.captions, gist.size, latent)))
        firsts.append(packets[-1][: layer_borders(packets[-1])[0]])
    room = 2 * EACH * (len(firsts[0]) + 4) + 96
    layers = [(first, packet[len(first) :]) for first, packet in zip(firsts, packets, strict=True)]
    return _pool([[Block(first, share=4), Block(further, 2)] for first, further in layers], room)


def _pool(every: Sequence[Sequence[Block]], room: int) -> Pool:
    words = [np.unpackbits(np.frombuffer(filled(blocks[0].data, entries(blocks[1:])), np.uint8)) for blocks in every]
    return Pool([blocks[0].data for blocks in every], [framed(blocks, room) for blocks in every], words)


def measured(pool: Pool) -> Figures:
    around = _predicted_db(pool)
    grid = [around + step / 2 for step in range(-4, 3)]
    lost = [1 - _read(pool, snr_db, TRIED, "nothing", seed=1).count("right") / TRIED for snr_db in grid]
    found: Figures = {"bits": pool.bits, "uses": pool.uses, "packets": len(pool.firsts), "frames": FRAMES, "at": {}}
    for share in SHARES:
        snr_db = round(float(_crossed(grid, lost, share)), 2)
        found["at"][f"{share:.0%}"] = row = {"snr_db": snr_db}
        for reader in READERS:
            read = _read(pool, snr_db, FRAMES, reader, seed=2)
            missed = FRAMES - read.count("right")
            row[reader] = {"lost": with_wilson(missed, FRAMES), "wrong": read.count("wrong")}
    print(found, flush=True)
    return found


def _predicted_db(pool: Pool) -> float:
    grid = np.arange(-15, 30, 0.1)
    return next(float(snr) for snr in grid if error_rate(pool.bits, pool.uses, "awgn", float(snr)) < SHARES[1])


def _crossed(grid: Sequence[float], lost: Sequence[float], share: float) -> float:
    """Where so many are lost: along the logarithm, from the first point below it."""
    logs = np.log(np.maximum(lost, 0.3 / TRIED))
    k = next(k for k in range(1, len(grid)) if logs[k] <= math.log(share) < logs[k - 1])
    return grid[k - 1] + (grid[k] - grid[k - 1]) * (logs[k - 1] - math.log(share)) / (logs[k - 1] - logs[k])


def _read(pool: Pool, snr_db: float, count: int, reader: str, *, seed: int) -> list[str]:
    """'right', 'wrong' or 'lost' of each first block. Only its own uses have noise, those of `snr_db`.

    What the shortest list makes of the first layout is worked out for all blocks at once: where it is what was sent, so
    it is in the receiver, which looks at it before all else. The receiver reads the others.
    """
    code, span = pool.frames[0].parts[0].code, pool.frames[0].parts[0].span
    noise = np.full(pool.frames[0].symbols.size, 1e-3)
    noise[span] = 10 ** (-snr_db / 10)
    indices = [number % len(pool.frames) for number in range(count)]
    came = [_came(pool.frames[index].symbols, noise, (seed, number)) for number, index in enumerate(indices)]
    llrs = modulation(code.modulation).llrs(
        np.concatenate([row[span] for row in came]), np.tile(noise[span], count).astype(np.float32)
    )
    known = [*layouts(code.bits, pool.listed, READERS[reader]), None][0]
    nearest = code._polar.decode(llrs.reshape(count, -1), LIST_SIZES[0], priors=known)[0][:, 0]
    found = []
    for number, index in enumerate(indices):
        if np.array_equal(nearest[number], pool.words[index]):
            found.append("right")
            continue
        first = _first(came[number], noise, reader)
        found.append("lost" if first is None else "right" if first == pool.firsts[index] else "wrong")
    return found


def _came(symbols: Any, noise: Any, seed: tuple[int, ...]) -> Any:
    rng = np.random.default_rng(seed)
    return (symbols + np.sqrt(noise / 2) * (rng.normal(size=noise.size) + 1j * rng.normal(size=noise.size))).astype(
        np.complex64
    )


def _first(came: Any, noise: Any, reader: str) -> bytes | None:
    receiver = Receiver(came.size, is_whole, lambda first, layer: is_whole(first + layer), READERS[reader])
    receiver.add([slice(0, noise.size)], came, noise.astype(np.float32))
    receiver.read()
    return receiver.blocks[0][1] if receiver.blocks else None


def rubbish() -> Figures:
    frame = _alone(_packets(8, USUAL)[:1]).frames[0]
    silent, noise = np.zeros(frame.symbols.size, np.complex64), np.ones(frame.symbols.size)
    every = {
        name: sum(_first(_came(silent, noise, (3, k)), noise, name) is not None for k in range(NOISE))
        for name in READERS
    }
    behind = {name: _believed(frame.parts[0].code, READERS[name]) for name in READERS}
    found: Figures = {}
    for name, whole in (("all noise", every), ("right start word, of 8 bytes", behind)):
        found[name] = {"frames": NOISE} | {
            reader: {"whole": count, "upper_95": upper_95(count, NOISE)} for reader, count in whole.items()
        }
    print(found, flush=True)
    return found


def _believed(code: BlockCode, expected: Expected) -> int:
    """Blocks of noise of which any candidate is called whole: all that the receiver would look at."""
    llrs = np.random.default_rng(4).normal(size=(NOISE, code.uses * BITS[code.modulation])) * 2
    believed = np.zeros(NOISE, bool)
    for known in (*layouts(code.bits, False, expected), None):
        for size in LIST_SIZES:
            words = np.packbits(code._polar.decode(llrs, size, priors=known)[0], axis=2)
            believed |= [any(is_whole(word.tobytes()) for word in block) for block in words]
    return int(believed.sum())


def with_wilson(count: int, n: int) -> list[float]:
    """[share, and the ends of its 95% interval]."""
    z, share = 1.959964, count / n
    middle, half = share + z * z / (2 * n), z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low, high = ((middle + sign * half) / (1 + z * z / n) for sign in (-1, 1))
    return [round(float(v), 6) for v in (share, max(0.0, low), high)]


if __name__ == "__main__":
    main()
