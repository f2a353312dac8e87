"""Systems that send a picture over a radio, each a paragraph: the models of `systems.rosis`, and how they are put
together in one paper. See types.Sender.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, get_args

from gistchain.errors import RebuildError, SettingError
from gistchain.gist.correct import DictionaryCorrector
from gistchain.gist.describe import NO_LATENT
from gistchain.gist.fusion import phrases
from gistchain.gist.painted import BASE_SEED, LayerPainter
from gistchain.image import shows_nothing
from gistchain.rebuild.isotope import middle_isotope
from gistchain.sending.adaptive import Adaptive
from gistchain.sending.analogue import AnalogueLatent
from gistchain.sending.given import AsGiven
from gistchain.sending.imagefile import ImageLdpc
from gistchain.sending.jscc import DeepJointCoding
from gistchain.sending.literal import Literal
from gistchain.sending.mosaic import Mosaic, Reread
from gistchain.sending.multi import MultiText, TextForm
from gistchain.sending.text import TextOnly
from gistchain.settings import Settings
from gistchain.systems import Rosis, fidelity, rosis
from gistchain.traits import parts
from gistchain.types import (
    AnaloguePainter,
    Gist,
    LatentPainter,
    Picture,
    Pixels,
    Sender,
    SenderName,
    SubjectPainter,
    TextCorrector,
)

SENDERS: tuple[SenderName, ...] = get_args(SenderName)
"""Systems that send a picture over a radio."""
PUBLISHED_STRENGTH = 0.6
"""Img2Img-SC takes 30 of 50 steps."""


_TEXTS: tuple[SenderName, ...] = ("multi_sc", "single_text", "vlm_csc")


@dataclass(frozen=True, slots=True)
class TextOptions:
    """How multi_sc and its kinds send and rebuild; None is what the system does by itself. As published: coded and
    behind are False.

    count: texts of the picture, 1, 2, 4 or 9. cut: whether a slice of the subject is sent. weight: lambda, 0 to 1: how
    much of it is seen. coded: False for eight bits a character, which `corrector` mends: "none", "dictionary" (ours) or
    "bart=FOLDER". soft: whether these are read from soft values. most_phrases: of each text. voted: whether doubtful
    words are put to a vote. isotopes: painted, of which the one is taken that reads most like the texts (ROSIS).
    behind: whether the colours that texts tell are those behind the slice, for the default painters. segmenter: NAME or
    NAME=SOURCE of the table of models, which finds the slice.
    """

    count: int | None = None
    cut: bool = True
    weight: float | None = None
    coded: bool = True
    corrector: str | None = None
    soft: bool = False
    most_phrases: int | None = None
    voted: bool = True
    isotopes: int = 1
    behind: bool = True
    segmenter: str | None = None


def sender(
    name: str,
    settings: Settings | None = None,
    *,
    caption: str | None = None,
    strength: float | None = None,
    texts: TextOptions | None = None,
    system: Rosis | None = None,
) -> Sender:
    """A system that sends pictures, by its name in SENDERS; the models are those of `rosis`.

    caption: a person's own words in place of the captioner's. strength: of img2img_sc and its kinds, the step at which
    the painter starts from the latent: 0 only decodes it, 1 starts from noise; None for what the system does by itself.
    texts: of multi_sc and its kinds. system: what `rosis(settings)` gave, for several senders that share its models.
    Raises SettingError for another name, and for a strength or options of texts where
    they have no meaning; ModelError as `rosis` does.
    """
    if name not in SENDERS:
        raise SettingError(f"{name!r} is no system that sends pictures: take one of {', '.join(SENDERS)}")
    if strength is not None and not name.startswith("img2img_sc"):
        raise SettingError(f"{name!r} starts from no latent: leave the strength out, or take img2img_sc")
    if strength is not None and not 0 <= strength <= 1:
        raise SettingError(f"a strength of {strength} can't be: give a number from 0 to 1")
    if texts is not None and name not in _TEXTS:
        raise SettingError(f"{name!r} sends no texts of pieces: leave these options out, or take multi_sc")
    if name.startswith("deep_jscc"):
        if caption is not None:
            raise SettingError(f"{name!r} sends no words: leave the caption out")
        return _deep_jscc(at_19_db=name == "deep_jscc_19db")
    system = system or rosis(settings)
    gist = _adaptive(system, caption)
    if name == "gist":
        return gist
    if name == "text_coded":
        # The opponent of every result with text: the packed caption with its check in a polar code (T4.2, T4.3).
        return replace(gist, only="caption")
    if name in _TEXTS:
        return _multi_sc(name, system, caption, texts or TextOptions(), settings)
    if name.startswith("img2img_sc"):
        return _img2img_sc(name, gist, system, strength)
    if name == "rosis":
        # S0 over the air: the gist as it would go on a chain, and ROSIS at the receiver.
        whole = replace(system, latent=replace(system.latent, size_bytes=None))
        return AsGiven(whole, gist.describe, lambda gist: whole.rebuild(gist, full_size=True).chosen.image, caption)
    if name == "text_only":
        # S2.4, S4.3: eight bits a character in 16-QAM without a code, read softly by the dictionary.
        return TextOnly(gist.describe, gist.rebuild)
    if name == "text_only_hard":
        # The same as published: each bit for itself.
        return TextOnly(gist.describe, gist.rebuild, reading="hard")
    # Stands in for BPG + LDPC (S4.6); `fixed` has one rate for all SNRs, as there.
    return ImageLdpc(fidelity, gist.rebuild, bits_per_use=_FIXED_RATE if name == "image_ldpc_fixed" else None)


def gist_sender(settings: Settings | None = None, *, caption: str | None = None) -> Adaptive:
    """Our own (S2.3, left to the future there): whatever is expected to give back most at this SNR and budget."""
    return _adaptive(rosis(settings), caption)


def _adaptive(system: Rosis, caption: str | None) -> Adaptive:
    if system.layers is None:
        raise SettingError("the models of this system make no layers")

    def picture(gist: Gist) -> Pixels | None:
        try:
            return middle_isotope(gist, painter=system.painter, seeds=range(4))
        except RebuildError:
            return None

    words = replace(system, latent=NO_LATENT, form=None)
    describe = partial(words.describe, caption=caption)
    # Each trial of an analogue latent is a painting: too dear where that takes a diffusion.
    known = system.layers.painter.painter if isinstance(system.layers.painter, LayerPainter) else None
    alone = isinstance(system.painter, LayerPainter) and type(system.painter.painter) is type(known)
    analogue = None
    if alone and isinstance(known, AnaloguePainter):
        analogue = AnalogueLatent(describe, known, picture, fidelity)
    return Adaptive(describe, system.layers, picture, own_words=caption is not None, analogue=analogue)


def _img2img_sc(name: str, gist: Adaptive, system: Rosis, strength: float | None) -> Sender:
    """S2.1, S2.2: a caption and a latent, and a painter that starts from both.

    img2img_sc: the latent quantised, with check and code. ..._analogue: its numbers as symbols, the channel's noise as
    the painter's. ..._literal: as published, float64 and flipped bits (T2.4).
    """
    from gistchain.models.default import DefaultPainter

    painter = system.painter.painter if isinstance(system.painter, LayerPainter) else system.painter
    if not isinstance(painter, AnaloguePainter) or not isinstance(painter, LatentPainter):
        raise SettingError(
            f"{type(painter).__name__} starts from no latent: take --painter img2img=SOURCE, or leave the painter out"
        )
    if name == "img2img_sc_analogue":
        return AnalogueLatent(gist.describe, painter, gist.rebuild, fidelity, strength)
    if strength is None:  # of the default models none is a denoiser of photos
        strength = 0.0 if isinstance(painter, DefaultPainter) else PUBLISHED_STRENGTH
    if name == "img2img_sc":
        # The latent is decoded by the coder that wrote it, whatever paints from there.
        decode = gist.forms.painted
        return replace(
            gist, only="latent", rebuild=partial(_restarted, decode, painter, strength) if strength else decode
        )
    return Literal(gist.describe, painter, strength)


def _restarted(
    decode: Callable[[Gist], Pixels | None], painter: AnaloguePainter, strength: float, gist: Gist
) -> Pixels | None:
    """What the painter makes of the decoded latent, from that step on."""
    picture = decode(gist)
    if picture is None or gist.latent is None:
        return picture
    numbers = painter.numbers(picture, gist, painter.count(gist, _MOST_NUMBERS))
    return painter.from_numbers(numbers, 0.0, gist, BASE_SEED, strength)


def _multi_sc(name: str, system: Rosis, caption: str | None, options: TextOptions, settings: Settings | None) -> Sender:
    """Multi-SC (S4.1, S4.3, S4.4) and two of its rivals (S4.6).

    multi_sc: a text of each quarter and a slice of the subject. single_text: one text and the slice. vlm_csc: one text.
    The texts are those of the captioner, the slice of the segmenter, and the painter makes a picture of both.
    """
    from gistchain.models.default import DefaultPainter
    from gistchain.models.photo.sketch import SketchPainter
    from gistchain.models.traitnet.painter import TraitPainter

    count = (4 if name == "multi_sc" and caption is None else 1) if options.count is None else options.count
    if name != "multi_sc" and count != 1:
        raise SettingError(f"{name!r} sends one text: for {count} take multi_sc")
    if caption is not None and count != 1:
        raise SettingError(f"your own caption is one text, and {count} were asked for: leave out either")
    _check(name, options)
    weight, cut = options.weight, options.cut and name != "vlm_csc"
    painter = system.painter if isinstance(system.painter, LayerPainter) else LayerPainter(system.painter)
    inner = painter.painter
    looks = isinstance(inner, SubjectPainter)
    if isinstance(inner, SubjectPainter) and weight is not None:
        inner = inner.weighted(weight)
    prompts = not isinstance(inner, DefaultPainter | SketchPainter | TraitPainter)
    mosaic = Mosaic(
        inner,
        None if prompts else SketchPainter(),
        by_piece=not prompts,
        looks=looks,
        weight=1.0 if weight is None else weight,
        isotopes=options.isotopes,
        reread=Reread((system if count == 1 else _of_pieces(system)).captioner, system.embedder),
    )
    form = TextForm(count, options.coded, options.soft, options.most_phrases, options.voted)
    mask = _model("segmenter", options.segmenter or "default", settings).mask if cut else None
    told = partial(_behind, system) if options.behind and not prompts and caption is None else None
    note = "your own caption is the only text" if name == "multi_sc" and caption is not None else ""
    corrector = _corrector(options, settings)
    return MultiText(partial(_words, system, caption), mosaic.picture, mask, form, corrector, told, note)


def _check(name: str, options: TextOptions) -> None:
    """Raises SettingError for options that can't be, and for those that would change nothing."""
    if options.weight is not None and not 0 <= options.weight <= 1:
        raise SettingError(f"a lambda of {options.weight} can't be: give a number from 0 to 1")
    if options.isotopes < 1 or (options.most_phrases is not None and options.most_phrases < 1):
        raise SettingError("a picture has at least one isotope, and a text at least one phrase")
    sliced = options.cut and name != "vlm_csc"
    if not sliced and (options.weight is not None or options.segmenter is not None):
        raise SettingError("no slice is sent: leave lambda and the segmenter out, or take multi_sc with a slice")
    if options.coded and (options.corrector is not None or options.soft):
        raise SettingError(
            "a corrector and soft reading are for uncoded texts: leave them out, or send the texts uncoded"
        )


def _of_pieces(system: Rosis) -> Rosis:
    """The system for parts of pictures, which are tokens of no collection: the default captioner would look for one."""
    from gistchain.models.default import DefaultCaptioner

    return replace(system, captioner=system.fallbacks[0]) if isinstance(system.captioner, DefaultCaptioner) else system


def _words(system: Rosis, caption: str | None, picture: Picture, whole: bool) -> str:
    """What is said of a picture or a piece of one. Of a piece that shows nothing only its colour can be told."""
    if not whole and shows_nothing(picture.pixels):
        return system.fallbacks[-1].caption(picture.pixels).text
    said = system if whole else _of_pieces(system)
    return replace(said, latent=NO_LATENT, form=None).describe(picture, caption=caption).gist.caption


def _behind(system: Rosis, text: str, ground: Pixels) -> str:
    """What is shown, in the first phrase, and the colours of what is behind the slice. Tokens keep their words."""
    if parts(text)[0]:
        return text
    return ", ".join([*phrases(text)[:1], *phrases(system.fallbacks[-1].caption(ground).text)[1:]])


def _model(kind: str, wanted: str, settings: Settings | None) -> Any:
    """The model of "NAME" or "NAME=SOURCE", where the settings say that models run."""
    from gistchain.models.zoo import registry

    name, source = registry.parse(wanted)
    places = "device", "dtype", "allow_download", "allow_pickle"
    place = {} if settings is None else {key: getattr(settings, key) for key in places}
    return registry.load(kind, name, source=source, **place)


def _corrector(options: TextOptions, settings: Settings | None) -> TextCorrector | None:
    if options.coded or options.corrector == "none":
        return None
    if options.corrector in (None, "dictionary"):
        return DictionaryCorrector()
    try:
        corrector: TextCorrector = _model("corrector", options.corrector or "", settings)
    except SettingError as error:
        raise SettingError(f"{error}; and here none and dictionary, which need no checkpoint") from error
    return corrector


def _deep_jscc(*, at_19_db: bool) -> Sender:
    """Bourtsoulatze's network at two rates, trained over all SNRs, or at 19 dB alone as in S4.6."""
    from gistchain.models.photo.deepjscc import NETWORKS, DeepJscc

    wanted = [name for name, kind in NETWORKS.items() if (kind.snr_db is not None) == at_19_db]
    return DeepJointCoding([DeepJscc(name) for name in wanted], fidelity)


_MOST_NUMBERS = 4 * 64 * 64
_FIXED_RATE = 1.0
"""Bits a use: 4 of 16-QAM at a code rate of 1/4, or 2 of QPSK at 1/2, as S4 takes for its BPG + LDPC."""
