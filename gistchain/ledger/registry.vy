# pragma version 0.4.3
# @license Apache-2.0
"""
@title Registry of gists
@notice (image hash, gist) in, token id out; the gist stays readable by any EVM client for as long as the chain's state.
        The first writer wins per (owner, SHA3-256 of the image). Nobody owns this contract; nothing is ever changed.
        With `registerRated` the token also carries how rare its creator found the image, under her signature.
@dev One word a token holds all but the hash, the gist and the ticket:
        owner 160 bits | block 32 | time 32 | number of the data contract 24 | ticket 1 | size 7
     Gists up to INLINE_MAX bytes are storage words (22,100 gas each, 22,597 with all that goes with it). Longer ones
     are the code of a data contract (32,000 gas and 200 a byte); its address is not stored but follows from its
     number, which is this contract's nonce, so that it costs no word of its own. size is 0 for a data contract, which
     knows its own. A rareness ticket is 35 bytes that stand before the gist and share its words or its code.
     Measured, all other costs equal (Prague rules; tests/test_ledger.py), on bytes that are not zero:
                               10 bytes              64 bytes                65 bytes
        without a ticket       storage 122,573       storage 145,620         storage 168,217 (one more word)
                                                     code    155,191         code    155,537
                               10 bytes              29 bytes                30 bytes
        with one               storage 153,394       storage 153,634         storage 176,231 (one more word)
                                                     code    163,397         code    163,609
     The signature is checked here and not stored (64 bytes would cost 45,000 gas or 13,000): the log has it, for 1,900,
     and with it anyone can check it again. Whoever reads state alone relies on the check made here.
     The token is the signer's, whoever sends her registration, so that she may leave the gas to others: 900 of the
     gas above, for her address and the deadline. No nonce is needed: one signature makes one token at most, since
     (owner, image) is taken from then on. With deadline 0 nobody else may send it, copies from the mempool included.
     Contracts sign nothing that ecrecover could check: as owners they have `register` only.
     A bare image hash could be front-run: a copy of the transaction by someone else makes that someone's own token,
     and never takes the place of the first owner's.
"""

MAX_GIST: constant(uint256) = 24565  # EIP-170: code of at most 24,576 bytes, of which 11 are PREFIX
INLINE_MAX: constant(uint256) = 64
TICKET_SIZE: constant(uint256) = 35  # evidence 32, score 2, verdict 1; they stand before the gist
MAX_RATED_GIST: constant(uint256) = MAX_GIST - TICKET_SIZE
RATED_INLINE_MAX: constant(uint256) = INLINE_MAX - TICKET_SIZE
RATED: constant(uint256) = 128  # bit of the size: a ticket stands before the gist
# Runtime code that returns all that follows it:
# PUSH1 11, CODESIZE, SUB, DUP1, PUSH1 11, RETURNDATASIZE, CODECOPY, RETURNDATASIZE, RETURN
PREFIX: constant(Bytes[11]) = x"600b380380600b3d393df3"

DOMAIN: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
NAME: constant(bytes32) = keccak256("gistchain")
VERSION: constant(bytes32) = keccak256("1")
# The hash of the field `gist` is the keccak256 of the bytes, so that a wallet shows what is signed.
REGISTRATION: constant(bytes32) = keccak256(
    "Registration(bytes32 imageHash,bytes gist,uint16 score,uint8 verdict,bytes32 evidence,address owner,uint256 deadline)")
MAX_S: constant(uint256) = 57896044618658097711785492504343953926418782139537452191302581570759080747168  # half the order (EIP-2)

event Registered:
    id: indexed(uint256)
    owner: indexed(address)
    imageHash: indexed(bytes32)

event Rated:
    id: indexed(uint256)
    deadline: uint256
    r: bytes32
    vs: bytes32

heads: HashMap[uint256, uint256]
hashes: HashMap[uint256, bytes32]
words: HashMap[uint256, bytes32]  # of token id: 2 * id and 2 * id + 1
first: HashMap[bytes32, uint256]
later: HashMap[address, HashMap[bytes32, uint256]]  # owners who were not the first; saves the first one a word
totals: uint256  # tokens in the low 128 bits, data contracts in the high ones


@external
def register(imageHash: bytes32, gist: Bytes[MAX_GIST]) -> uint256:
    """@return The new token's id; reverts for an empty gist and for a hash that the sender has registered."""
    size: uint256 = len(gist)
    assert size > 0, "empty gist"
    totals: uint256 = self._claim(msg.sender, imageHash)
    place: uint256 = size
    if size <= INLINE_MAX:
        # Straight from calldata: a padded copy of `gist` in memory would cost 6,300 gas.
        assert convert(slice(msg.data, 36, 32), uint256) == 64, "unusual ABI encoding"
        id: uint256 = totals & (2**128 - 1)
        word: uint256 = convert(slice(msg.data, 100, 32), uint256)
        if size < 32:
            word = (word >> (256 - 8 * size)) << (256 - 8 * size)
        self.words[2 * id] = convert(word, bytes32)
        if size > 32:
            word = convert(extract32(gist, size - 32), uint256) << (512 - 8 * size)
            self.words[2 * id + 1] = convert(word, bytes32)
    else:
        totals += 1 << 128
        # PUSH2 size + 11, DUP1, PUSH1 10, RETURNDATASIZE, CODECOPY, RETURNDATASIZE, RETURN
        made: address = raw_create(
            concat(x"61", slice(convert(size + 11, bytes32), 30, 2), x"80600a3d393df3", PREFIX, gist))
        place = self._place_of_data(totals, made)
    return self._record(msg.sender, imageHash, totals, place)


@external
def registerRated(
    owner: address, imageHash: bytes32, gist: Bytes[MAX_RATED_GIST], score: uint16, verdict: uint8, evidence: bytes32,
    deadline: uint256, r: bytes32, vs: bytes32
) -> uint256:
    """
    @notice Like `register`, with a rareness ticket that the owner signed; anyone may send it until the deadline.
    @param score Rareness in steps of 1/10000: 0 a copy .. 10000 like nothing registered.
    @param verdict 0 original, 1 sibling, 2 derivative, 3 copy, 4 unsure.
    @param evidence SHA3-256 of the evidence document, not 0.
    @param deadline Unix time until which others than the owner may send it; with 0 only the owner may, at any time.
    @param r First half of the owner's EIP-712 signature of `Registration`.
    @param vs Second half, with the parity of y in its highest bit (EIP-2098).
    @return The new token's id; the token is the signer's, whoever sends it.
    """
    size: uint256 = len(gist)
    assert size > 0, "empty gist"
    assert score <= 10000, "score above 10000"
    assert verdict <= 4, "unknown verdict"
    assert evidence != empty(bytes32), "no evidence"
    assert msg.sender == owner or block.timestamp <= deadline, "deadline passed"
    gistHash: bytes32 = keccak256(gist)
    signed: bytes32 = keccak256(
        abi_encode(REGISTRATION, imageHash, gistHash, score, verdict, evidence, owner, deadline))
    assert self._signer(signed, r, vs) == owner, "signature is not the owner's"

    totals: uint256 = self._claim(owner, imageHash)
    place: uint256 = size | RATED
    if size <= RATED_INLINE_MAX:
        assert convert(slice(msg.data, 68, 32), uint256) == 288, "unusual ABI encoding"
        id: uint256 = totals & (2**128 - 1)
        word: uint256 = convert(slice(msg.data, 324, 32), uint256)
        word = (word >> (256 - 8 * size)) << (232 - 8 * size)
        self.words[2 * id] = evidence
        self.words[2 * id + 1] = convert(
            (convert(score, uint256) << 240) | (convert(verdict, uint256) << 232) | word, bytes32)
    else:
        totals += 1 << 128
        made: address = raw_create(
            concat(
                x"61", slice(convert(size + TICKET_SIZE + 11, bytes32), 30, 2), x"80600a3d393df3", PREFIX,
                evidence, convert(score, bytes2), convert(verdict, bytes1), gist))
        place = self._place_of_data(totals, made) | RATED
    log Rated(id=totals & (2**128 - 1), deadline=deadline, r=r, vs=vs)
    return self._record(owner, imageHash, totals, place)


@view
@external
def gistOf(id: uint256) -> Bytes[MAX_GIST]:
    """@return The gist; empty if there is no such token."""
    head: uint256 = self.heads[id]
    if head == 0:
        return b""
    start: uint256 = 0
    if head & RATED != 0:
        start = TICKET_SIZE
    size: uint256 = head & 127
    if size == 0:
        data: Bytes[MAX_GIST] = raw_call(
            self._data((head >> 8) & (2**24 - 1)), b"", max_outsize=MAX_GIST, is_static_call=True)
        return slice(data, start, len(data) - start)
    both: Bytes[64] = concat(self.words[2 * id], self.words[2 * id + 1])
    return slice(both, start, size)


@view
@external
def record(id: uint256) -> (address, bytes32, uint256, uint256, uint256):
    """@return owner, imageHash, block number, Unix time of that block, size of the gist; zeros for no token."""
    head: uint256 = self.heads[id]
    if head == 0:
        return empty(address), empty(bytes32), 0, 0, 0
    size: uint256 = head & 127
    if size == 0:
        size = self._data((head >> 8) & (2**24 - 1)).codesize - len(PREFIX)
        if head & RATED != 0:
            size -= TICKET_SIZE
    return self._owner(head), self.hashes[id], (head >> 64) & (2**32 - 1), (head >> 32) & (2**32 - 1), size


@view
@external
def rarenessOf(id: uint256) -> (uint256, uint256, bytes32):
    """@return score, verdict, evidence as in `registerRated`; evidence 0 if the token has no ticket or isn't there."""
    head: uint256 = self.heads[id]
    if head & RATED == 0:
        return 0, 0, empty(bytes32)
    evidence: bytes32 = self.words[2 * id]
    rating: uint256 = convert(self.words[2 * id + 1], uint256) >> 232
    if head & 127 == 0:
        ticket: Bytes[TICKET_SIZE] = raw_call(
            self._data((head >> 8) & (2**24 - 1)), b"", max_outsize=TICKET_SIZE, is_static_call=True)
        evidence = extract32(ticket, 0)
        rating = convert(slice(ticket, 32, 3), uint256)
    return rating >> 8, rating & 255, evidence


@view
@external
def tokenOf(owner: address, imageHash: bytes32) -> uint256:
    """@return The owner's token for this image, 0 for none."""
    earliest: uint256 = self.first[imageHash]
    if earliest != 0 and self._owner(self.heads[earliest]) == owner:
        return earliest
    return self.later[owner][imageHash]


@view
@external
def firstOf(imageHash: bytes32) -> uint256:
    """@return The first token for this image by anyone, 0 for none."""
    return self.first[imageHash]


@view
@external
def count() -> uint256:
    """@return How many tokens there are; their ids are 1 to count."""
    return self.totals & (2**128 - 1)


@internal
def _claim(owner: address, imageHash: bytes32) -> uint256:
    # The totals with one token more, whose id this is; refuses a second token of this owner for the image.
    totals: uint256 = self.totals + 1
    id: uint256 = totals & (2**128 - 1)
    earliest: uint256 = self.first[imageHash]
    if earliest == 0:
        self.first[imageHash] = id
    else:
        assert self._owner(self.heads[earliest]) != owner, "registered"
        assert self.later[owner][imageHash] == 0, "registered"
        self.later[owner][imageHash] = id
    return totals


@internal
def _record(owner: address, imageHash: bytes32, totals: uint256, place: uint256) -> uint256:
    id: uint256 = totals & (2**128 - 1)
    self.totals = totals
    self.hashes[id] = imageHash
    # convert() refuses a block number or time that outgrew its field
    self.heads[id] = (
        (convert(owner, uint256) << 96)
        | (convert(convert(block.number, uint32), uint256) << 64)
        | (convert(convert(block.timestamp, uint32), uint256) << 32)
        | place
    )
    log Registered(id=id, owner=owner, imageHash=imageHash)
    return id


@view
@internal
def _place_of_data(totals: uint256, made: address) -> uint256:
    number: uint256 = totals >> 128
    assert number < 1 << 24, "no room for long gists"
    assert made == self._data(number), "nonce"
    return number << 8


@view
@internal
def _signer(signed: bytes32, r: bytes32, vs: bytes32) -> address:
    # The domain is hashed anew each time: after a split of the chain, the other half has another id.
    domain: bytes32 = keccak256(abi_encode(DOMAIN, NAME, VERSION, chain.id, self))
    s: uint256 = convert(vs, uint256) & (2**255 - 1)
    assert s <= MAX_S, "signature with high s"
    signer: address = ecrecover(
        keccak256(concat(x"1901", domain, signed)), 27 + (convert(vs, uint256) >> 255), convert(r, uint256), s)
    assert signer != empty(address), "signature is none"
    return signer


@pure
@internal
def _owner(head: uint256) -> address:
    return convert(head >> 96, address)


@view
@internal
def _data(number: uint256) -> address:
    # keccak256(rlp([self, nonce])); a contract's nonce starts at 1 (EIP-161)
    digest: bytes32 = empty(bytes32)
    me: bytes20 = convert(self, bytes20)
    tail: bytes32 = convert(number, bytes32)
    if number < 128:
        digest = keccak256(concat(x"d694", me, slice(tail, 31, 1)))
    elif number < 256:
        digest = keccak256(concat(x"d794", me, x"81", slice(tail, 31, 1)))
    elif number < 65536:
        digest = keccak256(concat(x"d894", me, x"82", slice(tail, 30, 2)))
    else:
        digest = keccak256(concat(x"d994", me, x"83", slice(tail, 29, 3)))
    return convert(convert(digest, uint256) & (2**160 - 1), address)
