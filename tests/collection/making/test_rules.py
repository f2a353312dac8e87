"""Rules that can't be used are refused with a message that names them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gistchain.collection.making import fields, reading
from gistchain.collection.making.rules import NONE, Rules
from gistchain.errors import CollectionError
from tests.collection.making.drawings import SIDE, layers, rules

BOX = (0, 0, SIDE, 2)


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    layers(
        tmp_path / "layers", {"10-Hat": {"Crown#5": BOX, "Cap": BOX, "None#30": None}, "2-Body": {"A": BOX, "B": BOX}}
    )
    return tmp_path


def read(folder: Path, more: str = "", **changed: object) -> Rules:
    return reading.read(rules(folder, 4, more, **changed), folder / "shelf")  # type: ignore[arg-type]


def test_hashlips_folders_are_read_as_they_are(tmp_path: Path) -> None:
    layers(
        tmp_path / "layers", {"Bottom lid": {"High#20": BOX, "Low#0.5": BOX, "A#1 #7": BOX}, "Eye color": {"Cyan": BOX}}
    )
    nested = tmp_path / "layers" / "Eye color" / "rare"
    nested.mkdir()
    (tmp_path / "layers" / "Eye color" / "Cyan.png").rename(nested / "Süß#3.png")
    (tmp_path / "layers" / "Eye color" / ".DS_Store").write_text("")
    (tmp_path / "layers" / "Eye color" / "notes.txt").write_text("")
    path = rules(tmp_path, 2)
    path.write_text(path.read_text("utf-8") + 'order = ["Eye color", "Bottom lid"]\n', "utf-8")
    read_rules = reading.read(path, tmp_path)
    assert [t.name for t in read_rules.types] == ["Eye color", "Bottom lid"]
    assert {v.name: v.weight for t in read_rules.types for v in t.values} == {"Süß": 3, "High": 20, "Low": 0.5, "A": 7}
    assert any("notes.txt" in note for note in read_rules.notes)


def test_without_an_order_numbers_decide_and_none_is_the_lack_of_a_trait(drawn: Path) -> None:
    body, hat = read(drawn).types
    assert (body.name, hat.name) == ("Body", "Hat")
    assert {v.name: v.weight for v in hat.values} == {"Crown": 5, "Cap": 1, NONE: 30}


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ('[[trait]]\ntype = "Hat"\nvalues = { Crown = 0 }', "'Hat', value 'Crown': 0 is no weight.*{ count = 0 }"),
        ('[[trait]]\ntype = "Hat"\nvalues = { Crown = -1 }', "'Crown': -1 is no weight"),
        ('[[trait]]\ntype = "Hat"\nvalues = { Crown = nan }', "'Crown': nan is no weight"),
        ('[[trait]]\ntype = "Hat"\nvalues = { Crown = inf }', "'Crown': inf is no weight"),
        ('[[trait]]\ntype = "Hat"\nvalues = { Crown = "120%" }', "'120%' is no share of the tokens.*up to 100"),
        ('[[trait]]\ntype = "Hat"\nnone = "155%"', "'Hat', none: '155%' is no share of the tokens"),
        ('[[trait]]\ntype = "Hat"\nvalues = { Crown = "%" }', "'Crown': '%' is no share"),
        ('[[trait]]\ntype = "Hat"\nvalues = { Cap = { weight = 0 } }', "'weight' is unknown: give a weight such as 5"),
        ('[[trait]]\ntype = "Hat"\nvalues = { Cap = { cuont = 3 } }', "'cuont' is unknown: is 'count' meant"),
        ('[[trait]]\ntipe = "Hat"', r"\[\[trait\]\] 1: 'tipe' is unknown: is 'type' meant"),
        ('[[number]]\ntype = "Luck"\nuntil = 3', "'until' is unknown: there are type, from, to, display_type"),
        ("seed = 3", r"\[layers\]: 'seed' is unknown: it belongs above the first \[table\]"),
        ("[prompts]\norder = ['Hat']", r"\[prompts\]: 'order' is unknown: it belongs into \[layers\]"),
        ("[prompts]\nthen = 3", r"'then' is unknown: it belongs into a \[\[require\]\]"),
        ("[prompts]\nlora_scale = 99", r"\[prompts\]: lora_scale: 99 is no scale"),
        ("[prompts]\nemphasis = { Hat = 0 }", "'Hat': 0 is no emphasis: give a number from 1e-09 to 2$"),
        ('[[trait]]\ntype = "Hat"\nvalues = { Crown = true }', "give a weight such as 5"),
        ('[[trait]]\ntype = "Hat"\nvalues = { Crown = { count = -2 } }', "count is a whole number"),
        ('[[trait]]\ntype = "Hat"\nvalues = { Crown = { count = 2, wight = 1 } }', "'wight' is unknown"),
        ('[[trait]]\ntype = "Hat"\nvalues = { Crown = "60%", Cap = "50%" }', "its percents sum to 110"),
        ('[[trait]]\ntype = "Hat"\nvalues = { Tiara = 3 }', "no value 'Tiara'; there are Cap, Crown, None"),
        ('[[trait]]\ntype = "Hut"', "no trait type 'Hut'; there are Body, Hat"),
        ('[[trait]]\ntype = "Hat"\n[[trait]]\ntype = "Hat"', "'Hat' is there twice"),
        ('[[trait]]\ntype = "../x"', r"no trait type '\.\./x'"),
        ('[[exclude]]\nHat = "Crown"', r"\[\[exclude\]\] 1: give at least two"),
        ('[[exclude]]\nHat = "Crown"\nBody = "C"', r"\[\[exclude\]\] 1: 'Body' has no value 'C'"),
        ('[[exclude]]\nHat = "Crown"\nShoe = "C"', r"\[\[exclude\]\] 1: there is no trait type 'Shoe'"),
        ('[[exclude]]\nHat = 3\nBody = "A"', "give 'Hat' a value, or a list"),
        ('[[require]]\nif = { Hat = "Crown" }', r"\[\[require\]\] 1: give if"),
        ('[[require]]\nif = { Hat = "Crown" }\nthen = { Hat = "Cap" }', "stands in `if` and in `then`"),
        ('[[number]]\ntype = "Hat"\nto = 3', "'Hat' is a trait type already"),
        ('[[number]]\ntype = "Luck"\nfrom = 4\nto = 3', "from 4 is above to 3"),
        ("[prompts]\nlora = '<x>'", "holds none of < > :"),
        ("[prompts]\nemphasis = { Hut = 1.1 }", "no trait type 'Hut'"),
        ("[painter]\ncollection = 'x'", r"either \[layers\]"),
        ("colour = 3", r"'colour' is unknown"),
        ('[[trait]]\ntype = "Hat"\nvalues = { Crown = 1e308, Cap = 1e308 }', "'Crown': 1e.308 is no weight.*to 1e.12"),
        ('[[trait]]\ntype = "Hat"\nvalues = { Crown = 1e-320 }', "'Crown': 1e-320 is no weight.*from 1e-09"),
        ('[[trait]]\ntype = "Hat"\nnone = 1e300', "none: 1e.300 is no weight"),
        (f'[[trait]]\ntype = "Hat"\nvalues = {{ Crown = 0x{"f" * 5_000} }}', "'Crown': that is no weight"),
        (f'[[number]]\ntype = "Luck"\nto = 0x{"f" * 5_000}', "to is a whole number .* not that"),
        ('[[number]]\ntype = "Luck"\nto = 3\n[[number]]\ntype = "Luck"\nto = 9', "2: 'Luck' is there twice"),
        ('[[number]]\ntype = "Lu\\u001b[2Jck"\nto = 3', "type has 'Lu.x1b.*take out"),
        ('[prompts]\nlora = "a\\nInjected line"', "lora has 'a.*nInjected line'"),
    ],
)
def test_the_rule_that_is_wrong_is_named(drawn: Path, more: str, told: str) -> None:
    with pytest.raises(CollectionError, match=told):
        read(drawn, more)


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ('name = "x"\ncount = 3\ncount = 4\n', "line 3"),
        ('name = "x"\ncount = \n', "line 2"),
        ("name = 3\ncount = 4\n[layers]\nfolder = 'layers'", "name is a text"),
        ("name = 'x'\n[layers]\nfolder = 'layers'", "count is missing"),
        ("name = 'x'\ncuont = 60\n[layers]\nfolder = 'layers'", "'cuont' is unknown: is 'count' meant"),
        ("name = 'x'\ncount = 0\n[layers]\nfolder = 'layers'", "count is a whole number from 1"),
        ("name = 'x'\ncount = 4\n", r"either \[layers\]"),
        ("name = 'x'\ncount = 4\n[layers]\nfolder = 'nowhere'", "nowhere is not a folder"),
        ("name = 'x'\ncount = 4\n[layers]\nfolder = 'layers'\norder = ['Body', '../x']", r"order names '\.\./x'"),
        ("name = 'x'\ncount = 4\n[layers]\nfolder = 'layers'\norder = ['Body', 'Body']", "has 'Body' twice"),
        ("a = " + "[" * 100_000, "not TOML: it is nested more than 100 deep"),
        ("a = " + "{a=" * 100_000, "nested more than 100 deep"),
        (f"count = 4\nname = 'x'\n{'.'.join('a' * 200)} = 3", "nested more than 100 deep"),
    ],
)
def test_a_file_that_is_wrong_is_told_where(drawn: Path, raw: str, told: str) -> None:
    path = drawn / "rules.toml"
    path.write_text(raw, "utf-8")
    with pytest.raises(CollectionError, match=told):
        reading.read(path, drawn)


def test_bytes_that_are_no_text_and_no_file_are_told(drawn: Path) -> None:
    (drawn / "rules.toml").write_bytes(b"name = '\xff'")
    with pytest.raises(CollectionError, match="not TOML"):
        reading.read(drawn / "rules.toml", drawn)
    with pytest.raises(CollectionError, match="No such file"):
        reading.read(drawn / "none.toml", drawn)
    os.mkfifo(drawn / "pipe.toml")
    with pytest.raises(CollectionError, match="not a regular file"):
        reading.read(drawn / "pipe.toml", drawn)


@pytest.mark.parametrize("sign", [r"\u202e", r"\u001b[31m", r"\u0000", r"\n", r"\u2028", r"\u2066", r"\u200f"])
@pytest.mark.parametrize("field", ["name", "subject", "symbol", "base_uri"])
def test_signs_that_nobody_sees_stand_in_no_text(drawn: Path, field: str, sign: str) -> None:
    path = rules(drawn, 4)
    kept = [line for line in path.read_text("utf-8").splitlines() if not line.startswith(field)]
    path.write_text("\n".join([f'{field} = "a{sign}b"', *kept]), "utf-8")
    with pytest.raises(CollectionError, match=f"{field} has 'a.*take out"):
        reading.read(path, drawn)


def test_a_description_has_lines_and_names_have_joined_letters(drawn: Path) -> None:
    path = rules(drawn, 4)
    path.write_text('description = """one\n\ttwo"""\nsubject = "می\u200cخواهم"\n' + path.read_text("utf-8"), "utf-8")
    assert reading.read(path, drawn).words.description == "one\n\ttwo"


def test_a_pipe_among_the_layers_is_not_waited_for(drawn: Path) -> None:
    os.mkfifo(drawn / "layers" / "10-Hat" / "Pipe.png")
    with pytest.raises(CollectionError, match=r"can't read .*Pipe\.png: it is not a regular file"):
        read(drawn)


@pytest.mark.parametrize("name", ["Crown#1e308", "Crown#1e-320", "Crown#0", "Crown#-3", "Crown#nan", "Crown#inf"])
def test_a_layer_with_a_weight_that_is_none_is_named(drawn: Path, name: str) -> None:
    (drawn / "layers" / "10-Hat" / "Crown#5.png").rename(drawn / "layers" / "10-Hat" / f"{name}.png")
    with pytest.raises(CollectionError, match=f"{name}.png: the weight"):
        read(drawn)


def test_a_value_named_twice_is_told_with_both_files(drawn: Path) -> None:
    (drawn / "layers" / "10-Hat" / "Crown.png").write_bytes((drawn / "layers" / "10-Hat" / "Cap.png").read_bytes())
    with pytest.raises(CollectionError, match=r"'Crown' is there twice, .*Crown#5\.png and .*Crown\.png"):
        read(drawn)


def test_names_that_can_not_stand_in_metadata_are_refused(drawn: Path) -> None:
    (drawn / "layers" / "10-Hat" / "Cap.png").rename(drawn / "layers" / "10-Hat" / "Cap, red\n.png")
    with pytest.raises(CollectionError, match="can't name a value"):
        read(drawn)


def test_links_are_not_followed(drawn: Path, tmp_path: Path) -> None:
    (drawn / "layers" / "10-Hat" / "Out.png").symlink_to("/etc/passwd")
    with pytest.raises(CollectionError, match=r"Out\.png is a link"):
        read(drawn)
    (drawn / "layers" / "10-Hat" / "Out.png").unlink()
    (drawn / "layers" / "3-Up").symlink_to(drawn, target_is_directory=True)
    with pytest.raises(CollectionError, match="3-Up is a link"):
        read(drawn)


def test_folders_with_nothing_in_them_are_told(drawn: Path) -> None:
    (drawn / "layers" / "3-Eyes").mkdir()
    with pytest.raises(CollectionError, match="3-Eyes holds no PNG"):
        read(drawn)
    (drawn / "empty").mkdir()
    with pytest.raises(CollectionError, match="holds no folders"):
        read(drawn, layers="empty")


def test_what_decides_the_order_of_layers_is_told_where_nobody_has_said_it(drawn: Path) -> None:
    assert not any("alphabet" in note for note in read(drawn).notes)
    (drawn / "layers" / "10-Hat").rename(drawn / "layers" / "Hat")
    (drawn / "layers" / "2-Body").rename(drawn / "layers" / "Body")
    (note,) = [note for note in read(drawn).notes if "alphabet" in note]
    assert "bottom first: Body, Hat; another order is set by [layers] order" in note
    path = rules(drawn, 4, 'order = ["Hat", "Body"]\n')
    assert not any("alphabet" in note for note in reading.read(path, drawn).notes)


def test_the_documentation_explains_every_key() -> None:
    text = (Path(__file__).parents[3] / "docs" / "collections.md").read_text("utf-8")
    section = text[text.index("## Make") : text.index("## A LoRA")]
    rows = [line for line in section.splitlines() if line.startswith("| ")]
    for table, keys in {"": fields.TOP, **fields.KEYS}.items():
        shown = " ".join(row for row in rows if not table or row.startswith(f"| `[{table}]`") or f"[[{table}]]" in row)
        for key in keys:
            assert key == fields.TRAITS or f"`{key}`" in shown or f"[{key}]" in shown, (table, key)
