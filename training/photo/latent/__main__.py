"""Licensed photos and drawings -> the tables and the filter of the latent coder 'photo', stage by stage.

    python -m training.photo.latent record      # bits and what lies near them, from the training pictures
    python -m training.photo.latent contexts    # three small networks: the chance of each bit
    python -m training.photo.latent pictures    # decoded pictures at many sizes
    python -m training.photo.latent filter      # a network that corrects them
    python -m training.photo.latent export      # weights/latent-photo.npz, .onnx, .json

About 10 minutes of one core. Only training_photos(), training_drawings() and DiceBear avatars are looked at.
"""

from __future__ import annotations

import argparse
import hashlib

import torch

from gistchain.models.photo.latent import coder
from training.photo.latent.contexts import contexts, packed_tables, record
from training.photo.latent.filter import FILTER, FilterNet, pictures, train_filter
from training.places import WEIGHTS
from training.quantised import write_onnx


def export(cpu_minutes: float) -> None:
    kept = torch.load(FILTER, weights_only=True)
    net = FilterNet()
    net.load_state_dict(kept["state"])
    raw = packed_tables()
    (WEIGHTS / "latent-photo.npz").write_bytes(raw)
    card = {
        "kind": "latent coder", "version": coder.VERSION,
        "data": ["photos of Debian packages and of scikit-image (training/data/photos.json), training part",
                 "openclipart and Tux Paint stamps (Debian packages), training part",
                 "DiceBear Big Smile and Fun Emoji (CC BY 4.0), seeds train-0 .. train-14"],
        "licence": "Apache-2.0 (weights)", "recipe": "training/photo/latent",
        "cpu_minutes": round(cpu_minutes, 1), "steps": kept["step"],
        "tables": "latent-photo.npz", "tables_sha256": hashlib.sha256(raw).hexdigest(),
    }  # fmt: skip
    axes = {"x": {2: "height", 3: "width"}}
    write_onnx("latent-photo", net, {"x": torch.zeros(1, 4, 64, 64)}, ["change"], axes, card)
    print(f"tables {len(raw) / 1e3:.0f} kB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("stage", choices=["record", "contexts", "pictures", "filter", "export"])
    said = "CPU minutes: for filter, how long it is trained; for export, what all stages took"
    parser.add_argument("--minutes", type=float, default=6, help=said)
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.stage == "filter":
        train_filter(given.minutes)
    elif given.stage == "export":
        export(given.minutes)
    else:
        {"record": record, "contexts": contexts, "pictures": pictures}[given.stage]()
