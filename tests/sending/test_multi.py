"""Multi-SC: texts of pieces and a slice, each in a burst of its own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gistchain.collection.known import punks
from gistchain.errors import CaptionError, LinkError, SettingError
from gistchain.gist.fusion import PieceText
from gistchain.image import png_bytes, read_image
from gistchain.link.channel import Awgn, Parallel, RayleighBlock
from gistchain.link.frame import start_uses
from gistchain.rebuild.isotope import caption_distances
from gistchain.senders import TextOptions, sender
from gistchain.sending.bursts import STEP, Came, SliceBurst
from gistchain.sending.multi import MultiText, PreparedMulti
from gistchain.systems import Rosis, fidelity, rosis
from gistchain.types import Conditions, Picture, Pixels, Sent, Subject
from tests.support.pictures import picture

SNR_DB, BUDGET = 10.0, 4096
FREE = {room - start_uses(room) for room in range(48, 1 << 14, STEP)}
"""Uses of blocks in bursts whose lengths are whole steps."""


@pytest.fixture(scope="module")
def models() -> Rosis:
    return rosis()


@pytest.fixture(scope="module")
def scene() -> Picture:
    """A yellow disc on a blue and a green field."""
    y, x = np.mgrid[:256, :256]
    image = np.where((y < 128)[..., None], (60, 110, 200), (40, 130, 50)).astype(np.uint8)
    image[(x - 128) ** 2 + (y - 128) ** 2 < 60**2] = 240, 200, 30
    noise = np.random.default_rng(0).integers(-6, 7, image.shape)
    return read_image(png_bytes((image.astype(int) + noise).clip(0, 255).astype(np.uint8)), "disc.png")


def disc(image: Pixels) -> np.ndarray:
    """A segmenter that finds the yellow disc."""
    return (image[..., 0].astype(int) - image[..., 2] > 100).astype(np.float32)


def multi(models: Rosis, options: TextOptions | None = None, *, name: str = "multi_sc") -> MultiText:
    made = sender(name, texts=options, system=models)
    assert isinstance(made, MultiText)
    return made if made.mask is None else replace(made, mask=disc)


@pytest.fixture(scope="module")
def prepared(models: Rosis, scene: Picture) -> PreparedMulti:
    return multi(models).prepare(scene)


def sent(prepared: PreparedMulti, snr_db: float = SNR_DB, budget: int = BUDGET, seed: int = 1) -> Sent:
    return prepared.send(Awgn(snr_db), Conditions("awgn", snr_db, budget), seed=(seed,))


def test_four_texts_and_a_slice_arrive_in_five_bursts_whose_uses_add_up(prepared: PreparedMulti) -> None:
    came = sent(prepared)
    assert [block.layers for block in came.blocks] == ["caption", "caption 2", "caption 3", "caption 4", "subject"]
    assert sum(block.uses for block in came.blocks) + came.start_uses == came.uses <= BUDGET
    assert came.certain
    assert came.lost == came.notes == ()
    assert came.gist is not None
    assert came.gist.captions == prepared.behind
    assert came.caption == prepared.meant(with_slice=True).caption
    assert "top" in came.caption


def test_the_slice_shows_what_no_text_does(models: Rosis, scene: Picture, prepared: PreparedMulti) -> None:
    with_slice = sent(prepared).picture
    texts_alone = sent(multi(models, TextOptions(cut=False)).prepare(scene)).picture
    assert with_slice is not None
    assert texts_alone is not None
    middle = slice(90, 166), slice(90, 166)
    assert np.abs(with_slice[middle].astype(int) - scene.pixels[middle]).mean() < 15
    assert fidelity(scene.pixels, with_slice) > fidelity(scene.pixels, texts_alone) + 0.05


def test_texts_tell_of_what_is_behind_the_slice_where_one_is_sent(models: Rosis, scene: Picture) -> None:
    """The disc is yellow; what is behind it is blue and green."""
    made = multi(models).prepare(scene)
    assert any("yellow" in text for text in made.texts)
    assert not any("yellow" in text for text in made.behind)
    published = multi(models, TextOptions(behind=False)).prepare(scene)
    assert published.behind == published.texts == made.texts
    assert sent(made, budget=700).gist is not None
    assert sent(made, budget=700).gist.captions == made.texts  # without a slice


def test_lambda_is_the_weight_of_the_slice_and_nothing_else(models: Rosis, scene: Picture) -> None:
    """At 0 it is sent all the same, and not seen."""
    back = [sent(multi(models, TextOptions(weight=weight)).prepare(scene)).picture for weight in (0.0, 0.5, 1.0)]
    assert all(picture is not None for picture in back)
    low, half, full = (picture.astype(int) for picture in back if picture is not None)
    inside = disc(scene.pixels) > 0
    inside[:80] = inside[180:] = False  # without the border
    assert np.abs(half - (low + full) / 2)[inside].mean() < 3
    corner = slice(0, 40), slice(0, 40)
    assert np.array_equal(low[corner], full[corner])


def test_pieces_are_painted_where_they_are(prepared: PreparedMulti, scene: Picture) -> None:
    back = sent(prepared).picture
    assert back is not None
    for rows, column in ((slice(0, 30), 2), (slice(226, 256), 1)):
        assert back[rows].mean((0, 1)).argmax() == column


def test_a_dead_channel_costs_its_own_text_alone(prepared: PreparedMulti) -> None:
    links = Parallel(tuple(Awgn(SNR_DB, gain=0 if k == 1 else 1) for k in range(5)))
    came = prepared.send(links, Conditions("awgn", SNR_DB, BUDGET), seed=(1,))
    assert came.lost == ("caption 2",)
    assert came.gist is not None
    assert came.gist.captions == tuple(text for k, text in enumerate(prepared.behind) if k != 1)
    assert came.gist.damaged == {"caption 2"}
    assert came.picture is not None
    assert came.certain


def test_a_slice_without_any_text_stands_alone_and_that_is_told(prepared: PreparedMulti) -> None:
    links = Parallel(tuple(Awgn(SNR_DB, gain=0 if k < 4 else 1) for k in range(5)))
    came = prepared.send(links, Conditions("awgn", SNR_DB, BUDGET), seed=(1,))
    assert came.lost == ("caption", "caption 2", "caption 3", "caption 4")
    assert came.notes == ("no text arrived: the slice stands alone",)
    assert came.picture is not None
    assert tuple(came.picture[2, 2]) == (128, 128, 128)
    assert came.picture[128, 128, 0] > 200


def test_where_nothing_arrives_there_is_no_picture(prepared: PreparedMulti) -> None:
    came = prepared.send(Awgn(SNR_DB, gain=0), Conditions("awgn", SNR_DB, BUDGET), seed=(1,))
    assert came.picture is came.gist is None
    assert not came.certain
    assert len(came.lost) == 5


def test_fewer_channels_than_bursts_are_refused_and_a_spare_one_stays_unused(
    models: Rosis, prepared: PreparedMulti, scene: Picture
) -> None:
    with pytest.raises(LinkError, match="3 parallel channels for 4 texts"):
        prepared.send(Parallel((Awgn(1.0),) * 3), Conditions("awgn", SNR_DB, BUDGET), seed=(1,))
    four = prepared.send(Parallel((Awgn(SNR_DB),) * 4), Conditions("awgn", SNR_DB, BUDGET), seed=(1,))
    assert four.notes == ("no channel is left for the slice of the subject",)
    assert four.lost == ()
    nothing = replace(multi(models), mask=lambda image: np.zeros(image.shape[:2], np.float32)).prepare(scene)
    came = nothing.send(Parallel((Awgn(SNR_DB),) * 5), Conditions("awgn", SNR_DB, BUDGET), seed=(1,))
    assert "no main subject was seen" in came.notes[0]
    assert came.lost == ()


def test_each_burst_pays_its_own_pilots(prepared: PreparedMulti) -> None:
    conditions, own = Conditions("rayleigh-block", 25.0, BUDGET, 8), RayleighBlock(25.0, pilots=8)
    plain = prepared.send(own, conditions, seed=(1,))
    apart = prepared.send(Parallel((own,) * 5), conditions, seed=(1,))
    assert plain.uses == apart.uses
    assert plain.uses == sum(block.uses for block in plain.blocks) + plain.start_uses + 8 * len(plain.blocks)


def test_bursts_have_lengths_in_steps_so_that_they_tell_little(models: Rosis, scene: Picture) -> None:
    for options in (TextOptions(), TextOptions(cut=False), TextOptions(coded=False, cut=False)):
        made = multi(models, options).prepare(scene)
        for budget in (1000, 1007):
            came = sent(made, budget=budget)
            if options.coded:
                assert all(block.uses in FREE for block in came.blocks)
            else:
                assert all(block.uses % STEP == 0 for block in came.blocks)


@pytest.mark.parametrize("snr_db", [5.0, 15.0, 30.0])
def test_a_slice_is_planned_for_what_its_packet_takes_and_not_lost_oftener(scene: Picture, snr_db: float) -> None:
    """At any budget: files as long as the room allows."""
    conditions = Conditions("awgn", snr_db, 1)
    for uses in range(240, 2400, 144):
        place = SliceBurst((3000, 2999), Awgn(snr_db), uses, conditions)
        if (most := place.most_bytes()) > 30:
            burst = place.burst(Subject("image/webp", bytes(most), (2999, 2998, 1, 1)))
            assert burst.planned.error_rate is not None
            assert burst.planned.error_rate < 0.02


def test_a_slice_that_is_no_image_is_lost_and_the_texts_are_seen(prepared: PreparedMulti, scene: Picture) -> None:
    texts = [Came(10, text=PieceText.checked(text), size=scene.size) for text in prepared.behind]
    rubbish = SliceBurst(scene.size, Awgn(30.0), 800, Conditions("awgn", 30.0, 800)).burst(
        Subject("image/webp", b"rubbish", (0, 0, 9, 9))
    )
    assert rubbish.over((1,), 0).lost
    read = prepared.sender.received(texts, [rubbish.over((1,), 0)], scene.size)
    assert read.subject is None
    assert prepared.sender.paint(read.fused, read.subject, read.size) is not None


def test_a_packet_of_a_picture_that_has_no_such_pieces_is_lost_and_not_the_others(
    prepared: PreparedMulti, scene: Picture
) -> None:
    honest = [Came(10, text=PieceText.checked(text), size=scene.size) for text in prepared.behind[1:]]
    for size in ((1, 1), (77, 50)):
        stranger = Came(10, text=PieceText.checked("a lie"), size=size)
        read = prepared.sender.received([stranger, *honest], [], scene.size)
        assert read.size == scene.size
        assert read.fused.texts == ("", *prepared.behind[1:])
    assert prepared.sender.received([Came(10)] * 3 + [Came(10, size=(1, 1))], [], scene.size).size == scene.size


def test_a_slice_of_a_picture_of_another_size_is_not_believed(prepared: PreparedMulti, scene: Picture) -> None:
    texts = [Came(10, text=PieceText.checked(text), size=scene.size) for text in prepared.behind]
    huge = Came(10, subject=Subject("image/webp", b"", (0, 0, 60_000, 60_000)), size=(60_000, 60_000))
    read = prepared.sender.received(texts, [huge], scene.size)
    assert (read.subject, read.size) == (None, scene.size)
    alone = prepared.sender.received([Came(10)] * 4, [huge], scene.size)
    assert prepared.sender.paint(alone.fused, alone.subject, alone.size) is None


def test_no_subject_is_told_and_the_texts_take_all_uses(models: Rosis, scene: Picture) -> None:
    made = replace(multi(models), mask=lambda image: np.zeros(image.shape[:2], np.float32))
    came = sent(made.prepare(scene))
    assert came.notes == ("no main subject was seen: the whole picture is told in words",)
    assert len(came.blocks) == 4
    assert came.uses > 0.98 * BUDGET


def test_a_subject_that_is_hardly_seen_is_told_of(models: Rosis) -> None:
    def speck(image: Pixels) -> np.ndarray:
        mask = np.zeros(image.shape[:2], np.float32)
        mask[120:136, 120:136] = 1
        return mask

    lone = np.full((256, 256, 3), 60, np.uint8)
    lone[120:136, 120:136] = 250
    came = sent(replace(multi(models), mask=speck).prepare(read_image(png_bytes(lone), "lone.png")))
    assert "covers 0.4% of the picture" in came.notes[0]


def test_a_slice_larger_than_the_budget_is_left_out_and_that_is_told(prepared: PreparedMulti) -> None:
    came = sent(prepared, budget=700)
    assert len(came.blocks) == 4
    assert "no slice of the subject fits" in came.notes[0]
    assert came.uses <= 700


def test_too_few_uses_name_those_that_the_texts_need(prepared: PreparedMulti) -> None:
    with pytest.raises(LinkError, match=r"its 4 texts need [\d,]+") as refused:
        sent(prepared, snr_db=-5.0, budget=60)
    needed = int(str(refused.value).split("need ")[1].split(", ")[0].replace(",", ""))
    came = [sent(prepared, snr_db=-5.0, budget=needed, seed=seed) for seed in range(3)]
    assert sum(len(one.lost) for one in came) <= 1


def test_each_channel_fades_by_itself(prepared: PreparedMulti) -> None:
    """One gain for each burst: often some of the texts are lost, and seldom all of them."""
    conditions = Conditions("rayleigh-block", 10.0, BUDGET)
    lost = [len(prepared.send(RayleighBlock(10.0), conditions, seed=(seed,)).lost) for seed in range(20)]
    assert any(0 < count < 5 for count in lost)


def test_lost_bursts_are_sent_again_where_that_is_allowed(prepared: PreparedMulti) -> None:
    believed = Conditions("awgn", 8.0, 1500)
    first = [prepared.send(Awgn(3.0), believed, seed=(seed,)) for seed in range(4)]
    again = [prepared.send(Awgn(3.0), believed, seed=(seed,), rounds=2) for seed in range(4)]
    assert sum(len(one.lost) for one in first) > sum(len(one.lost) for one in again)
    assert all(a.uses > b.uses for a, b in zip(again, first, strict=True) if b.lost)


@pytest.mark.parametrize("count", [1, 2, 9])
def test_other_numbers_of_texts_arrive_too(models: Rosis, scene: Picture, count: int) -> None:
    came = sent(multi(models, TextOptions(count=count)).prepare(scene))
    assert len(came.blocks) == count + 1
    assert came.picture is not None


def test_uncoded_texts_are_never_certain_and_correction_mends_them(models: Rosis, scene: Picture) -> None:
    plain = TextOptions(coded=False, corrector="none", voted=False)
    wrong = {}
    for name, options in {"plain": plain, "mended": replace(plain, corrector="dictionary", voted=True)}.items():
        made = multi(models, options).prepare(scene)
        came = [sent(made, snr_db=14.0, seed=seed) for seed in range(6)]
        assert not any(one.certain for one in came)
        wrong[name] = sum(
            word not in made.meant(with_slice=True).caption.split() for one in came for word in one.caption.split()
        )
    assert wrong["plain"] > 10
    assert wrong["mended"] < 0.3 * wrong["plain"]


def test_uncoded_texts_can_not_be_sent_again(models: Rosis, scene: Picture) -> None:
    made = multi(models, TextOptions(coded=False)).prepare(scene)
    with pytest.raises(SettingError, match="leave the rounds out"):
        made.send(Awgn(5.0), Conditions("awgn", 5.0, BUDGET), seed=(1,), rounds=1)


def test_of_several_isotopes_the_one_is_taken_that_reads_most_like_the_texts(models: Rosis, scene: Picture) -> None:
    made = multi(models, TextOptions(cut=False, count=1)).prepare(scene)
    mosaic = made.sender.paint.__self__  # type: ignore[attr-defined]
    told = made.meant(with_slice=False)
    each = [mosaic._from_texts(told, scene.size, seed) for seed in range(4)]
    apart = caption_distances(
        told.caption, [mosaic.reread.captioner.caption(one).text for one in each], embedder=mosaic.reread.embedder
    )
    best = replace(mosaic, isotopes=4).picture(told, None, scene.size)
    assert best is not None
    assert np.array_equal(best, each[int(np.argmin(apart))])


def test_fewer_phrases_take_fewer_uses(models: Rosis, scene: Picture) -> None:
    whole, short = (multi(models, TextOptions(most_phrases=most)).prepare(scene) for most in (None, 1))
    assert all(len(a) < len(b) for a, b in zip(short.texts, whole.texts, strict=True))


def test_a_token_told_in_one_text_is_painted_by_its_collection(models: Rosis) -> None:
    punk = read_image(png_bytes(punks.tokens().images[77]), "punk.png")
    came = sender("vlm_csc", system=models).prepare(punk).send(Awgn(5.0), Conditions("awgn", 5.0, 512), seed=(1,))
    assert came.picture is not None
    assert fidelity(punk.pixels, came.picture) > 0.9


def test_a_photo_is_painted_from_its_text_alone(models: Rosis) -> None:
    came = sender("vlm_csc", system=models).prepare(picture(2)).send(Awgn(5.0), Conditions("awgn", 5.0, 512), seed=(1,))
    assert came.picture is not None
    assert [block.layers for block in came.blocks] == ["caption"]


def test_a_picture_of_one_colour_is_refused_and_a_piece_of_one_colour_is_not(models: Rosis, scene: Picture) -> None:
    flat = read_image(png_bytes(np.full((64, 64, 3), 77, np.uint8)), "flat.png")
    with pytest.raises(CaptionError, match="of one colour"):
        multi(models).prepare(flat)
    pixels = scene.pixels.copy()
    pixels[:128, :128] = 10, 20, 200
    texts = multi(models).prepare(read_image(png_bytes(pixels), "corner.png")).texts
    assert "blue all over" in texts[0]


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("multi_sc", TextOptions(count=3), "1, 2, 4 or 9"),
        ("multi_sc", TextOptions(count=0), "1, 2, 4 or 9"),
        ("multi_sc", TextOptions(weight=1.5), "lambda of 1.5"),
        ("multi_sc", TextOptions(weight=float("nan")), "lambda of nan"),
        ("multi_sc", TextOptions(isotopes=0), "at least one isotope"),
        ("multi_sc", TextOptions(coded=False, corrector="nobody"), "no corrector 'nobody'.*none and dictionary"),
        ("single_text", TextOptions(count=4), "take multi_sc"),
        ("vlm_csc", TextOptions(weight=1.0), "no slice is sent"),
        ("multi_sc", TextOptions(cut=False, segmenter="fcn"), "no slice is sent"),
        ("multi_sc", TextOptions(corrector="none"), "are for uncoded texts"),
        ("multi_sc", TextOptions(soft=True), "are for uncoded texts"),
        ("gist", TextOptions(), "sends no texts of pieces"),
    ],
)
def test_options_that_can_not_be_are_refused(
    models: Rosis, scene: Picture, name: str, options: TextOptions, said: str
) -> None:
    with pytest.raises(SettingError, match=said):
        sender(name, texts=options, system=models).prepare(scene)


def test_own_words_are_one_text(models: Rosis, scene: Picture) -> None:
    made = sender("multi_sc", caption="a yellow sun", system=models).prepare(scene)
    assert isinstance(made, PreparedMulti)
    assert made.texts == ("a yellow sun",)
    assert sent(made).notes[0] == "your own caption is the only text"
    with pytest.raises(SettingError, match="your own caption is one text"):
        sender("multi_sc", caption="a yellow sun", texts=TextOptions(count=4), system=models)
