"""A maker's own collection -> a model that captions and paints it, with a report on tokens that it never saw.

    folder ──> tokens ──> first fit ──> what is hidden ──> second fit ──> layers ──┐
                  └─────> held-out tokens ──────────────────────────────> scores ──┴──> model, card, report

Everything is learnt on the processor, in a minute or two (models/layered). The labels of metadata say what was put into
a picture, not what can be seen of it; so the layers are fitted twice: the first fit shows which traits are hidden
behind others, the second learns from what is left. Values that no pixel tells apart become one, and types that no pixel
shows are left out of captions.
"""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gistchain import __version__
from gistchain.collection import folder as folders
from gistchain.collection import trained_report
from gistchain.collection.scores import scores
from gistchain.collection.tokens import Tokens
from gistchain.collection.trained import AlreadyThere, Trained
from gistchain.collection.work import Work, opened
from gistchain.errors import CollectionError
from gistchain.models.area import area_average
from gistchain.models.known import KnownCollection, hidden_by, known_collections
from gistchain.models.layered.fit import Fitted
from gistchain.models.layered.learn import SELDOM, learn, poses_checkpoint
from gistchain.models.layered.merge import relabelled
from gistchain.models.layered.model import SIDE, Floats, Layers, pack, to_floats, to_pixels, unpack
from gistchain.models.layered.read import VISIBLE, absence
from gistchain.models.layered.shelving import shelve
from gistchain.models.zoo.weights import card
from gistchain.traits import Traits
from gistchain.types import Pixels

_MOST_JUDGED = 300

Progress = Callable[[str, float], None]
"""What is being done, and how much of it is done, in 0..1."""


def train(
    source: Path,
    shelf: Path,
    *,
    name: str,
    subject: str = "",
    skip: bool = False,
    replace: bool = False,
    progress: Progress = lambda what, share: None,
) -> Trained | AlreadyThere:
    """Learns the collection in `source` and puts its files on the shelf. Interrupted, the same call goes on.

    replace: also in the place of another collection that has its name, or of a shipped one that is called so,
    and again where the same was learnt from the same folder.
    Raises CollectionError or ImageError for a folder that can't be learnt from, CollectionError for a collection that
    would take the place of another; nothing on the shelf changes then.
    """
    started = time.process_time()
    listed = folders.listed(source, name=name, subject=subject, skip=skip)
    state = hashlib.sha256(f"{listed.digest} {__version__}".encode()).hexdigest()
    model_path, card_path, report = (shelf / f"collection-{name}{suffix}" for suffix in (".layers", ".json", ".html"))
    with opened(shelf, name, state, lambda what: progress(what, 1.0)) as work:
        same = _is_there(name, state, shelf)
        if same and report.exists() and not work.begun and not replace:
            return AlreadyThere(listed.traits, model_path, report)
        # One that was killed after its card was written takes no place but its own.
        hidden = hidden_by(listed.traits, None if same else shelf)
        if not same:
            _check_place(listed.traits, hidden, replace)
        work.only()
        spent_s = work.spent_s()
        tokens = _read(listed, work, progress)
        layers, held = _learnt(tokens, work, progress)
        if not layers.sharpness.any():
            work.remove()
            raise CollectionError(
                f"the pictures of {source} show none of its traits ({', '.join(tokens.traits.types)}), so there is "
                "nothing to learn: check that images and metadata belong together"
            )
        model = pack(layers)
        # What is judged is what is written: packing rounds.
        judged = scores(unpack(model, name), held, lambda share: progress("reading held-out tokens", share))
        seldom = _seldom(tokens)
        trained = Trained(
            layers.traits,
            model_path,
            card_path,
            report,
            judged,
            (
                *listed.notes,
                *_notes(layers, seldom),
                *judged.notes(),
                *(f"it takes the place of {other}" for other in hidden),
            ),
            tuple(t for t, worth in zip(tokens.traits.types, layers.sharpness, strict=True) if not worth),
            layers.merged,
            seldom,
            (spent_s + time.process_time() - started) / 60,
            work.resumed,
        )
        shelve(model, {**_card(trained, len(tokens)), "inputs": state}, shelf, name, put=work.put)
        work.put(trained_report.page(trained).encode(), trained.report)
        work.remove()
    return trained


def _is_there(name: str, state: str, shelf: Path) -> bool:
    """Whether this very state was learnt to the end."""
    here = any(known.own and known.collection == name for known in known_collections(shelf))
    return here and card(f"collection-{name}", shelf).get("inputs") == state


def _check_place(traits: Traits, hidden: Sequence[KnownCollection], replace: bool) -> None:
    """Raises CollectionError where others have the place that the traits ask for."""
    beside = [known for known in hidden if known.own and known.collection != traits.collection]
    if beside:  # both would stay on the shelf, and a caption would not say whose it is
        raise CollectionError(
            f"captions could not tell {traits.collection!r} ({traits.subject}) from {' and '.join(map(str, beside))}: "
            "give --subject another name for its tokens, or the --name of the collection that it shall replace"
        )
    if hidden and not replace:
        raise CollectionError(
            f"{traits.collection!r} ({traits.subject}) would take the place of {' and '.join(map(str, hidden))}, and "
            "tokens that were registered with the old one would be rebuilt by the new one, as something else: give "
            "--replace if that is wanted, otherwise another --name and --subject"
        )


def _read(listed: folders.Listed, work: Work, progress: Progress) -> Tokens:
    def arrays() -> bytes:
        tokens = folders.read(listed, _reduced, lambda share: progress("reading the images", share))
        file = io.BytesIO()
        np.savez(file, allow_pickle=False, images=tokens.images, labels=tokens.labels)
        return file.getvalue()

    def parsed(path: Path) -> Tokens:
        with np.load(path, allow_pickle=False) as kept:
            return Tokens(listed.traits, tuple(t.name for t in listed.tokens), kept["images"], kept["labels"])

    return work.kept("tokens.npz", parsed, arrays)


def _reduced(image: Pixels) -> Pixels:
    """As the captioner will see it."""
    return to_pixels(area_average(image, SIDE).transpose(1, 2, 0))


def _learnt(tokens: Tokens, work: Work, progress: Progress) -> tuple[Layers, Tokens]:
    """The layers, and the held-out tokens, labelled with what can be seen of them."""
    held = folders.held_out(tokens.names)
    pictures = to_floats(tokens.images[~held])
    first = _fitted(pictures, tokens.labels[~held], tokens.traits, work, "first", progress, judging=False)
    rows = []
    for row in tokens.labels:
        rows.append(_visible(first, row))
        progress("looking for what is hidden", len(rows) / len(tokens))
    visible = np.stack(rows)
    layers = _fitted(pictures, visible[~held], tokens.traits, work, "second", progress, judging=True)
    judged = np.flatnonzero(held)[:_MOST_JUDGED]
    names = tuple(tokens.names[k] for k in judged)
    labels = relabelled(visible[judged], tokens.traits, layers)
    return layers, Tokens(layers.traits, names, tokens.images[judged], labels)


def _fitted(
    pictures: Floats,
    labels: NDArray[np.int64],
    traits: Traits,
    work: Work,
    name: str,
    progress: Progress,
    *,
    judging: bool,
) -> Layers:
    what = f"fitting the layers, {name} time"
    checkpoint, touch = work.checkpoint(name, Fitted.load), work.clock(name)
    work.checkpoint(poses_checkpoint(checkpoint).stem, Fitted.load)

    def told(share: float) -> None:
        touch()
        progress(what, share)

    def learnt() -> bytes:
        return pack(learn(pictures, labels, traits, progress=told, checkpoint=checkpoint, judging=judging))

    layers = work.kept(f"{name}.layers", lambda path: unpack(path.read_bytes(), path.name), learnt)
    progress(what, 1.0)
    return layers


def _visible(layers: Layers, row: NDArray[np.int64]) -> NDArray[np.int64]:
    """The labels without those that are hidden: whatever their value were, the painted picture would not change."""
    visible = row.copy()
    for t, values in enumerate(layers.traits.values.values()):
        if row[t] and all(absence(layers, row, t, other) < VISIBLE for other in range(len(values) + 1)):
            visible[t] = 0
    return visible


def _seldom(tokens: Tokens) -> dict[str, tuple[str, ...]]:
    """By type the values that too few of the learnt tokens have to know what they look like."""
    learnt, found = tokens.labels[~folders.held_out(tokens.names)], {}
    for t, (type_, values) in enumerate(tokens.traits.values.items()):
        counts = np.bincount(learnt[:, t], minlength=len(values) + 1)[1:]
        found[type_] = tuple(value for value, count in zip(values, counts, strict=True) if count < SELDOM)
    return {type_: values for type_, values in found.items() if values}


def _notes(layers: Layers, seldom: dict[str, tuple[str, ...]]) -> list[str]:
    notes = []
    for type_, groups in layers.merged.items():
        notes += [f"told as one, as no pixel tells them apart: {type_} {told}" for told in groups if told]
        notes += [f"never told, as it looks like none: {type_} {value}" for value in groups.get("", ())]
    if seldom:
        count = sum(map(len, seldom.values()))
        first = "; ".join(f"{type_} {', '.join(values[:2])}" for type_, values in list(seldom.items())[:3])
        notes.append(f"seen too seldom to be known well: {count} values with fewer than {SELDOM} tokens ({first} ...)")
    return notes


def _card(trained: Trained, tokens: int) -> dict[str, object]:
    judged = trained.judged
    return {
        "kind": "collection",
        "collection": trained.traits.collection,
        "subject": trained.traits.subject,
        "data": f"{tokens} tokens of the maker's own folder",
        "licence": "the maker's own",
        "recipe": "gistchain collection train",
        "tokens": tokens - judged.tokens,
        "cpu_minutes": round(trained.cpu_minutes, 2),
        "merged": trained.merged,
        "held_out": {"n": judged.tokens, "exact_match": judged.exact, "ssim": judged.ssim},
    }
