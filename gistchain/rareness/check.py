"""Image -> Rareness: how rare it is among all registered ones, and why (S1.4-S1.6, S1.9).

models        fingerprint and content
hashes.py     hashes in eight turns ── the same file or the same pixels as a registered image? ──> copy
examine.py    beside the registered images (store/, funnel.py, measures/, overlay/)
judge.py      verdict, score, sub-scores
words.py      transform, traits that differ, reason
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import SettingError
from gistchain.image import Picture
from gistchain.rareness.examine import Counted, Examined, Examiner, Looked
from gistchain.rareness.hashes import NeuralHash, turned
from gistchain.rareness.judge import Classifiers, all_subscores, judge
from gistchain.rareness.overlay.difference import boxed, heat, regions
from gistchain.rareness.store.store import Entry, Store
from gistchain.rareness.store.thumbnail import pack, thumbnail, unpack
from gistchain.rareness.words import differing_traits, reason, same_reason, transform_words
from gistchain.types import (
    Captioner,
    Content,
    Fingerprinter,
    Hash,
    Hashes,
    Nearest,
    Pixels,
    Rareness,
    ReverseSearch,
    Transform,
    WebSearch,
)

Token = Callable[[Entry], int | None]
"""Registered image -> its token, None for an image that only seeds the database."""

_UNCHANGED = Transform((1, 0, 0, 0, 1, 0, 0, 0, 1), False, ())
_SAME_LEVELS = 3.0
"""Grey levels by which the thumbnail of the same picture in another file may be off at any place."""
_SAME_HASH: dict[Hash, int] = {"pdq": 6, "phash": 2}
"""Bits by which its hashes may differ."""
_SAME_TRIED = 4
_SURE = 0.5
"""Least confidence of a caption whose traits are named."""


class Networks(Fingerprinter, Protocol):
    """A fingerprinter whose networks tell the content of an image in the same pass."""

    def look(self, image: Pixels) -> tuple[NDArray[np.float32], Content]:
        """(fingerprint, shape (10048,); content) of one image."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class _Features:
    """What is computed of the candidate alone."""

    fingerprint: NDArray[np.float32]
    content: Content
    turns: tuple[Hashes, ...]


class Checker:
    """A store and the models that tell how rare an image is among the images that it holds."""

    def __init__(
        self,
        store: Store,
        networks: Networks,
        classifiers: Classifiers,
        *,
        captioner: Captioner | None = None,
        searches: Sequence[ReverseSearch] = (),
        neuralhash: NeuralHash | None = None,
    ) -> None:
        """captioner: names the traits that differ. searches: of the internet."""
        self.store, self.fingerprint_version = store, networks.version
        self._networks, self._classifiers = networks, classifiers
        self._captioner, self._searches, self._neuralhash = captioner, tuple(searches), neuralhash
        self._examiner = Examiner(store, networks)

    def check(
        self, picture: Picture, *, web: bool = False, counts: Counted | None = None, token: Token | None = None
    ) -> Rareness:
        """How rare the picture is; nothing is written.

        web: search the internet too. counts: which registered images count, by default seeds and those that became
        tokens; token: their ids.
        Raises SettingError where web is wanted and no provider is set, SearchError where one can't be asked.
        """
        searches = self._search(picture) if web else None
        # A row whose registration failed has no token.
        counts = counts or (lambda entry: entry.seed or self.store.token(entry) is not None)
        token = token or self.store.token
        features = self._features(picture)
        known = self.store.find(picture.sha3_256)
        if known is not None and counts(entry := self.store.entries([known])[0]):
            return self._same(picture, entry, features, searches, token, same_file=True)
        if (twin := self._same_pixels(picture, features, counts)) is not None:
            return self._same(picture, twin, features, searches, token, same_file=False)
        # A known row that does not count is the picture's own, of an attempt that failed.
        examined = self._examiner.examine(picture.pixels, features.fingerprint, features.turns, counts, without=known)
        judged = judge(examined, self._classifiers)
        compared_with, nearest = examined.gain.compared_with, None
        if judged.best is not None:
            unlike = judged.verdict in ("sibling", "unsure")
            traits = self._traits(picture, judged.best.entry) if unlike else ()
            nearest = _nearest(examined, judged.best, token(judged.best.entry), traits)
        return Rareness(
            verdict=judged.verdict,
            score=judged.score,
            interval=judged.interval,
            reason=reason(judged.verdict, nearest, compared_with),
            nearest=nearest,
            subscores=judged.subscores,
            hashes=features.turns[0],
            fingerprint=features.fingerprint,
            content=features.content,
            web=searches,
            compared_with=compared_with,
            fingerprint_version=self.fingerprint_version,
        )

    def remember(
        self, picture: Picture, rareness: Rareness | None, *, name: str, collection: str, caption: str, seed: bool
    ) -> None:
        """Keep what later images are compared with; the same file again changes nothing.

        rareness: what `check` found of it, which saves running the networks again.
        """
        if rareness is None:
            fingerprint, _ = self._networks.look(picture.pixels)
            hashes = turned(picture.pixels, neuralhash=self._neuralhash)[0]
        else:
            fingerprint, hashes = rareness.fingerprint, rareness.hashes
        small = pack(picture.pixels)
        self.store.add([Entry(picture.sha3_256, name, collection, caption, seed, hashes, fingerprint, small)])

    def _search(self, picture: Picture) -> tuple[WebSearch, ...]:
        if not self._searches:
            raise SettingError(
                "no search of the internet is set: give vision_key, tineye_key or crawl_index in settings.toml, "
                "or leave out --web"
            )
        return tuple(search.search(picture.pixels) for search in self._searches)

    def _features(self, picture: Picture) -> _Features:
        turns = turned(picture.pixels, neuralhash=self._neuralhash)
        return _Features(*self._networks.look(picture.pixels), turns)

    def _same_pixels(self, picture: Picture, features: _Features, counts: Counted) -> Entry | None:
        """The registered image that shows the same pixels in another file (S1.9)."""
        own = thumbnail(picture.pixels).astype(np.float32)
        for row, *_ in self.store.near(features.turns[:1], _SAME_HASH)[:_SAME_TRIED]:
            entry = self.store.entries([row])[0]
            if counts(entry) and _equal(own, unpack(entry.thumbnail)):
                return entry
        return None

    def _same(
        self, picture: Picture, entry: Entry, features: _Features, searches: tuple[WebSearch, ...] | None, token: Token,
        *, same_file: bool,
    ) -> Rareness:  # fmt: skip
        """The rareness of an image that equals a registered one."""
        nearest = _equal_nearest(picture, entry, features.fingerprint, token(entry))
        return Rareness(
            verdict="copy",
            score=0.0,
            interval=(0.0, 0.0),
            reason=same_reason(nearest, same_file=same_file),
            nearest=nearest,
            subscores=all_subscores(0.0),
            hashes=features.turns[0],
            fingerprint=features.fingerprint,
            content=features.content,
            web=searches,
            compared_with=len(self.store),
            fingerprint_version=self.fingerprint_version,
        )

    def _traits(self, picture: Picture, entry: Entry) -> tuple[str, ...]:
        """Traits that differ, if the captioner knows the collection.

        The registered image is captioned too where its caption isn't kept.
        """
        if self._captioner is None:
            return ()
        caption = self._captioner.caption(picture.pixels)
        if caption.confidence < _SURE:
            return ()
        registered = entry.caption
        if not registered:
            read = self._captioner.caption(unpack(entry.thumbnail))
            registered = read.text if read.confidence >= _SURE else ""
        return differing_traits(registered, caption.text)


def _nearest(examined: Examined, best: Looked, token: int | None, traits: tuple[str, ...]) -> Nearest:
    """The likeliest source, and what was seen when the candidate was laid over it."""
    comparison, entry, gain = best.comparison, best.entry, examined.gain
    alignment, different, where = comparison.alignment, comparison.difference, comparison.where
    at = np.flatnonzero(gain.best.rows == best.row)
    words = transform_words(comparison, best.view, examined.candidate.view(alignment.mirrored))
    matrix = tuple(float(value) for value in (alignment.matrix / alignment.matrix[2, 2]).ravel())
    aligned = np.where(where[:, :, None], comparison.fitted.seen, 255)
    return Nearest(
        name=entry.name,
        token=token,
        sha3_256=entry.sha3_256,
        collection=entry.collection,
        pearson=float(gain.best.correlations[at[0]]) if len(at) else 0.0,
        transform=Transform(matrix, alignment.mirrored, words),
        overlap=comparison.features["overlap"],
        residual=float(np.clip(different.features["residual_mean"], 0, 1)),
        regions=regions(different, where),
        traits=traits,
        registered=best.view.pixels.astype(np.uint8),
        aligned=np.clip(aligned, 0, 255).astype(np.uint8),
        differences=heat(different) * where,
    )


def _equal_nearest(picture: Picture, entry: Entry, fingerprint: NDArray[np.float32], token: int | None) -> Nearest:
    """The registered image that the picture equals."""
    registered, own = unpack(entry.thumbnail), thumbnail(picture.pixels)
    return Nearest(
        name=entry.name,
        token=token,
        sha3_256=entry.sha3_256,
        collection=entry.collection,
        pearson=float(np.corrcoef(fingerprint, entry.fingerprint)[0, 1]) if np.ptp(fingerprint) else 1.0,
        transform=_UNCHANGED,
        overlap=1.0,
        residual=0.0,
        regions=(),
        traits=(),
        registered=registered,
        aligned=own if own.shape == registered.shape else registered,
        differences=np.zeros(registered.shape[:2], np.float32),
    )


def _equal(own: NDArray[np.float32], registered: Pixels) -> bool:
    if own.shape != registered.shape:
        return False
    # Over 5 x 5 pixels: the kept thumbnail may be lossy.
    local = boxed(np.abs(own - registered.astype(np.float32)).max(axis=2), 5)
    return bool(local.max() <= _SAME_LEVELS)
