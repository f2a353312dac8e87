"""The rival that every gist is measured against: the best image file that fits, in the best code for it (S4.6)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gistchain.errors import LinkError
from gistchain.gist.packet import pack
from gistchain.image.smallfile import KINDS, FileSearch
from gistchain.link.blockcode import modulation_of
from gistchain.link.frame import first_bytes, most_first_bytes, start_uses
from gistchain.link.predict import arrival_rates, bytes_for, error_rate, start_error_rate
from gistchain.sending.air import over
from gistchain.sending.plan import believed_db
from gistchain.types import Conditions, Gist, Link, Picture, Pixels, PlannedBlock, Sent

_HEAD_BYTES = 14
"""Of a packet around a file, at most: size, tag, length and check."""


@dataclass(frozen=True, slots=True)
class ImageLdpc:
    """AVIF, WebP, JPEG or PNG at the scale and quality that show the picture best, sent whole.

    fidelity: by which they are compared. show: the picture of a gist. bits_per_use: what the system's fixed rate
    carries (S4 has one for all SNRs); None chooses the best for the SNR. target: error rate that it is chosen for.
    """

    fidelity: Callable[[Pixels, Pixels], float]
    show: Callable[[Gist], Pixels | None]
    bits_per_use: float | None = None
    target: float = 1e-2
    kinds: Sequence[str] = KINDS

    def prepare(self, picture: Picture) -> PreparedFile:
        return PreparedFile(self, picture, FileSearch.of(picture, self.fidelity, self.kinds))


@dataclass(frozen=True, slots=True, eq=False)
class PreparedFile:
    """Fulfils Prepared."""

    sender: ImageLdpc
    picture: Picture
    files: FileSearch

    def send(self, link: Link, conditions: Conditions, *, seed: tuple[int, ...], rounds: int = 0) -> Sent:
        room = link.room(conditions.budget)
        uses = room - start_uses(room)
        rate, snr_db = self.sender.bits_per_use, believed_db(conditions)
        if rate is None:
            most = bytes_for(uses, self.sender.target, conditions.channel, snr_db)
        else:
            most = int(uses * rate) // 8
        found = self.files.within(most_first_bytes(most) - _HEAD_BYTES)
        if found is None:
            raise LinkError(
                f"no image file of {self.picture.name} is so small: {room} channel uses carry {max(0, most)} bytes at "
                f"{conditions.snr_db:g} dB"
            )
        gist = Gist((), self.picture.size, file=found.file)
        payload = pack(gist)
        came = over(link, payload, [0], room=room, seed=seed, rounds=rounds)
        size = first_bytes(len(payload), [])
        lost = error_rate(8 * size, uses, conditions.channel, snr_db)
        start = start_error_rate(room, conditions.channel, snr_db)
        block = PlannedBlock("file", size, uses, modulation_of(8 * size, uses), lost)
        return Sent(
            picture=None if came.gist is None else self.sender.show(came.gist),
            caption="",
            certain=came.gist is not None,
            gist=came.gist,
            lost=() if came.gist is not None else ("file",),
            uses=came.uses,
            rounds=came.rounds,
            start_uses=start_uses(room),
            blocks=(block,),
            expected=arrival_rates([start, lost], conditions.channel)[-1] * found.fidelity,
        )
