"""database.json: which database of registered images a home has and how much was in it, kept beside the database.

Without the database, or with an older one in its place, a copy of a registered image looks like an original. So the
home remembers its id and how many images it held, and the database counts only while it fits. The file is written
after the database itself: a kill between the two leaves a database with more than is remembered, which fits.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from gistchain.disk.lock import FileLock
from gistchain.disk.read import read_regular
from gistchain.disk.write import write_whole
from gistchain.errors import DatabaseLost, FileBusy, FileDamaged, FileError, LedgerError
from gistchain.rareness.store.database import FILE, Database, asides, set_aside
from gistchain.safejson import parsed

NAME = "database.json"
_LOCK = ".database.lock"
_MOST_BYTES = 256 * 2**20  # 66 for each token whose image is missing
_INSTEAD = (
    "put the files back from a backup, or 'gistchain rareness rebuild' begins anew without those images; "
    "'rareness rebuild --keep' goes on with what is there"
)


@dataclass(frozen=True, slots=True)
class Kept:
    """What a home remembers. store: the database's id, '' for one that is still to be made. rows: images in it.

    chain, tokens: of the home's own chain, how many tokens were looked up here. missing: SHA3-256 in hex of tokens'
    images that are knowingly not in the database.
    """

    store: str = ""
    rows: int = 0
    chain: str = ""
    tokens: int = 0
    missing: tuple[str, ...] = ()


class Trust:
    """Whether the database of a home is the one that the home remembers, with all that was in it."""

    def __init__(
        self, folder: Path, *, chain: Callable[[int], tuple[int, Sequence[bytes]]] | None = None, wait_s: float = 10.0
    ) -> None:
        """chain: of the home's own chain, a token -> (how many tokens there are, SHA3-256 of the images of those after
        it). None where there is no such chain. wait_s: how long another process that writes is waited for."""
        self._folder, self._chain, self._wait_s = folder, chain, wait_s
        self._unread = False
        self._looked: tuple[str, int] = ("", 0)
        self._told: tuple[object, tuple[int, str | None]] = (None, (0, None))

    def state(self) -> tuple[int, str | None]:
        """`lacking` and `lost` together, worked out anew only where a file has changed since the last call.

        Raises FileBusy, FileDamaged, FileError where the database can't be read.
        """
        files = self._files()
        if self._told[0] != files:
            try:
                kept = self._kept()
            except FileDamaged as error:
                return 0, str(error)
            self._unread = False
            told = self._lacking(kept), self._lost(kept)
            if self._unread:
                return told
            self._told = files, told
        return self._told[1]

    def _files(self) -> object:
        """What changes whenever the files or what was looked up do."""
        stats = []
        for name in (NAME, FILE, f"{FILE}-wal"):
            with contextlib.suppress(OSError):
                status = os.stat(self._folder / name)
                stats.append((name, status.st_ino, status.st_size, status.st_mtime_ns))
        return self._looked, stats

    def lost(self) -> str | None:
        """Why verdicts can't be trusted; None where the database is as it was left, or nothing is remembered yet.

        Raises FileBusy, FileDamaged, FileError where the database can't be read.
        """
        try:
            return self._lost(self._kept())
        except FileDamaged as error:
            return str(error)

    def _lost(self, kept: Kept | None) -> str | None:
        why = None if kept is None else self._mismatch(kept, *self._found())
        # An older database beside its own older memory fits it: only the chain tells.
        return why or self._beside_chain(kept or Kept())

    def require(self) -> None:
        """Raises DatabaseLost where the database is not the one that is remembered, FileDamaged where nothing says so.

        One that lacks tokens of the chain may be written to: their images are added by that.
        """
        kept = self._kept()
        if kept is not None and (why := self._mismatch(kept, *self._found())) is not None:
            raise DatabaseLost(why)

    def look_up(self, chain: str, images: Iterable[tuple[int, bytes]]) -> None:
        """Look for the images of the home's own chain in the database; those knowingly missing are passed over.

        chain: its name. images: (token, SHA3-256) of tokens, in order of id; those up to `looked_up(chain)` may be
        left out. Raises DatabaseLost where some are not there.
        """
        kept = self._kept() or Kept()
        last, unknown, missing = self.looked_up(chain), list[int](), frozenset(kept.missing)
        with self._looking() as there:
            for token, image in images:
                last = token
                if not there(image) and image.hex() not in missing:
                    unknown.append(token)
        if unknown:
            which = f"token{'s' if len(unknown) > 1 else ''} {', '.join(map(str, unknown[:5]))}"
            raise DatabaseLost(
                f"{which}{' ...' if len(unknown) > 5 else ''} of this home's chain: the image is not in the database "
                f"{self._folder / FILE}, so that a copy of it would be signed as an original: give the image to "
                f"'register' again, {_INSTEAD}"
            )
        self._looked = (chain, last)

    def looked_up(self, chain: str) -> int:
        """The last token of the home's own chain up to which all were looked for."""
        kept = self._kept() or Kept()
        known = kept.tokens if kept.chain == chain else 0
        return max(known, self._looked[1] if self._looked[0] == chain else 0)

    def lacking(self) -> int:
        """How many tokens' images are knowingly not in the database: near-copies of them are not found."""
        return self._lacking(self._kept())

    def _lacking(self, kept: Kept | None) -> int:
        if kept is None or not kept.missing:
            return 0
        with self._looking() as there:
            return sum(not there(bytes.fromhex(image)) for image in kept.missing)

    def given_up(self) -> list[bytes]:
        """SHA3-256 of the tokens' images that were missing when that was last written; none where it can't be read."""
        with contextlib.suppress(FileDamaged):
            return [bytes.fromhex(image) for image in (self._kept() or Kept()).missing]
        return []

    def keep(self, *, seldom: bool = False) -> None:
        """Remember the database as it is now. seldom: only where it has grown by a tenth, as while it is seeded.

        Raises DatabaseLost where it is not the one that is remembered; FileError, DiskFull.
        """
        kept, rows = self._kept(), self._found()[1]
        if seldom and kept is not None and kept.store and rows <= 1.1 * kept.rows:
            return
        with self._locked():
            kept = self._kept() or Kept()
            store, rows = self._found()
            if (why := self._mismatch(kept, store, rows)) is not None:
                raise DatabaseLost(why)
            chain, tokens = self._looked if self._looked[0] else (kept.chain, kept.tokens)
            missing = kept.missing
            if missing:
                with self._looking() as there:
                    missing = tuple(image for image in missing if not there(bytes.fromhex(image)))
            self._write(replace(kept, store=store, rows=rows, chain=chain, tokens=tokens, missing=missing))

    def begin_anew(self, chain: str, tokens: Iterable[bytes], others: Iterable[bytes] = ()) -> int:
        """Remember the database that is here now, or that none is: it is knowingly another one, and lacks tokens.

        chain, tokens: of the home's own chain, the SHA3-256 of each token's image. others: images of tokens elsewhere.
        Returns how many of the images are not in the database. Raises FileError, DiskFull.
        """
        own = list(tokens)
        with self._locked():
            store, rows = self._found()
            with self._looking() as there:
                missing = {image.hex(): None for image in (*own, *others) if not there(image)}
            self._write(Kept(store, rows, chain, len(own), tuple(missing)))
        return len(missing)

    def _beside_chain(self, kept: Kept) -> str | None:
        """Whether the database holds the images of the tokens that were not looked up before."""
        if self._looked[0] or self._chain is None:
            return None
        after = kept.tokens if kept.chain else 0
        try:
            count, images = self._chain(after)
        except FileBusy:  # whoever has it open looks by itself: `look_up`
            self._unread = True
            return None
        except (FileError, LedgerError) as error:
            self._unread = True
            return (
                f"the chain of this home can't be read ({error}), so that nothing says whether "
                f"{self._folder / FILE} has the images of its tokens; copies of those may look like originals"
            )
        if count < after:
            return older_chain(after, count)
        given_up = frozenset(kept.missing)
        with self._looking() as there:
            missing = sum(not there(image) and image.hex() not in given_up for image in images)
        if not missing:
            return None
        of = f"{self._folder / FILE} lacks {missing:,} of the {_images(count)} of this home's chain"
        return f"{of}; copies of those look like originals: {_INSTEAD}"

    def _mismatch(self, kept: Kept, store: str, rows: int) -> str | None:
        path = self._folder / FILE
        if not kept.store or (kept.store == store and rows >= kept.rows):
            return None
        if not store:
            what = f"{path} is gone, which held {_images(kept.rows)}"
        elif kept.store != store:
            what = f"{path} is not the database that this home had: that held {_images(kept.rows)}, this holds {rows:,}"
        else:
            what = f"{path} is an older state: it held {_images(kept.rows)}, {rows:,} are left"
        return f"{what}; copies of those images look like originals: {_INSTEAD}"

    def _found(self) -> tuple[str, int]:
        """Id of the database and how many images are in it; ('', 0) for none."""
        path = self._folder / FILE
        return Database(path).contents() if path.exists() else ("", 0)

    @contextlib.contextmanager
    def _looking(self) -> Iterator[Any]:
        """A function that tells whether an image is in the database."""
        path = self._folder / FILE
        if not path.exists():
            yield lambda image: False
            return
        with Database(path).reading() as database:
            query = "select 1 from images where sha3_256 = ?"
            yield lambda image: database.execute(query, (image,)).fetchone() is not None

    def _kept(self) -> Kept | None:
        """Raises FileDamaged."""
        path = self._folder / NAME
        try:
            fields = parsed(read_regular(path, at_most=_MOST_BYTES))
            kept = Kept(**{**fields, "missing": tuple(fields["missing"])})
            if not _is_sound(kept):
                raise ValueError("a field is of another kind")
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise FileDamaged(
                f"{path} can't be read ({error}), so that nothing says what was here: {_INSTEAD}"
            ) from error
        return kept

    def _write(self, kept: Kept) -> None:
        content = json.dumps(asdict(kept), indent=1) + "\n"
        write_whole(self._folder / NAME, content.encode(), draft=self._folder / ".database.part")

    def _locked(self) -> FileLock:
        return FileLock(self._folder / _LOCK, wait_s=self._wait_s, what=self._folder / NAME)


def older_chain(before: int, now: int) -> str:
    """What to say of a chain that has lost tokens."""
    had = f"{before:,} token{'s' if before != 1 else ''}"
    return (
        f"the chain of this home had {had} and has {now:,}: it is an older state, and token numbers would be given "
        "out twice: put the chain back from a backup, or 'gistchain rareness rebuild --keep' goes on with what is there"
    )


def _images(count: int) -> str:
    return "1 image" if count == 1 else f"{count:,} images"


def _is_sound(kept: Kept) -> bool:
    counts = all(type(number) is int and number >= 0 for number in (kept.rows, kept.tokens))
    words = all(isinstance(word, str) for word in (kept.store, kept.chain, *kept.missing))
    return counts and words and all(len(bytes.fromhex(image)) == 32 for image in kept.missing)


def set_up(folder: Path, *, keep: bool, chain: str = "", tokens: Iterable[bytes] = ()) -> tuple[Path | None, int]:
    """Set the database of a home aside, and remember that it begins anew; returns where it is now, and `lacking`.

    keep: it stays where it is, whatever it lacks. chain, tokens: as for `Trust.begin_anew`. A kill in between leaves a
    home that asks for the same again. Raises FileBusy, FileError, DiskFull; with `keep` FileDamaged.
    """
    trust, noted = Trust(folder), tokens_in(folder)
    for earlier in asides(folder):  # of registries on nodes nothing else remembers the tokens, after a kill as well
        noted += tokens_in(earlier)
    noted += trust.given_up()
    aside = None if keep else set_aside(folder)
    return aside, trust.begin_anew(chain, tokens, noted)


def tokens_in(folder: Path) -> list[bytes]:
    """SHA3-256 of the images that the database of `folder` notes as tokens; empty where it can't be read."""
    path = folder / FILE
    with contextlib.suppress(FileError):
        if path.exists():
            with Database(path).reading() as database:
                return [row[0] for row in database.execute("select distinct sha3_256 from tokens")]
    return []
