"""Image -> Rareness: how rare it is among all registered ones, and why (S1.4-S1.6, S1.9).

models        fingerprint and content
hashes.py     hashes in eight turns ── the same file, pixels or picture as a registered one? ──> copy
thumbnail     does it show anything? ──> blank: nothing is compared with it
examine.py    beside the registered images (store/, funnel.py, measures/, overlay/)
renditions.py where backgrounds are transparent, once more on another one
judge.py      verdict, score, sub-scores
words.py      transform, traits that differ, reason
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import SettingError
from gistchain.image import pixels_sha3_256
from gistchain.rareness.backgrounds import flat_border
from gistchain.rareness.examine import Counted, Examined, Examiner
from gistchain.rareness.hashes import THRESHOLDS, NeuralHash, hashes, turned
from gistchain.rareness.judge import BLANK, EQUAL, Classifiers, Judged, judge
from gistchain.rareness.nearest import equal, is_equal, laid_over
from gistchain.rareness.renditions import renditions
from gistchain.rareness.store.store import Entry, Store
from gistchain.rareness.store.thumbnail import is_blank, pack, thumbnail, unpack
from gistchain.rareness.store.trust import Trust
from gistchain.rareness.words import Known, Sameness, differing_traits, reason, same_reason
from gistchain.types import (
    Captioner,
    Content,
    Fingerprinter,
    Hash,
    Hashes,
    Nearest,
    Picture,
    Pixels,
    Rareness,
    ReverseSearch,
    WebSearch,
)

Token = Callable[[Entry], int | None]
"""Registered image -> its token, None for an image that only seeds the database."""

_SAME_HASH: dict[Hash, int] = {"pdq": 6, "phash": 2}
"""Bits by which its hashes may differ."""
_SAME_TRIED = 4
_NEAR = 0.3
"""Correlation of fingerprints that copies reach: unrelated photos have less than 0.25, cropped ones more than 0.6."""
_SURE = 0.5
"""Least confidence of a caption whose traits are named."""


class Networks(Fingerprinter, Protocol):
    """A fingerprinter whose networks tell the content of an image in the same pass."""

    def look(self, image: Pixels) -> tuple[NDArray[np.float32], Content]:
        """(fingerprint, shape (10048,); content) of one image."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """What is known of the candidate alone. turns: its hashes, and those of its turns.

    searches: None where the internet was not searched.
    """

    fingerprint: NDArray[np.float32]
    content: Content
    turns: tuple[Hashes, ...]
    searches: tuple[WebSearch, ...] | None

    @property
    def hashes(self) -> Hashes:
        return self.turns[0]


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
        trust: Trust | None = None,
        known: Known = "registered",
    ) -> None:
        """captioner: names the traits that differ. searches: of the internet. trust: None where nothing remembers
        what was in the store, as in a benchmark. known: what reasons call the images of the store."""
        self.store, self.fingerprint_version, self.trust = store, networks.version, trust
        self._networks, self._classifiers = networks, classifiers
        self._captioner, self._searches, self._neuralhash = captioner, tuple(searches), neuralhash
        self._examiner = Examiner(store, networks)
        self._known = known

    def check(
        self,
        picture: Picture,
        *,
        web: bool = False,
        counts: Counted | None = None,
        token: Token | None = None,
        found: Rareness | Features | None = None,
    ) -> Rareness:
        """How rare the picture is; nothing is written.

        web: search the internet too. counts: which registered images count, by default seeds and those that became
        tokens; token: their ids. found: what another checker said of this picture, whose features
        are taken from it; or the features themselves.
        Raises SettingError where web is wanted and no provider is set, SearchError where one can't be asked.
        """
        # A row whose registration failed has no token. A blank one, whoever registered it, is nobody's source.
        registered = counts or (lambda entry: entry.seed or self.store.token(entry) is not None)
        token = token or self.store.token
        if found is None:
            features = self.features(picture, web)
        else:
            features = found if isinstance(found, Features) else _features_of(picture, found)
        known = self.store.find(picture.sha3_256)
        small = thumbnail(picture.pixels)
        blank = is_blank(small)
        if (same := self._same(picture, small, known, features, registered, blank)) is not None:
            entry, sameness = same
            nearest = equal(picture.pixels, features.fingerprint, entry, token(entry))
            return self._rareness(features, EQUAL, nearest, same_reason(nearest, sameness), len(self.store))
        if blank:
            return self._rareness(features, BLANK, None, reason("blank", None, 0), 0)

        # A known row that does not count is the picture's own, of an attempt that failed.
        examined, judged = self._examined(picture, small, features, registered, known)
        source = self._source(picture, examined, judged, token)
        compared_with = examined.gain.compared_with
        why = reason(judged.verdict, source, compared_with, self._known)
        return self._rareness(features, judged, source, why, compared_with)

    def remember(
        self, picture: Picture, rareness: Rareness | None, *, name: str, collection: str, caption: str, seed: bool
    ) -> None:
        """Keep what later images are compared with; the same file again changes nothing.

        rareness: what `check` found of it, which saves running the networks again.
        Raises DatabaseLost where the database is not the one that the home remembers.
        """
        self.keep([self.entry(picture, rareness, name=name, collection=collection, caption=caption, seed=seed)])

    def entry(
        self,
        picture: Picture,
        rareness: Rareness | Features | None,
        *,
        name: str,
        collection: str,
        caption: str,
        seed: bool,
    ) -> Entry:
        """What is to be kept of one image; threads may call it at the same time."""
        if rareness is None:
            fingerprint, _ = self._networks.look(picture.pixels)
            found = hashes(picture.pixels, neuralhash=self._neuralhash)
        else:
            fingerprint, found = rareness.fingerprint, rareness.hashes
        return Entry(
            picture.sha3_256,
            name,
            collection,
            caption,
            seed,
            found,
            fingerprint,
            pack(picture.pixels, picture.alpha),
            pixels=pixels_sha3_256(picture),
            blank=is_blank(thumbnail(picture.pixels)),
            background=picture.background,
        )

    def keep(self, entries: Sequence[Entry]) -> None:
        """Keep what `entry` gave, all or none; else as `remember`."""
        if self.trust is not None:
            self.trust.require()
        self.store.add(entries)
        if self.trust is not None:
            self.trust.keep(seldom=all(entry.seed for entry in entries))

    def until(self, rows: int) -> Checker:
        """This checker when the store had so many rows."""
        earlier = copy.copy(self)
        earlier.store = self.store.until(rows)
        earlier._examiner = self._examiner.of(earlier.store)
        return earlier

    def beside(self, store: Store, known: Known) -> Checker:
        """A checker of another store by the same models; it searches no internet. known: what is in the store."""
        captioner, neuralhash = self._captioner, self._neuralhash
        return Checker(
            store, self._networks, self._classifiers, captioner=captioner, neuralhash=neuralhash, known=known
        )

    def is_near(self, picture: Picture, found: Rareness) -> bool:
        """Whether any image of the store is near enough to be compared with the picture; it costs a scan.

        found: what `check` said of it.
        """
        if not len(self.store):
            return False
        if picture.background is not None or self.store.backgrounds():
            return True  # fingerprints see backgrounds too
        if self.store.approximate(found.fingerprint)[0].max() >= _NEAR:
            return True
        return bool(self.store.near([found.hashes], THRESHOLDS))

    def _search(self, picture: Picture) -> tuple[WebSearch, ...]:
        if not self._searches:
            raise SettingError(
                "no search of the internet is set: give vision_key, tineye_key or crawl_index in settings.toml, "
                "or index sites with `gistchain rareness crawl`, or leave out --web"
            )
        return tuple(search.search(picture.pixels) for search in self._searches)

    def features(self, picture: Picture, web: bool = False) -> Features:
        """What `check` and `entry` need of a picture alone; raises as `check`."""
        searches = self._search(picture) if web else None  # first: it fails at once where none is set
        turns = turned(picture.pixels, neuralhash=self._neuralhash)
        return Features(*self._networks.look(picture.pixels), turns, searches)

    def glance(self, picture: Picture) -> tuple[NDArray[np.float32], tuple[Hashes, ...]]:
        """Its fingerprint, and PDQ and phash of its turns: for programs that look at thousands."""
        fingerprint, _ = self._networks.look(picture.pixels)
        return fingerprint, turned(picture.pixels, coarse=False)

    def _examined(
        self, picture: Picture, small: Pixels, features: Features, registered: Counted, without: int | None
    ) -> tuple[Examined, Judged]:
        """The picture beside the registered ones; where backgrounds differ, on the one that shows most of a copy."""

        def counts(entry: Entry) -> bool:
            return not entry.blank and registered(entry)

        def transparent(entry: Entry) -> bool:
            return entry.background is not None and counts(entry)

        background = picture.background or (flat_border(small) if self.store.backgrounds() else None)
        examined = self._examiner.examine(
            small, features.fingerprint, features.turns, counts, without=without, background=background
        )
        judged = judge(examined, self._classifiers)
        if judged.verdict == "copy":
            return examined, judged
        for other in renditions(picture, features.fingerprint, features.turns, self.store, self._networks):
            again = self._examiner.examine(
                other.image, other.fingerprint, other.turns, transparent if other.transparent_only else counts,
                without=without, background=other.background, seen=other.seen,
            )  # fmt: skip
            rejudged = judge(again, self._classifiers)
            # Only a copy counts: the more backgrounds are tried, the likelier one of them raises a doubt.
            if rejudged.verdict == "copy":
                return again, rejudged
        return examined, judged

    def _same(
        self,
        picture: Picture,
        small: Pixels,
        known: int | None,
        features: Features,
        registered: Counted,
        blank: bool,
    ) -> tuple[Entry, Sameness] | None:
        """A registered image that the picture equals (S1.9), and in what.

        small: its thumbnail. known: the row with its SHA3-256. blank: it shows nothing, so that only a file equals it.
        """
        if known is not None and registered(entry := self.store.entries([known])[0]):
            return entry, "file"
        if blank:
            return None
        for row in self.store.with_pixels(pixels_sha3_256(picture)):
            if registered(entry := self.store.entries([row])[0]):
                return entry, "pixels"
        for row, *_ in self.store.near(features.turns[:1], _SAME_HASH)[:_SAME_TRIED]:
            entry = self.store.entries([row])[0]
            if registered(entry) and not entry.blank and is_equal(small, unpack(entry.thumbnail)):
                return entry, "picture"
        return None

    def _source(self, picture: Picture, examined: Examined, judged: Judged, token: Token) -> Nearest | None:
        """The likeliest source; with the traits that differ, where some may."""
        best = judged.best
        if best is None:
            return None
        traits = self._traits(picture, best.entry) if judged.verdict in ("sibling", "unsure") else ()
        return laid_over(examined, best, token(best.entry), traits)

    def _rareness(
        self, features: Features, judged: Judged, nearest: Nearest | None, reason: str, compared_with: int
    ) -> Rareness:
        lacking, doubt = (0, None) if self.trust is None else self.trust.state()
        return Rareness(
            verdict=judged.verdict,
            score=judged.score,
            interval=judged.interval,
            reason=reason,
            nearest=nearest,
            subscores=judged.subscores,
            hashes=features.turns[0],
            fingerprint=features.fingerprint,
            content=features.content,
            web=features.searches,
            compared_with=compared_with,
            fingerprint_version=self.fingerprint_version,
            lacking=lacking,
            doubt=doubt,
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


def _features_of(picture: Picture, found: Rareness) -> Features:
    """The features that lie in what was found, without running the networks again."""
    turns = (found.hashes, *turned(picture.pixels)[1:])
    return Features(found.fingerprint, found.content, turns, None)
