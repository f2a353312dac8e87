"""`gistchain send` and `gistchain link plan`: an image over a noisy radio channel, and what would be sent."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gistchain.answers.radio import plan_json, plan_text, sent_json, sent_text
from gistchain.cli.options import AllowDownload, AllowPickle, Captioner, Device, Dtype, Home, Json, Painter
from gistchain.cli.sources import check_stdin, read
from gistchain.cli.terminal import Verb, Verbs, answer, busy
from gistchain.cli.usage import STDIN, a_path
from gistchain.errors import LinkError, SettingError
from gistchain.settings import load
from gistchain.types import ChannelName, SenderName

if TYPE_CHECKING:
    from gistchain.senders import TextOptions
    from gistchain.types import Conditions, Link, Picture, Sent

app = typer.Typer(
    help="Images over a noisy radio: what would be sent.", cls=Verbs, no_args_is_help=True, rich_markup_mode=None
)

Image = Annotated[str, typer.Argument(help="An image file; - reads one from stdin.", show_default=False)]
Caption = Annotated[str | None, typer.Option(help="Your own words, in place of the captioner's.")]
Snr = Annotated[float, typer.Option("--snr-db", help="Es/N0 of the channel in dB, on average where it fades.")]
Channel = Annotated[
    ChannelName,
    typer.Option(help="Noise alone, or fading: one gain for the whole frame, or one for each symbol."),
]
Budget = Annotated[
    int,
    typer.Option(
        min=1, max=1 << 20, help="Channel uses (complex symbols), pilots included. What is sent again adds to them."
    ),
]
Pilots = Annotated[
    int, typer.Option(min=0, max=1000, help="Uses that tell the gain of rayleigh-block; 0: the receiver knows it.")
]
SnrError = Annotated[
    float, typer.Option("--snr-error", help="dB by which the sender believes the channel to be better than it is.")
]


Texts = Annotated[
    int | None,
    typer.Option(metavar="1|2|4|9", help="Of multi_sc: texts, each of a piece of the image.  [default: 4]"),
]
Lambda = Annotated[
    float | None,
    typer.Option(
        "--lambda",
        min=0,
        max=1,
        help="Of multi_sc and single_text: how much of the slice is seen; 0 rebuilds from texts alone.",
    ),
]
Segmenter = Annotated[
    str | None,
    typer.Option(
        metavar="NAME[=SOURCE]", help="Of multi_sc and single_text: finds the subject (`gistchain models list`)."
    ),
]


def send(
    ctx: typer.Context,
    image: Image,
    snr_db: Snr,
    output: Annotated[
        Path,
        typer.Option("-o", "--output", parser=a_path, help="What the receiver sees: a .png, .jpg, .webp or .avif."),
    ],
    system: Annotated[
        SenderName,
        typer.Option(
            help="gist: whatever form is expected to give back most. text_coded: its caption alone. text_only: its "
            "caption as uncoded ASCII. image_ldpc: the best image file that fits; _fixed: at one rate for every SNR. "
            "img2img_sc: its caption and a latent; _analogue: the latent as symbols without a code; _literal: as "
            "published, in 262,298 uses. rosis: the gist of the chain, and four isotopes. multi_sc: a text of each "
            "quarter and a slice of the subject, in five bursts. single_text: one text and the slice. vlm_csc: one "
            "text. deep_jscc: a network makes symbols of pixels; _19db: one trained at 19 dB alone."
        ),
    ] = "gist",
    caption: Caption = None,
    channel: Channel = "awgn",
    budget: Budget = 1024,
    seed: Annotated[int, typer.Option(min=0, help="Of the noise: the same one meets every system.")] = 0,
    strength: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help="Of img2img_sc and its kinds: how much is painted anew; 0 only decodes what arrived."
        ),
    ] = None,
    texts: Texts = None,
    no_slice: Annotated[
        bool, typer.Option("--no-slice", help="Of multi_sc and single_text: texts alone, in all uses.")
    ] = False,
    weight: Lambda = None,
    segmenter: Segmenter = None,
    uncoded: Annotated[
        bool,
        typer.Option("--uncoded", help="Of multi_sc: texts as published, 8 bits a character, which nothing checks."),
    ] = False,
    corrector: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[=SOURCE]", help="With --uncoded: dictionary, none, or bart=FOLDER.  [default: dictionary]"
        ),
    ] = None,
    query: Annotated[
        str | None, typer.Option(help="What a captioner that can be asked, such as llava, is asked of each piece.")
    ] = None,
    rounds: Annotated[
        int, typer.Option(min=0, max=4, help="How often lost blocks may be sent again; their uses are counted.")
    ] = 0,
    pilots: Pilots = 0,
    snr_error: SnrError = 0.0,
    captioner: Captioner = None,
    painter: Painter = None,
    device: Device = None,
    dtype: Dtype = None,
    allow_download: AllowDownload = None,
    allow_pickle: AllowPickle = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Send an image over a noisy radio channel, and write what the receiver sees.

    Ends with exit code 1, and writes nothing, where nothing arrived.
    """
    from gistchain.image import check_output, write_image
    from gistchain.senders import sender

    check_output(output)
    check_stdin([image])
    link, conditions = _conditions(channel, snr_db, budget, pilots, snr_error)
    picture = _one(image, output)
    with busy(f"sending {picture.name}"):
        options = _text_options(texts, not no_slice, weight, segmenter, uncoded, corrector)
        made = sender(system, load(ctx.params), caption=caption, strength=strength, texts=options)
        prepared = made.prepare(picture)
        sent = prepared.send(link, conditions, seed=(seed,), rounds=rounds)
    if sent.picture is None:
        raise _unseen(picture, link, sent)
    write_image(sent.picture, output)
    answer(
        sent,
        lambda done: sent_json(picture, system, link.name, output, done),
        lambda done: sent_text(picture, system, link.name, output, done),
        as_json,
        done=f"{picture.name} was sent and written to {output}",
    )


@app.command(cls=Verb)
def plan(
    ctx: typer.Context,
    image: Image,
    snr_db: Snr,
    caption: Caption = None,
    channel: Channel = "awgn",
    budget: Budget = 1024,
    pilots: Pilots = 0,
    captioner: Captioner = None,
    painter: Painter = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Show what the system `gist` would send: every form that fits, what it is expected to give back, its blocks."""
    from gistchain.senders import gist_sender
    from gistchain.sending.analogue import AnaloguePlan

    check_stdin([image])
    link, conditions = _conditions(channel, snr_db, budget, pilots, 0.0)
    picture = read(image)
    with busy(f"planning {picture.name}"):
        prepared = gist_sender(load(ctx.params), caption=caption).prepare(picture)
        chosen = prepared.choice(link, conditions)
        plans = prepared.plans(link, conditions)
    analogue = chosen if isinstance(chosen, AnaloguePlan) else None
    answer(
        plans,
        lambda done: plan_json(picture, link.name, done, analogue),
        lambda done: plan_text(picture, link.name, done, analogue),
        as_json,
    )


def _text_options(
    texts: int | None, cut: bool, weight: float | None, segmenter: str | None, uncoded: bool, corrector: str | None
) -> TextOptions | None:
    """None where none was given."""
    from gistchain.senders import TextOptions

    if all(given is None for given in (texts, weight, segmenter, corrector)) and not uncoded and cut:
        return None
    return TextOptions(texts, cut, weight, coded=not uncoded, corrector=corrector, segmenter=segmenter)


def _unseen(picture: Picture, link: Link, sent: Sent) -> LinkError:
    """What to say where the receiver has no picture."""
    over = f"{picture.name} over {link.name} in {sent.uses:,} uses"
    if sent.gist is None:
        return LinkError(
            f"nothing arrived of {over}: give it more uses (--budget), or let lost blocks be sent again (--rounds)"
        )
    if sent.lost:
        return LinkError(
            f"of {over} {sent.caption!r} arrived, and what was lost is the {' and the '.join(sent.lost)}: give it more "
            "uses (--budget), or let lost blocks be sent again (--rounds)"
        )
    if not sent.certain:
        return LinkError(
            f"of {over} {sent.caption!r} was read, which nothing checks and no painter can paint: the noise may have "
            "spoilt it, so give it a higher --snr-db, or a --system that codes the text, such as text_coded or gist"
        )
    return LinkError(
        f"of {over} {sent.caption!r} was read, and no painter can paint that: captions of known collections can be "
        "painted, other pictures need a layer more, for which there was no room, or another --system"
    )


def _one(image: str, output: Path) -> Picture:
    """The picture. Raises SettingError for a folder, and where the output would replace it."""
    if image != STDIN and Path(image).is_dir():
        raise SettingError(f"{image} is a folder: one image is sent, give its file")
    spare([image], output)
    return read(image)


def spare(images: Sequence[str | Path], output: Path) -> None:
    """Raises SettingError where the output is one of the images."""
    for image in images:
        if output.exists() and image != STDIN and Path(image).exists() and output.samefile(image):
            raise SettingError(f"{output} is the image itself, which would be lost: give another name")


def _conditions(channel: Channel, snr_db: float, budget: int, pilots: int, snr_error: float) -> tuple[Link, Conditions]:
    """The channel, and what the sender believes of it."""
    from gistchain.link.channel import open_link
    from gistchain.types import Conditions

    believed = Conditions(channel, snr_db + snr_error, budget, pilots)
    return open_link(channel, snr_db, pilots=pilots), believed
