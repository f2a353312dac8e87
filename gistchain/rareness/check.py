"""Image -> Rareness: how rare it is among all registered ones, and why (S1.4-S1.6, S1.9)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import SettingError
from gistchain.image import Picture
from gistchain.rareness.examine import Counted, Examined, Examiner, Looked
from gistchain.rareness.hashes import BITS, NeuralHash, turned
from gistchain.rareness.judge import Classifiers, Judged, judge
from gistchain.rareness.overlay.difference import boxed, heat, regions
from gistchain.rareness.store.hashindex import Near
from gistchain.rareness.store.store import Entry, Store
from gistchain.rareness.store.thumbnail import pack, thumbnail, unpack
from gistchain.rareness.words import differing_traits, transform_words
from gistchain.types import (
    Captioner,
    Content,
    Hash,
    Hashes,
    Nearest,
    Pixels,
    Rareness,
    ReverseSearch,
    Transform,
    Verdict,
    WebSearch,
)

Look = Callable[[Pixels], tuple[NDArray[np.float32], Content]]
Token = Callable[[Entry], int | None]

_AS_IT_IS = Transform((1, 0, 0, 0, 1, 0, 0, 0, 1), False, ())
_SAME_LEVELS = 3.0
"""Grey levels by which a thumbnail of the same picture in another file may be wrong at any place."""
_SURE = 0.5
_SAME_HASH: dict[Hash, int] = {"pdq": 6, "phash": 2}


class Checker:
    """A store and the models that tell how rare an image is among what it holds."""

    def __init__(
        self,
        store: Store,
        look: Look,
        version: str,
        classifiers: Classifiers,
        *,
        captioner: Captioner | None = None,
        searches: Sequence[ReverseSearch] = (),
        neuralhash: NeuralHash | None = None,
    ) -> None:
        """version: of the fingerprints. captioner: names the traits that differ. searches: of the internet."""
        self.store, self.fingerprint_version = store, version
        self._look, self._classifiers = look, classifiers
        self._captioner, self._searches, self._neuralhash = captioner, tuple(searches), neuralhash
        self._examiner = Examiner(store)

    def check(
        self, picture: Picture, *, web: bool = False, counts: Counted | None = None, token: Token | None = None
    ) -> Rareness:
        """How rare the picture is; nothing is written.

        web: search the internet too. counts: which registered images count, by default seeds and those that became
        tokens; token: their ids.
        Raises SettingError where web is wanted and no provider is set, SearchError where one can't be asked.
        """
        found = self._search(picture) if web else None
        # A row whose registration failed has no token.
        counts = counts or (lambda entry: entry.seed or self.store.token(entry) is not None)
        token = token or self.store.token
        turns = turned(picture.pixels, neuralhash=self._neuralhash)
        fingerprint, content = self._look(picture.pixels)
        same = self._same(picture, turns, counts)
        if same is not None:
            return self._copy(picture, *same, turns, fingerprint, content, found, token)
        # Its own row is still there where it does not count: `_same` would have found it.
        own = self.store.find(picture.sha3_256)
        examined = self._examiner.examine(
            picture.pixels, lambda image: self._look(image)[0], turns, counts, without=own
        )
        judged = judge(examined, self._classifiers)
        best = None if judged.best is None else examined.looked[judged.best]
        traits = self._traits(picture, best.entry) if best and judged.verdict in ("sibling", "unsure") else ()
        nearest = None if best is None else _nearest(examined, best, token, traits)
        return Rareness(
            verdict=judged.verdict,
            score=1 - judged.chance,
            interval=judged.interval,
            reason=_reason(judged.verdict, nearest, best, examined.registered),
            nearest=nearest,
            subscores=subscores(examined, judged),
            hashes=turns[0],
            fingerprint=fingerprint,
            content=content,
            web=found,
            registered=examined.registered,
            fingerprint_version=self.fingerprint_version,
        )

    def remember(
        self, picture: Picture, rareness: Rareness | None, *, name: str, collection: str, caption: str, seed: bool
    ) -> None:
        """Keep what later images are compared with; the same file again changes nothing.

        rareness: what `check` found of it, which saves its fingerprint's networks a second run.
        """
        if rareness is None:
            fingerprint, _ = self._look(picture.pixels)
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

    def _same(self, picture: Picture, turns: Sequence[Hashes], counts: Counted) -> tuple[Entry, str] | None:
        """The entry of the very same file, or of the same picture in another file, with what to say of it (S1.9)."""
        row = self.store.find(picture.sha3_256)
        if row is not None:
            entry = self.store.entries([row])[0]
            if counts(entry):
                return entry, "It is the very same file as"
        own = thumbnail(picture.pixels).astype(np.float32)
        for near in self.store.near(turns[:1], _SAME_HASH)[:4]:
            entry = self.store.entries([near[0]])[0]
            if counts(entry) and _same_pixels(own, unpack(entry.thumbnail)):
                return entry, "It is the same picture, in another file, as"
        return None

    def _copy(
        self, picture: Picture, entry: Entry, words: str, turns: Sequence[Hashes], fingerprint: NDArray[np.float32],
        content: Content, found: tuple[WebSearch, ...] | None, token: Token,
    ) -> Rareness:  # fmt: skip
        registered, own = unpack(entry.thumbnail), thumbnail(picture.pixels)
        pearson = float(np.corrcoef(fingerprint, entry.fingerprint)[0, 1]) if np.ptp(fingerprint) else 1.0
        nearest = Nearest(
            entry.name, token(entry), entry.sha3_256, entry.collection, pearson, _AS_IT_IS, 1.0, 0.0, (), (),
            registered, own if own.shape == registered.shape else registered, _nowhere(registered),
        )  # fmt: skip
        zero = dict.fromkeys((*SUBSCORES, "combined", "xgboost", "keras"), 0.0)
        return Rareness(
            "copy", 0.0, (0.0, 0.0), f"{words} {_called(nearest)}.", nearest, zero, turns[0], fingerprint, content,
            found, len(self.store), self.fingerprint_version,
        )  # fmt: skip

    def _traits(self, picture: Picture, entry: Entry) -> tuple[str, ...]:
        """Of a collection that the captioner knows; the registered image is captioned where its caption isn't kept."""
        if self._captioner is None:
            return ()
        said = self._captioner.caption(picture.pixels)
        if said.confidence < _SURE:
            return ()
        there = entry.caption
        if not there:
            read = self._captioner.caption(unpack(entry.thumbnail))
            there = read.text if read.confidence >= _SURE else ""
        return differing_traits(there, said.text)


def _nearest(examined: Examined, best: Looked, token: Token, traits: tuple[str, ...]) -> Nearest:
    comparison, entry = best.comparison, best.entry
    one = comparison.alignment
    seen = examined.candidate.seen(one.mirrored)
    transform = Transform(
        tuple(float(v) for v in (one.matrix / one.matrix[2, 2]).ravel()),
        one.mirrored,
        transform_words(comparison, best.seen, seen),
    )
    at = np.flatnonzero(examined.gain.best.rows == best.row)
    pearson = float(examined.gain.best.correlations[at[0]]) if len(at) else 0.0
    different = comparison.difference
    return Nearest(
        entry.name, token(entry), entry.sha3_256, entry.collection, pearson, transform,
        comparison.features["overlap"], float(np.clip(different.features["residual_mean"], 0, 1)),
        regions(different, comparison.where), traits,
        best.seen.pixels.astype(np.uint8),
        np.clip(np.where(comparison.where[:, :, None], comparison.fitted.seen, 255), 0, 255).astype(np.uint8),
        heat(different) * comparison.where,
    )  # fmt: skip


SUBSCORES = ("pearson", "gain", "within", "dependence", "survivors", "hashes", "structure", "residual", "rivals")


def subscores(examined: Examined, judged: Judged) -> dict[str, float]:
    """S1.4: each in 0..1, 1 where the image is rare. combined: their mean, the Combined Relative Rareness Score.

    xgboost and keras: 1 less their chance of a copy; the score is of both, by their log odds.
    """
    if judged.best is None:
        return dict.fromkeys((*SUBSCORES, "combined", "xgboost", "keras"), 1.0)
    best = examined.looked[judged.best]
    features = best.comparison.features
    passed = examined.agreement.passed
    share = passed[-1] / max(1, len(examined.agreement.rows)) if passed else 0.0
    raw = {
        "pearson": 1 - examined.gain.best.maximum,
        "gain": 1 - examined.gain.fitted_gain,
        "within": 1 - examined.near.maximum,
        "dependence": 1 - examined.agreement.total,
        "survivors": 1 - share,
        "hashes": 2 * _hash_share(examined.hits),
        "structure": 1 - features["structure_q5"],
        "residual": features["residual_q99"],
        "rivals": best.rivals["rival_contrast"],
    }
    found = {name: float(np.clip(value, 0, 1)) if np.isfinite(value) else 0.5 for name, value in raw.items()}
    found["combined"] = sum(found.values()) / len(found)
    return found | {"xgboost": 1 - judged.by_xgboost, "keras": 1 - judged.by_keras}


def _nowhere(registered: Pixels) -> NDArray[np.float32]:
    return np.zeros(registered.shape[:2], np.float32)


def _hash_share(hits: Sequence[Near]) -> float:
    return hits[0][2] / BITS[hits[0][1]] if hits else 0.5


def _same_pixels(own: NDArray[np.float32], registered: Pixels) -> bool:
    if own.shape != registered.shape:
        return False
    # Over 5 x 5 pixels: the kept picture may be a lossy one.
    local = boxed(np.abs(own - registered.astype(np.float32)).max(axis=2), 5)
    return bool(local.max() <= _SAME_LEVELS)


def _called(nearest: Nearest) -> str:
    return f"token {nearest.token}" if nearest.token is not None else nearest.name


def _reason(verdict: Verdict, nearest: Nearest | None, best: Looked | None, registered: int) -> str:
    """One sentence."""
    if nearest is None or best is None:
        return "Nothing is registered that it could be compared with."
    name = _called(nearest)
    how = ", ".join(nearest.transform.words) or "as it is"
    differs = f"differs{_where(nearest)}" if nearest.regions else "differs a little everywhere"
    traits = f" ({'; '.join(nearest.traits)})" if nearest.traits else ""
    if verdict == "copy":
        return f"It is {name}, {how}: nothing in it is explained better by another registered image."
    if verdict == "unsure":
        if nearest.regions:
            return f"It {differs} from {name}{traits}, and whether that is an edit or a trait of its own can't be told."
        return (
            f"It shows {nearest.overlap:.0%} of {name}, and what would tell a copy from a sibling can't be seen in it."
        )
    if verdict == "sibling":
        return f"It is of the same series as {name} and {differs} from it{traits}."
    if verdict == "derivative":
        return f"It is the drawing of {name}, rendered anew."
    return f"None of {registered:,} registered images is its source; the nearest, {name}, {differs}."


def _where(nearest: Nearest) -> str:
    worst = nearest.regions[0]
    x, y = (worst.left + worst.right) / 2, (worst.top + worst.bottom) / 2
    down = "at the top" if y < 0.38 else "at the bottom" if y > 0.62 else "in the middle"
    across = " on the left" if x < 0.34 else " on the right" if x > 0.66 else ""
    return f" {down}{across}"
