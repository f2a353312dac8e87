"""How fast a collection is imported from a gateway on this machine, and what it takes in memory.

    python -m benchmarks.imports [--tokens 2000] [--drawn 300] [--folder 100]

fetched: metadata and image of each token from a trustless gateway in another process, as CAR files whose blocks are
hashed, without anything else; --folder tokens have their metadata in one folder. standard form: PNG drawings of 800 x
800, decoded in child processes, made 512 wide and written as PNG. whole: `collection import --list` from the same
gateway to the manifest, with the peak of its memory after a tenth of the tokens and at its end.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import os
import resource
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import dag_cbor
import numpy as np
from multiformats import CID, multihash, varint
from PIL import Image, ImageDraw

from benchmarks import report
from gistchain.collection.imports.run import THREADS, run
from gistchain.collection.imports.sources import Uris
from gistchain.collection.imports.standard import standard_form
from gistchain.internet.allowed import networks
from gistchain.internet.gateways import CAR, RAW_BLOCK, Gateways

_CHILDREN = 2


def drawing(number: int, side: int = 800) -> bytes:
    """A PNG of flat shapes, as profile pictures are."""
    rng = np.random.default_rng(number)
    image = Image.new("RGB", (side, side), tuple(rng.integers(0, 256, 3).tolist()))
    pen = ImageDraw.Draw(image)
    for _ in range(12):
        left, top = rng.integers(0, side * 3 // 4, 2).tolist()
        box = (left, top, left + int(rng.integers(20, side // 2)), top + int(rng.integers(20, side // 2)))
        pen.ellipse(box, fill=tuple(rng.integers(0, 256, 3).tolist()), outline=(0, 0, 0), width=6)
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def _raw(data: bytes) -> CID:
    return CID("base32", 1, "raw", multihash.digest(data, "sha2-256"))


def _folder(entries: dict[str, CID]) -> tuple[CID, bytes]:
    def field(number: int, data: bytes) -> bytes:
        return varint.encode(number << 3 | 2) + varint.encode(len(data)) + data

    links = b"".join(field(2, field(1, bytes(cid)) + field(2, name.encode())) for name, cid in entries.items())
    block = links + field(1, b"\x08\x01")
    return CID("base32", 1, "dag-pb", multihash.digest(block, "sha2-256")), block


def _car(root: CID, blocks: list[tuple[CID, bytes]]) -> bytes:
    head = dag_cbor.encode({"version": 1, "roots": [root]})
    sections = [bytes(cid) + data for cid, data in blocks]
    return b"".join(varint.encode(len(one)) + one for one in (head, *sections))


def _serve(tokens: int, folder: int, pipe: Connection) -> None:
    """A gateway of folders with so many tokens each; it tells its port and the URIs."""
    blocks: dict[str, bytes] = {}  # each CAR is made when it is asked for: of a large folder each has all its links
    paths: dict[str, tuple[CID, CID]] = {}
    uris = []
    pictures = [drawing(n, 200) for n in range(50)]
    for start in range(0, tokens, folder):
        entries = {}
        for n in range(start, min(start + folder, tokens)):
            # Bytes behind the end of a PNG are read by nobody: each token has a file of its own.
            picture = pictures[n % 50] + n.to_bytes(4, "big")
            image = _raw(picture)
            metadata = {
                "name": f"Token #{n}",
                "image": f"ipfs://{image}",
                "attributes": [{"trait_type": "n", "value": n}],
            }
            data = json.dumps(metadata).encode()
            entries[f"{n}.json"] = _raw(data)
            blocks |= {str(image): picture, str(_raw(data)): data}
        root, block = _folder(entries)
        blocks[str(root)] = block
        for name, cid in entries.items():
            paths[f"/ipfs/{root}/{name}"] = root, cid
            uris.append(f"ipfs://{root}/{name}")

    def answer(path: str) -> tuple[bytes, str]:
        if path in paths:
            return _car(paths[path][0], [(cid, blocks[str(cid)]) for cid in paths[path]]), CAR
        return blocks[path.removeprefix("/ipfs/")], RAW_BLOCK

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do_GET(self) -> None:
            body, kind = answer(self.path.partition("?")[0])
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

        def log_message(self, *words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    pipe.send((server.server_port, uris))
    server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tokens", type=int, default=2_000)
    parser.add_argument("--drawn", type=int, default=300)
    parser.add_argument("--folder", type=int, default=100)
    given = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    pipe, theirs = context.Pipe()
    server = context.Process(target=_serve, args=(given.tokens, given.folder, theirs), daemon=True)
    server.start()
    port, uris = pipe.recv()
    try:
        figures = {**_fetched(port, uris), **_formed(given.drawn), **_whole(port, uris)}
    finally:
        server.terminate()
        server.join()
    folders = f"in folders of {given.folder}"
    data = f"{given.tokens} tokens of drawings made by the benchmark, {folders}; {given.drawn} PNG of 800 x 800"
    report.write("imports", figures=figures, data=data)
    print(json.dumps(figures, indent=1))


def _gateways(port: int) -> Gateways:
    return Gateways(ipfs=[f"http://127.0.0.1:{port}"], arweave=(), allow=networks(["127.0.0.1"]), per_s=0)


def _fetched(port: int, uris: list[str]) -> dict[str, Any]:
    with _gateways(port) as gateways, ThreadPoolExecutor(THREADS) as pool:
        began, cpu = time.perf_counter(), time.process_time()

        def one(uri: str) -> bool:
            metadata = gateways.get(uri, most=1 << 20)
            image = gateways.get(json.loads(metadata.content)["image"], most=1 << 20)
            return metadata.proven and image.proven

        proven = sum(pool.map(one, uris))
        seconds = time.perf_counter() - began
    return {
        "fetched_per_s": len(uris) / seconds,
        "fetched_cpu_ms": 1000 * (time.process_time() - cpu) / len(uris),
        "proven": proven,
        "tokens": len(uris),
    }


def _formed(count: int) -> dict[str, Any]:
    files = [drawing(n) for n in range(count)]
    with ThreadPoolExecutor(_CHILDREN + 1) as pool:
        list(pool.map(lambda data: standard_form(data, "warm"), files[:4]))
        began = time.perf_counter()
        sizes = [len(made.png) for made in pool.map(lambda data: standard_form(data, "drawing"), files)]
        seconds = time.perf_counter() - began
    return {"standard_forms_per_s": count / seconds, "standard_form_bytes": sum(sizes) / count, "drawn": count}


def _whole(port: int, uris: list[str]) -> dict[str, Any]:
    peaks: list[tuple[float, int]] = []

    def told(what: str, share: float) -> None:
        peaks.append((share, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))

    with tempfile.TemporaryDirectory() as home, _gateways(port) as gateways:
        folder = Path(home) / "imports" / "tokens"
        done = run(folder, Uris(uris, gateways, name="tokens"), progress=told)
        size = sum(entry.stat().st_size for entry in os.scandir(folder / "images"))
    early = next(peak for share, peak in peaks if share >= 0.1)
    return {
        "imported": done.counts.get("complete", 0),
        "imported_per_s": done.fetched / done.seconds,
        "peak_mib_at_a_tenth": early / 1024,
        "peak_mib_at_the_end": peaks[-1][1] / 1024,
        "image_bytes": size / max(1, done.fetched),
    }


if __name__ == "__main__":
    main()
