# pragma version 0.4.3
# @license Apache-2.0
"""
@title Registry of gists
@notice (image hash, gist) in, token id out; the gist stays readable by any EVM client for as long as the chain's state.
        The first writer wins per (owner, SHA3-256 of the image). Nobody owns this contract; nothing is ever changed.
@dev One word a token holds all but the hash and the gist:
        owner 160 bits | block 32 | time 32 | number of the data contract 24 | size 8
     Gists up to INLINE_MAX bytes are storage words (22,100 gas each, 22,597 with all that goes with it). Longer ones
     are the code of a data contract (32,000 gas and 200 a byte); its address is not stored but follows from its
     number, which is this contract's nonce, so that it costs no word of its own. Measured, all other costs equal (Prague rules; tests/test_ledger.py):
        64 bytes  storage 145,399  code 154,925        65 bytes  storage 167,996 (one more word)  code 155,271
     size is 0 for a data contract, which knows its own.
     A bare image hash could be front-run: a copy of the transaction by someone else makes that someone's own token,
     and never takes the place of the first owner's.
"""

MAX_GIST: constant(uint256) = 24565  # EIP-170: code of at most 24,576 bytes, of which 11 are PREFIX
INLINE_MAX: constant(uint256) = 64
# Runtime code that returns all that follows it:
# PUSH1 11, CODESIZE, SUB, DUP1, PUSH1 11, RETURNDATASIZE, CODECOPY, RETURNDATASIZE, RETURN
PREFIX: constant(Bytes[11]) = x"600b380380600b3d393df3"

event Registered:
    id: indexed(uint256)
    owner: indexed(address)
    imageHash: indexed(bytes32)

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
    totals: uint256 = self.totals
    id: uint256 = (totals & (2**128 - 1)) + 1
    earliest: uint256 = self.first[imageHash]
    if earliest == 0:
        self.first[imageHash] = id
    else:
        assert self._owner(self.heads[earliest]) != msg.sender, "registered"
        assert self.later[msg.sender][imageHash] == 0, "registered"
        self.later[msg.sender][imageHash] = id

    place: uint256 = size
    totals += 1
    if size <= INLINE_MAX:
        # Straight from calldata: a padded copy of `gist` in memory would cost 6,300 gas.
        assert convert(slice(msg.data, 36, 32), uint256) == 64, "unusual ABI encoding"
        word: uint256 = convert(slice(msg.data, 100, 32), uint256)
        if size < 32:
            word = (word >> (256 - 8 * size)) << (256 - 8 * size)
        self.words[2 * id] = convert(word, bytes32)
        if size > 32:
            word = convert(extract32(gist, size - 32), uint256) << (512 - 8 * size)
            self.words[2 * id + 1] = convert(word, bytes32)
    else:
        totals += 1 << 128
        number: uint256 = totals >> 128
        assert number < 1 << 24, "no room for long gists"
        # PUSH2 size + 11, DUP1, PUSH1 10, RETURNDATASIZE, CODECOPY, RETURNDATASIZE, RETURN
        made: address = raw_create(
            concat(x"61", slice(convert(size + 11, bytes32), 30, 2), x"80600a3d393df3", PREFIX, gist))
        assert made == self._data(number), "nonce"
        place = number << 8
    self.totals = totals
    self.hashes[id] = imageHash
    # convert() refuses a block number or time that outgrew its field
    self.heads[id] = (
        (convert(msg.sender, uint256) << 96)
        | (convert(convert(block.number, uint32), uint256) << 64)
        | (convert(convert(block.timestamp, uint32), uint256) << 32)
        | place
    )
    log Registered(id=id, owner=msg.sender, imageHash=imageHash)
    return id


@view
@external
def gistOf(id: uint256) -> Bytes[MAX_GIST]:
    """@return The gist; empty if there is no such token."""
    head: uint256 = self.heads[id]
    if head == 0:
        return b""
    size: uint256 = head & 255
    if size == 0:
        return raw_call(self._data((head >> 8) & (2**24 - 1)), b"", max_outsize=MAX_GIST, is_static_call=True)
    both: Bytes[64] = concat(self.words[2 * id], self.words[2 * id + 1])
    return slice(both, 0, size)


@view
@external
def record(id: uint256) -> (address, bytes32, uint256, uint256, uint256):
    """@return owner, imageHash, block number, Unix time of that block, size of the gist; zeros for no token."""
    head: uint256 = self.heads[id]
    if head == 0:
        return empty(address), empty(bytes32), 0, 0, 0
    size: uint256 = head & 255
    if size == 0:
        size = self._data((head >> 8) & (2**24 - 1)).codesize - len(PREFIX)
    return self._owner(head), self.hashes[id], (head >> 64) & (2**32 - 1), (head >> 32) & (2**32 - 1), size


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
