"""Models fetched by their id, from a hub that is a small web server on this machine."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote, urlsplit

import pytest
import torch
from safetensors.torch import load_file

from gistchain.models.diffusers.lora_training import LoraTraining

COMMIT = "0" * 40
SETUP = """
import numpy as np
from gistchain.errors import ModelError
from gistchain.models.diffusers import SdVae, TextToImage
from gistchain.models.transformers import Blip, SentenceEmbedder
from gistchain.types import Gist
image = np.zeros((32, 32, 3), np.uint8)
"""


class Hub(BaseHTTPRequestHandler):
    """As much of a hub as its client asks for: a repository's list of files, and the files. `folders`: by name."""

    protocol_version = "HTTP/1.1"

    def __init__(self, *args: object, folders: dict[str, Path], asked: list[str]) -> None:
        self.folders, self.asked = folders, asked
        super().__init__(*args)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        path = unquote(urlsplit(self.path).path)
        self.asked.append(path)
        parts = path.strip("/").split("/")
        if parts[0] == "api" and parts[3] not in self.folders:
            self._send(404, b"", body, ("X-Error-Code", "RepoNotFound"))
        elif parts[:2] == ["api", "models"] and parts[4:5] != ["tree"]:
            told = {"id": f"org/{parts[3]}", "sha": COMMIT, "private": False, "downloads": 0, "likes": 0, "tags": [],
                    "siblings": [{"rfilename": name} for name, _ in self._files(parts[3])]}  # fmt: skip
            self._send(200, json.dumps(told).encode(), body)
        elif parts[:2] == ["api", "models"] and len(parts) == 6:
            told = [{"type": "file", "path": name, "size": size, "oid": COMMIT} for name, size in self._files(parts[3])]
            self._send(200, json.dumps(told).encode(), body)
        elif parts[2:3] == ["resolve"] and (file := self.folders[parts[1]].joinpath(*parts[4:])).is_file():
            self._send(200, file.read_bytes(), body)
        else:
            self._send(404, b"", body, ("X-Error-Code", "EntryNotFound"))

    def _files(self, name: str) -> list[tuple[str, int]]:
        folder = self.folders[name]
        return sorted((str(p.relative_to(folder)), p.stat().st_size) for p in folder.rglob("*") if p.is_file())

    def _send(self, status: int, data: bytes, body: bool, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        etag = hashlib.sha256(data).hexdigest()
        for name, value in (
            ("Content-Length", str(len(data))),
            ("ETag", f'"{etag}"'),
            ("X-Repo-Commit", COMMIT),
            *headers,
        ):
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub(folder: Callable[[str], Path], tmp_path: Path) -> Iterator[tuple[str, list[str]]]:
    """(address, the paths that were asked for)."""
    folders = {name: folder(name) for name in ("blip", "minilm", "vae", "stable-diffusion")}
    pickled = shutil.copytree(folder("minilm"), tmp_path / "pickled")
    torch.save(load_file(pickled / "model.safetensors"), pickled / "pytorch_model.bin")
    (pickled / "model.safetensors").unlink()
    asked: list[str] = []
    handler = partial(Hub, folders={**folders, "pickled": pickled}, asked=asked)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


def test_models_are_fetched_by_their_id_when_that_is_allowed_and_kept(
    hub: tuple[str, list[str]], tmp_path: Path
) -> None:
    address, asked = hub
    fetch = """
Blip("org/blip", max_tokens=2, allow_download=True).caption(image)
SentenceEmbedder("org/minilm", allow_download=True).embed(["a dog"])
SdVae("org/vae", allow_download=True)
SdVae("org/stable-diffusion", allow_download=True)
TextToImage("org/stable-diffusion", steps=1, allow_download=True).paint(Gist(("a dog",), (32, 32)), [1])
"""
    assert _run(fetch, address, tmp_path) == ""
    assert any(path.endswith("unet/diffusion_pytorch_model.safetensors") for path in asked)
    asked.clear()
    _run(fetch.replace(", allow_download=True", ""), address, tmp_path)
    assert asked == []


def test_a_lora_is_trained_of_an_id_too_and_its_base_is_known_by_its_files(
    hub: tuple[str, list[str]], folder: Callable[[str], Path], tmp_path: Path
) -> None:
    address, asked = hub
    train = """
from gistchain.models.diffusers.lora_training import Example, LoraTraining
training = LoraTraining("org/stable-diffusion", rank=2, allow_download=True)
training.learn([Example("a dog", lambda: image)], steps=1)
print(training.base_sha256)
"""
    here = LoraTraining(str(folder("stable-diffusion")), rank=2).base_sha256
    assert _run(train, address, tmp_path).strip() == here
    asked.clear()
    assert _run(train.replace(", allow_download=True", ""), address, tmp_path).strip() == here
    assert asked == []


def test_what_is_not_to_be_had_from_the_hub_is_told(hub: tuple[str, list[str]], tmp_path: Path) -> None:
    refused = """
for make in (
    lambda: Blip("org/minilm", allow_download=True),
    lambda: SentenceEmbedder("org/pickled", allow_download=True),
    lambda: SentenceEmbedder("org/nothing", allow_download=True),
):
    try:
        make()
    except ModelError as error:
        print(error)
SentenceEmbedder("org/pickled", allow_download=True, allow_pickle=True)
"""
    kind, pickled, nothing = _run(refused, hub[0], tmp_path).splitlines()
    assert "wants a checkpoint of blip; org/minilm is bert" in kind
    assert "has no safetensors on the hub" in pickled
    assert "can't be loaded from org/nothing" in nothing


def _run(code: str, address: str, home: Path) -> str:
    place = {"HF_ENDPOINT": address, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    done = subprocess.run(
        [sys.executable, "-c", SETUP + code], env={**os.environ, **place}, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return done.stdout
