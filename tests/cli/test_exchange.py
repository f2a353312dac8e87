"""What was learnt travels: a collection of one's own, and its tokens, on another machine."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from gistchain.image import write_png
from gistchain.models.layered.model import to_pixels
from tests.support.shelves import own

Run = Callable[..., tuple[int, str, str]]


def test_tokens_are_rebuilt_alike_where_the_collection_is_imported(run: Run, tmp_path: Path) -> None:
    maker, friend = tmp_path / "maker", tmp_path / "friend"
    layers = own(maker / "collections")
    labels = np.ones(len(layers.traits.types), np.int64)
    write_png(to_pixels(layers.picture(labels)).repeat(4, 0).repeat(4, 1), tmp_path / "gnome.png")
    caption = layers.traits.caption(labels.tolist())
    code, out, _ = run("register", tmp_path / "gnome.png", "--caption", caption, "--json", "--home", maker)
    assert code == 0
    assert json.loads(out)["latent"] is None, "its own collection gives it back"
    assert run("rebuild", 1, "-o", "maker.png", "--home", maker)[0] == 0
    assert run("collection", "export", "garden", "-o", "garden.collection", "--home", maker)[0] == 0

    shutil.copytree(maker, friend, ignore=shutil.ignore_patterns("collections"))
    code, _, err = run("rebuild", 1, "-o", "friend.png", "--home", friend)
    assert code == 1
    assert "'Garden Gnome'" in err
    assert "collection import" in err
    assert not Path("friend.png").exists()
    code, out, _ = run("collection", "import", "garden.collection", "--json", "--home", friend)
    assert (code, json.loads(out)) == (
        0,
        {"collection": "garden", "subject": "Garden Gnome", "new": True, "replaced": []},
    )
    assert run("rebuild", 1, "-o", "friend.png", "--home", friend)[0] == 0
    assert Path("friend.png").read_bytes() == Path("maker.png").read_bytes()
    assert "your own" in run("collection", "list", "--home", friend)[1]


def test_a_collection_is_exported_by_what_captions_call_its_tokens(run: Run, tmp_path: Path) -> None:
    own(tmp_path / "home" / "collections")
    code, out, _ = run("collection", "export", "Garden Gnome", "--json")
    assert code == 0
    assert json.loads(out)["collection"] == "garden"
    assert Path(json.loads(out)["file"]).read_bytes().startswith(b"GCL1")
    assert [path.name for path in Path().glob("*.collection")] == ["garden.collection"]
    code, _, err = run("collection", "export", "Gnome")
    assert code == 2
    assert "'Gnome' is not among your own; there are garden (Garden Gnome)" in err

    own(tmp_path / "home" / "collections", name="yard")
    code, _, err = run("collection", "export", "garden gnome", "-o", "either")
    assert code == 2
    assert "garden or yard" in err
    assert run("collection", "export", "yard", "-o", "either")[0] == 0
