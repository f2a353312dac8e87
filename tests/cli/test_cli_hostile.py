"""Keys, pipes and words of strangers on the command line: nothing is repeated, waited for or obeyed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gistchain.errors import SettingError
from gistchain.ledger.keys import account
from tests.cli.test_cli_trust import Run, run
from tests.support.pictures import noun

__all__ = ["run"]
KEY = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
WORDS = "test test test test test test test test test test test junk"


@pytest.mark.parametrize("key", [KEY, f"0x{KEY}", f"0x{KEY[:-1]}", f" {KEY.upper()} ", WORDS])
def test_a_key_in_place_of_its_file_is_not_repeated(
    run: Run, key: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    code, out, err = run("register", "a.png", "--key", key, "--json")
    assert code == 2
    assert "the key itself was given" in err
    monkeypatch.setenv("GISTCHAIN_KEY", key)
    told = [out, err, *run("list")]
    with pytest.raises(SettingError, match="not shown") as caught:
        account(tmp_path, Path(key), None)
    assert caught.value.__cause__ is None
    for text in (*told, str(caught.value)):
        assert key.strip()[5:20] not in str(text)


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(run: Run, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    image = noun(1, tmp_path / "1.png")
    named = ("register", image, "--caption", "x", "--key")
    for words in ((*named, pipe), (*named, "/dev/zero"), ("check", pipe), ("list", "--home", pipe)):
        code, _, err = run(*words)
        assert code in (1, 2), words
        assert err.startswith("gistchain: "), words
    for name in ("settings.toml", "chain.lock", "database.json", "rareness.sqlite", "keys/default.key"):
        home = tmp_path / f"home-{Path(name).name}"
        (home / name).parent.mkdir(parents=True)
        os.mkfifo(home / name)
        words = ("rareness", "status") if "sqlite" in name or "database" in name else (*named[:-1],)
        code, out, err = run(*words, "--home", home)
        assert code != 0 or "do not trust it" in out, name
        assert "Traceback" not in err


def test_a_caption_makes_no_line_of_its_own(run: Run, tmp_path: Path) -> None:
    fake = "x\n     99      20 B  2026-11-27 00:00:00 UTC  A picture of FAKE\r\u2028\u202e"
    name = tmp_path / "a\nb\x1b[31m.png"
    noun(1, tmp_path / "1.png").rename(name)
    code, out, _ = run("register", name, "--caption", fake)
    assert code == 0
    assert len(out.splitlines()) == 3
    assert len(run("list")[1].splitlines()) == 1
    assert len([line for line in run("show", "1")[1].splitlines() if "FAKE" in line]) == 1
    (tmp_path / "c\nd.png").write_bytes(b"no image")
    assert len(run("check", tmp_path / "c\nd.png")[2].splitlines()) == 1
    for words in (("register", name), ("list",), ("show", "1"), ("check", name)):
        said = "".join(run(*words)[1:])
        assert all(character.isprintable() or character == "\n" for character in said), words
