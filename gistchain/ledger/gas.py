"""Limits of a registration, and what each form costs: bytes -> gas under Ethereum's Prague and Osaka rules.

    registration_gas(gist)                          register and registerLong, whichever is cheaper
    registration_gas(gist, rated=True)              with a rareness ticket
    registration_gas(gist, relayed=True)            registerFor and registerLongFor, signed by a key
    batch_gas(data), proofs_gas(data)               registerBatch and registerProofs of what they take as `data`
    deployment_gas(creation, runtime)               a contract
    registration_calldata(gist), batch_calldata(data), proofs_calldata(data)    the calls, for what goes by their bytes

Without a node, from the bytes alone, within 2% of a receipt. An image's hash is taken to have no zero bytes. What else
changes the cost: an image that another owner registered before (`seen`) costs 4,544 more; the very first token or batch
of a registry (`first`) 17,100 more, because its counter's word is new. An owner's first token costs what later ones do,
and no word is warm when a transaction starts unless it names it in an access list, which costs as much as it saves.
What a contract's own signature check (ERC-1271) costs can't be known here. What a rollup adds is in rollups.py.

The rules of Amsterdam, which will price state anew, are not these: docs/contract.md says what it would change.
"""

from __future__ import annotations

from gistchain.digest import keccak
from gistchain.errors import SettingError

BLOCK_GAS_LIMIT = 150_000_000
TRANSACTION_GAS_LIMIT = 16_777_216  # EIP-7825
MAX_GIST_BYTES = 24_565  # EIP-170, less the 11 bytes that return the rest
MAX_COMMON_BYTES = 32  # of a batch, before each of its gists
TICKET_BYTES = 46  # evidence and rating stand before the gist
MAX_RATED_GIST_BYTES = MAX_GIST_BYTES - TICKET_BYTES
INLINE_BYTES = 64  # up to here storage words are cheaper, above it code-as-data is
RATED_INLINE_BYTES = INLINE_BYTES - TICKET_BYTES  # the same with a ticket
PART_BYTES = 100 * 1024  # base64 text in one transaction of the archive

# What the chain charges.
TRANSACTION = 21_000
ZERO_BYTE, OTHER_BYTE = 4, 16  # of calldata (EIP-2028)
FLOOR_ZERO_BYTE, FLOOR_OTHER_BYTE = 10, 40  # what a transaction pays at least (EIP-7623)
NEW_WORD = 22_100  # a storage word that was zero, touched first: 20,000 and 2,100 (EIP-2929)
CHANGED_WORD = 5_000  # one that was not
UNCHANGED_WORD = 2_200
CREATION = 32_000
CODE_BYTE = 200
INITCODE_WORD = 2  # EIP-3860
MAX_CODE_BYTES = 24_576  # EIP-170
_LOG, _LOG_BYTE = 375, 8  # and 375 for each topic
_ECRECOVER = 3_000

# registry.vy: bytes that stand before a gist, in a data contract and in its creation.
_PREFIX_BYTES, _CREATION_BYTES = 11, 10
_RATING_TICKET_BYTES, _RATED_INLINE_BYTES = 46, 18
_SIGNATURE_BYTES = 65
_SELECTOR = b"\xd1\xce\xca\x5e"  # taken not to have zeros
# What its own instructions use beside storage, logs and creations, as measured; tests/ledger/test_gas.py holds the sums
# to receipts.
_INLINE, _SECOND_WORD, _INLINE_RATED, _INLINE_RELAYED = 2_291, 159, 280, 5_102
_LONG, _LONG_RATED = 12_482, 436
_LONG_RELAYED, _LONG_RELAYED_RATED = 26_824, 566
_BATCH, _PROOFS = 12_955, 6_430
_SEEN = 4_544  # three cold words are read for one


def calldata_gas(data: bytes) -> int:
    """What the bytes of a call cost (EIP-2028)."""
    zeros = data.count(0)
    return ZERO_BYTE * zeros + OTHER_BYTE * (len(data) - zeros)


def floor_gas(data: bytes) -> int:
    """The least that a transaction with these bytes pays, whatever it does (EIP-7623)."""
    zeros = data.count(0)
    return TRANSACTION + FLOOR_ZERO_BYTE * zeros + FLOOR_OTHER_BYTE * (len(data) - zeros)


def registration_gas(
    gist: bytes,
    *,
    rated: bool = False,
    relayed: bool = False,
    seen: bool = False,
    first: bool = False,
    in_words: bool | None = None,
) -> int:
    """Gas of one registration, as a receipt tells it.

    relayed: with a signature of 65 bytes, which someone else sends. seen: another owner registered the image before.
    first: nothing was registered there before. in_words: whether storage words hold the gist (register) or a data
    contract does (registerLong); None for words where they are allowed. Raises SettingError for a size that this form
    doesn't take.
    """
    fits = 0 < len(gist) <= (_RATED_INLINE_BYTES if rated else INLINE_BYTES)
    words = fits if in_words is None else in_words
    most = MAX_CODE_BYTES - _PREFIX_BYTES - (_RATING_TICKET_BYTES if rated else 0)
    if (words and not fits) or not 0 < len(gist) <= most:
        raise SettingError(
            f"a gist of {len(gist)} bytes doesn't fit: give at most {_RATED_INLINE_BYTES if rated else INLINE_BYTES} "
            f"bytes for storage words, or at most {most} for a data contract"
        )
    call = registration_calldata(gist, rated=rated, relayed=relayed)
    run = _in_words(gist, rated=rated, relayed=relayed) if words else _in_code(gist, rated=rated, relayed=relayed)
    # Hash, head and who was first; the counter; the event Registered.
    run += 3 * NEW_WORD + _counter(first) + 5 * _LOG
    if relayed:
        run += _ECRECOVER + 3 * _LOG + _LOG_BYTE * (3 * 32 + _padded(_SIGNATURE_BYTES))
    return _paid(call, run + (_SEEN if seen else 0))


def _counter(first: bool) -> int:
    """The word of the counters, which all registrations write."""
    return NEW_WORD if first else CHANGED_WORD


def _in_words(gist: bytes, *, rated: bool, relayed: bool) -> int:
    run = _INLINE + (_INLINE_RELAYED if relayed else 0)
    if rated:
        return run + _INLINE_RATED + 2 * NEW_WORD  # the evidence, and the rating before the gist
    # The first is written whatever it is, the second only if it is not zero.
    run += NEW_WORD if any(gist[:32]) else UNCHANGED_WORD
    return run + (_SECOND_WORD + NEW_WORD if any(gist[32:]) else 0)


def _in_code(gist: bytes, *, rated: bool, relayed: bool) -> int:
    size = _PREFIX_BYTES + (_RATING_TICKET_BYTES if rated else 0) + len(gist)
    run = _created(size)
    if relayed:
        return run + _LONG_RELAYED + (_LONG_RELAYED_RATED if rated else 0) + _copied(len(gist), 21, 521)
    return run + _LONG + (_LONG_RATED if rated else 0) + _copied(len(gist), 24, 261)


def batch_gas(data: bytes, *, first: bool = False) -> int:
    """Gas of registerBatch with these bytes: one data contract, two words, whatever number of tokens.

    first: nothing was registered there before.
    """
    run = _BATCH + _copied(len(data), 24, 261) + _created(_PREFIX_BYTES + len(data))
    run += 2 * NEW_WORD + _counter(first) + 3 * _LOG + _LOG_BYTE * 128
    return _paid(batch_calldata(data), run)


def proofs_gas(data: bytes, *, first: bool = False) -> int:
    """Gas of registerProofs with these bytes: three words; from some hundred tokens on it is the floor of calldata.

    first: nothing was registered there before.
    """
    run = _PROOFS + 3 * _padded(len(data)) // 32 + 3 * NEW_WORD + _counter(first) + 3 * _LOG + _LOG_BYTE * 128
    return _paid(proofs_calldata(data), run)


def deployment_gas(creation: bytes, runtime: bytes) -> int:
    """Gas of a transaction that makes a contract of this creation code and leaves this runtime code there.

    Without what the creation code runs, some thousands. Raises SettingError beyond the limits of EIP-170 and EIP-3860.
    """
    if len(runtime) > MAX_CODE_BYTES or len(creation) > 2 * MAX_CODE_BYTES:
        raise SettingError(f"a contract of {len(runtime)} bytes is too large: at most {MAX_CODE_BYTES} are allowed")
    words = _padded(len(creation)) // 32
    copied = 6 * words + words * words // 512  # to memory
    run = CREATION + INITCODE_WORD * words + CODE_BYTE * len(runtime) + copied
    return max(TRANSACTION + calldata_gas(creation) + run, floor_gas(creation))


def fits_in_transaction(gas: int) -> bool:
    """Whether a transaction may use so much (EIP-7825)."""
    return gas <= TRANSACTION_GAS_LIMIT


def registration_calldata(gist: bytes, *, rated: bool = False, relayed: bool = False) -> bytes:
    """Calldata of the size, and with as many zeros, as that of a registration; what is not the gist is not the real."""
    ticket = _some("evidence", 32) + bytes(18) + _some("rating", 14) if rated else bytes(64)
    said = _SELECTOR + _some("image", 32) + ticket
    if not relayed:
        return said + _argument(b"\x80", gist)
    owner, until = bytes(12) + _some("owner", 20), bytes(27) + _some("deadline", 5) + bytes(30) + b"\1\1"
    signature = _number(_SIGNATURE_BYTES) + _some("r", 32) + _some("s", 32) + b"\x1c" + bytes(31)
    return said[:4] + owner + said[4:] + _argument(b"\xe0", gist) + until + signature


def batch_calldata(data: bytes) -> bytes:
    """The same for registerBatch."""
    return _SELECTOR + _argument(b"\x20", data)


def proofs_calldata(data: bytes) -> bytes:
    """The same for registerProofs."""
    return _SELECTOR + _some("root", 32) + bytes(30) + b"\1\1" + _argument(b"\x60", data)


def _paid(call: bytes, run: int) -> int:
    return max(TRANSACTION + calldata_gas(call) + run, floor_gas(call))


def _argument(offset: bytes, data: bytes) -> bytes:
    """Where dynamic bytes start, how many they are, and they themselves, padded."""
    return bytes(32 - len(offset)) + offset + _number(len(data)) + data + bytes(_padded(len(data)) - len(data))


def _some(name: str, size: int) -> bytes:
    """Bytes that are not zero and that nothing makes shorter, as of a hash."""
    return keccak(name.encode())[:size].replace(b"\0", b"\1")


def _number(value: int) -> bytes:
    return value.to_bytes(32, "big")


def _padded(size_bytes: int) -> int:
    return -(-size_bytes // 32) * 32


def _created(size_bytes: int) -> int:
    """A creation whose code stays, with 10 bytes before it that return it."""
    words = _padded(size_bytes + _CREATION_BYTES) // 32
    return CREATION + INITCODE_WORD * words + CODE_BYTE * size_bytes


def _copied(size_bytes: int, a_word: int, square: int) -> int:
    """Copies in memory, which costs by the word and, for the larger, by its square (Yellow Paper, appendix H)."""
    words = _padded(size_bytes) // 32
    return a_word * words + words * words // square
