"""TOML that is nested as deep as can be is an error as any other."""

from __future__ import annotations

from pathlib import Path

import pytest

from gistchain import safetoml
from gistchain.errors import SettingError
from gistchain.settings import load


@pytest.mark.parametrize(
    "text",
    ["a=" + "[" * 100_000, "a=" + "{a=" * 100_000, ".".join("a" * 5_000) + "=1", f"[{'.'.join('a' * 500)}]\nb=[1]"],
)
def test_what_is_nested_too_deeply_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="nested more than 100 deep"):
        safetoml.parsed(text.encode())


def test_brackets_in_texts_and_comments_do_not_count() -> None:
    many = "[" * 500
    text = f"a = \"{many}\\\"{many}\" # {many} '\nb = '{many}'\nc = '''\n{many}\n'''\n"
    text += f'd = """{many}\n\\"{many}"""\n'
    assert set(safetoml.parsed(text.encode())) == set("abcd")


def test_settings_that_are_nested_too_deeply_are_told(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text("a=" + "[" * 100_000)
    with pytest.raises(SettingError, match="nested more than 100 deep"):
        load({"home": tmp_path}, {})
