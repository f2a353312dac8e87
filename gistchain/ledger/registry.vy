# pragma version 0.4.3
# @license Apache-2.0
"""
@title Registry of gists, version 2
@notice (image hash, gist) in, token id out; the gist stays readable by any EVM client for as long as the chain's state.
        The first writer wins per (owner, SHA3-256 of the image). Nobody owns this contract; nothing is ever changed.
        A token may carry how rare its creator found the image, others may attest their own verdicts beside it, and a
        token may be linked to an NFT.
@dev One word a token holds all but the hash, the gist and the ticket:
        owner 160 bits | block 40 | time 33 | place 21 | kept free 1 | rated 1
     Block and time last until the year 2242, with blocks of 10 ms until 2371. place: up to INLINE_MAX the size of a gist
     that lies in storage words; above it the number of a data contract plus INLINE_MAX (with ELSEWHERE that number has
     a word of its own). A data contract's address follows from its number, which is this contract's nonce.
     A rareness ticket is 46 bytes that stand before the gist and share its words or its code: evidence 32, and 14 of
     rating: score 2, verdict 1, checker 2, block 5, images 4.
     The owner who sends her registration needs no signature: the transaction has hers. Anyone else may pay for a
     registration that she signed (EIP-712); contracts sign by ERC-1271. Sent twice, it succeeds twice and is made once.
     A bare image hash can be front-run: a copy of the transaction by someone else makes that someone's own token, and
     never takes the place of the owner's. So `firstOf` is a hint, and no proof of who made the image.
     A batch is many tokens of one owner with consecutive ids. `registerBatch` keeps them in a data contract, readable
     for ever; `registerProofs` keeps a Merkle root, and whoever wants to prove a token has to keep its leaf: nodes may
     forget the calldata. Neither looks whether a hash was registered before: that would cost a word an image.
"""

MAX_GIST: constant(uint256) = 24565  # EIP-170: code of at most 24,576 bytes, of which 11 are PREFIX
INLINE_MAX: constant(uint256) = 64
RATING_SIZE: constant(uint256) = 14
TICKET_SIZE: constant(uint256) = 46
RATED_INLINE_MAX: constant(uint256) = 18
ELSEWHERE: constant(uint256) = 2**21 - 1
MAX_SIGNATURE: constant(uint256) = 1024
MAX_PAGE: constant(uint256) = 256
MAX_PROOF: constant(uint256) = 16
MAX_COMMON: constant(uint256) = 32
MAX_CALLDATA: constant(uint256) = 32768  # room for as much in memory is paid by every batch of proofs: 5,120 gas
# Runtime code that returns all that follows it:
# PUSH1 11, CODESIZE, SUB, DUP1, PUSH1 11, RETURNDATASIZE, CODECOPY, RETURNDATASIZE, RETURN
PREFIX: constant(Bytes[11]) = x"600b380380600b3d393df3"

DOMAIN: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
NAME: constant(bytes32) = keccak256("gistchain")
VERSION: constant(bytes32) = keccak256("2")
# The hash of the field `gist` is the keccak256 of the bytes, so that a wallet shows what is signed.
REGISTRATION: constant(bytes32) = keccak256(
    "Registration(bytes32 imageHash,bytes gist,uint16 score,uint8 verdict,uint16 checker,uint40 asOfBlock,uint32 comparedWith,bytes32 evidence,address owner,uint256 deadline)")
MAX_S: constant(uint256) = 57896044618658097711785492504343953926418782139537452191302581570759080747168  # half the order (EIP-2)
ERC1271_VALID: constant(bytes4) = 0x1626ba7e

interface Signer:
    def isValidSignature(digest: bytes32, signature: Bytes[MAX_SIGNATURE]) -> bytes4: view

interface Nft:
    def ownerOf(tokenId: uint256) -> address: view

struct Record:
    owner: address
    imageHash: bytes32
    block: uint256
    time: uint256
    batch: uint256  # 0 for a token of its own

struct Rating:
    score: uint256  # in steps of 1/10000: 0 a copy .. 10000 like nothing registered
    verdict: uint256  # 0 original, 1 sibling, 2 derivative, 3 copy, 4 unsure
    checker: uint256  # version of the program that compared
    asOfBlock: uint256  # of this chain, up to which registered images were compared
    comparedWith: uint256  # images
    evidence: bytes32  # SHA3-256 of the evidence document, not 0; of a batch the root of all

event Registered:
    id: indexed(uint256)
    owner: indexed(address)
    imageHash: indexed(bytes32)

event Relayed:
    id: indexed(uint256)
    deadline: uint256
    signature: Bytes[MAX_SIGNATURE]

event Batch:
    batch: indexed(uint256)
    owner: indexed(address)
    first: uint256
    count: uint256
    root: bytes32  # of Merkle proofs; 0 where the state holds the gists

event Attested:
    id: indexed(uint256)
    by: indexed(address)
    rating: uint256
    evidence: bytes32

event Linked:
    id: indexed(uint256)
    nft: indexed(address)
    tokenId: indexed(uint256)
    chainId: uint256

totals: uint256  # tokens 96 bits | data contracts 80 | batches 80
heads: HashMap[uint256, uint256]
hashes: HashMap[uint256, bytes32]
words: HashMap[uint256, bytes32]  # of token id: 2 * id and 2 * id + 1
first: HashMap[bytes32, uint256]
later: HashMap[address, HashMap[bytes32, uint256]]  # owners who were not the first; saves the first one a word
batchHeads: HashMap[uint256, uint256]  # like a token's head, without place and rated
batchRanges: HashMap[uint256, uint256]  # number of the data contract, 0 for proofs, 80 bits | first id 96 | tokens 16
roots: HashMap[uint256, bytes32]
attestations: HashMap[uint256, HashMap[address, uint256]]  # the rating's 14 bytes, plus 1 << 112
attested: HashMap[uint256, HashMap[address, bytes32]]
links: HashMap[uint256, uint256]  # chain 64 bits | NFT's contract 160
linkTokens: HashMap[uint256, uint256]
linkCounts: HashMap[bytes32, uint256]
linkedIds: HashMap[bytes32, HashMap[uint256, uint256]]


@external
def register(imageHash: bytes32, evidence: bytes32, rating: uint256, gist: Bytes[INLINE_MAX]) -> uint256:
    """
    @notice A token of the sender, its gist in storage words: the cheaper way up to 64 bytes, with a ticket up to 18.
    @param evidence SHA3-256 of the evidence document; 0, and rating 0, for no ticket.
    @param rating The 14 bytes of a rating as a number: score << 96 | verdict << 88 | checker << 72 | asOfBlock << 32
           | comparedWith; see Rating.
    @return The new token's id; reverts for an empty gist and for a hash that the sender has registered.
    """
    rated: uint256 = self._checked(evidence, rating, len(gist))
    first: uint256 = 0
    second: uint256 = 0
    first, second = self._words(evidence, rating, gist, rated)
    return self._put(msg.sender, imageHash, first, second, (len(gist) << 2) | rated)


@external
def registerLong(imageHash: bytes32, evidence: bytes32, rating: uint256, gist: Bytes[MAX_GIST]) -> uint256:
    """@notice Like `register`, its gist as the code of a data contract: up to 24,565 bytes, with a ticket 24,519."""
    rated: uint256 = self._checked(evidence, rating, len(gist))
    size: uint256 = len(gist) + TICKET_SIZE * rated
    made: address = empty(address)
    if rated == 1:
        made = raw_create(concat(self._creation(size), PREFIX, evidence, self._bytes14(rating), gist))
    else:
        made = raw_create(concat(self._creation(size), PREFIX, gist))
    return self._put_long(msg.sender, imageHash, made, rated)


@external
def registerFor(
    owner: address, imageHash: bytes32, evidence: bytes32, rating: uint256, gist: Bytes[INLINE_MAX],
    deadline: uint256, signature: Bytes[MAX_SIGNATURE]
) -> uint256:
    """
    @notice `register` for an owner who signed it, at the sender's cost. Sent again it returns the token that is there.
    @param deadline Unix time until which it may be sent first.
    @param signature The owner's, of `Registration`: 65 bytes r, s, v, or what the owner's contract takes (ERC-1271).
    """
    rated: uint256 = self._checked(evidence, rating, len(gist))
    first: uint256 = 0
    second: uint256 = 0
    first, second = self._words(evidence, rating, gist, rated)
    place: uint256 = (len(gist) << 2) | rated
    self._check_signature(owner, self._signed(owner, imageHash, evidence, rating, keccak256(gist), deadline), signature)
    known: uint256 = self._token_of(owner, imageHash)
    if known != 0:
        assert self.heads[known] & (2**23 - 1) == place, "registered"
        assert convert(self.words[2 * known], uint256) == first, "registered"
        assert convert(self.words[2 * known + 1], uint256) == second, "registered"
        return known
    assert block.timestamp <= deadline, "deadline passed"
    known = self._put(owner, imageHash, first, second, place)
    log Relayed(id=known, deadline=deadline, signature=signature)
    return known


@external
def registerLongFor(
    owner: address, imageHash: bytes32, evidence: bytes32, rating: uint256, gist: Bytes[MAX_GIST],
    deadline: uint256, signature: Bytes[MAX_SIGNATURE]
) -> uint256:
    """@notice `registerLong` for an owner who signed it, as `registerFor`."""
    rated: uint256 = self._checked(evidence, rating, len(gist))
    self._check_signature(owner, self._signed(owner, imageHash, evidence, rating, keccak256(gist), deadline), signature)
    known: uint256 = self._token_of(owner, imageHash)
    size: uint256 = len(gist) + TICKET_SIZE * rated
    ticket: Bytes[TICKET_SIZE] = b""
    if rated == 1:
        ticket = concat(evidence, self._bytes14(rating))
    if known != 0:
        place: uint256 = (self.heads[known] >> 2) & ELSEWHERE
        assert place > INLINE_MAX and self.heads[known] & 1 == rated, "registered"
        assert self._data(self._number(known, place)).codehash == keccak256(concat(PREFIX, ticket, gist)), "registered"
        return known
    assert block.timestamp <= deadline, "deadline passed"
    known = self._put_long(
        owner, imageHash, raw_create(concat(self._creation(size), PREFIX, ticket, gist)), rated)
    log Relayed(id=known, deadline=deadline, signature=signature)
    return known


@external
def registerBatch(data: Bytes[MAX_GIST]) -> uint256:
    """
    @notice Tokens of the sender, one for each item of `data`, which becomes a data contract.
    @param data flags 1 byte (1: rated), count 2, width 1, common size 1, common, and if rated the batch's evidence root
           32, checker 2, asOfBlock 5, comparedWith 4; then the hashes, 32 each, sorted; then if rated score 2 and verdict
           1 of each; then the gists: of `width` bytes each, or with width 0 the end of each, 2 bytes, and the gists.
           `common` stands before every gist that is read.
    @return The first token's id; the others follow in the order of the hashes.
    """
    count: uint256 = convert(slice(data, 1, 2), uint256)
    rated: uint256 = convert(slice(data, 0, 1), uint256)
    width: uint256 = convert(slice(data, 3, 1), uint256)
    common: uint256 = convert(slice(data, 4, 1), uint256)
    assert count > 0, "empty batch"
    assert rated <= 1 and common <= MAX_COMMON, "unknown batch"
    # So that no batch makes a page of `records` fail.
    size: uint256 = 5 + common + 43 * rated + count * (32 + 3 * rated)
    if width > 0:
        assert len(data) == size + count * width, "wrong size"
    else:
        assert len(data) >= size + 2 * count, "wrong size"
    totals: uint256 = self.totals + (1 << 96) + (1 << 176)
    made: address = raw_create(concat(self._creation(len(data)), PREFIX, data))
    assert made == self._data((totals >> 96) & (2**80 - 1)), "nonce"
    return self._record_batch(totals, count, (totals >> 96) & (2**80 - 1), empty(bytes32))


@external
def registerProofs(root: bytes32, count: uint256, data: Bytes[MAX_CALLDATA]) -> uint256:
    """
    @notice Tokens of the sender whose gists are in the calldata of this transaction alone; see `verify`.
    @param root Of the Merkle tree of the items, in the order of their hashes.
    @param data What `registerBatch` takes, for whoever reads this transaction; the contract looks at its size alone.
    """
    assert root != empty(bytes32), "no root"
    assert count > 0 and count < 65536, "empty batch"
    # Else 65,535 ids for whoever lists the tokens would cost as much gas as one. `data` may claim to be longer than it is.
    assert len(msg.data) > 33 * count, "wrong size"
    totals: uint256 = self.totals + (1 << 176)
    self.roots[totals >> 176] = root
    return self._record_batch(totals, count, 0, root)


@external
def attest(id: uint256, evidence: bytes32, rating: uint256):
    """@notice The sender's own verdict on a token, beside its creator's. Said again it takes the earlier one's place."""
    assert id > 0 and id <= self.totals & (2**96 - 1), "no such token"
    self._check_rating(rating, evidence)
    self.attestations[id][msg.sender] = rating | (1 << 112)
    self.attested[id][msg.sender] = evidence
    log Attested(id=id, by=msg.sender, rating=rating, evidence=evidence)


@external
def link(id: uint256, chainId: uint256, nft: address, tokenId: uint256):
    """@notice Say that this token is of that NFT. Its owner may, once; for an NFT of this chain only the NFT's owner."""
    assert self._record_of(id).owner == msg.sender, "not the token's owner"
    assert self.links[id] == 0, "linked"
    assert chainId > 0 and chainId < 2**64 and nft != empty(address), "no NFT"
    if chainId == chain.id:
        assert staticcall Nft(nft).ownerOf(tokenId) == msg.sender, "not the NFT's owner"
    self.links[id] = (chainId << 160) | convert(nft, uint256)
    self.linkTokens[id] = tokenId
    key: bytes32 = keccak256(abi_encode(chainId, nft, tokenId))
    self.linkedIds[key][self.linkCounts[key]] = id
    self.linkCounts[key] += 1
    log Linked(id=id, nft=nft, tokenId=tokenId, chainId=chainId)


@view
@external
def gistOf(id: uint256) -> Bytes[MAX_GIST + MAX_COMMON]:
    """@return The gist; empty if there is no such token, for a token of proofs and one of a batch with a wrong end."""
    return self._gist(id)


@view
@external
def record(id: uint256) -> Record:
    """@return Zeros for no token."""
    return self._record_of(id)


@view
@external
def records(start: uint256, count: uint256) -> DynArray[Record, MAX_PAGE]:
    """@return The tokens with the ids start, start + 1 and so on, at most `count` of them and at most 256."""
    page: DynArray[Record, MAX_PAGE] = []
    for k: uint256 in range(min(count, MAX_PAGE), bound=MAX_PAGE):
        found: Record = self._record_of(start + k)
        if found.owner == empty(address):
            break
        page.append(found)
    return page


@view
@external
def ratingOf(id: uint256) -> Rating:
    """@return What the creator found when it was registered; evidence 0 if the token has no true ticket or isn't there."""
    head: uint256 = self.heads[id]
    if head != 0:
        if head & 1 == 0:
            return empty(Rating)
        ticket: Bytes[TICKET_SIZE] = self._evidence_and_rating(id)
        return self._rating(convert(slice(ticket, 32, 14), uint256), convert(slice(ticket, 0, 32), bytes32))
    batch: uint256 = self._batch_of(id)
    if batch == 0 or self.roots[batch] != empty(bytes32):
        return empty(Rating)
    data: Bytes[MAX_GIST] = self._batch_data(batch)
    if convert(slice(data, 0, 1), uint256) == 0:
        return empty(Rating)
    at: uint256 = 5 + convert(slice(data, 4, 1), uint256)
    count: uint256 = convert(slice(data, 1, 2), uint256)
    k: uint256 = id - self._first_in(batch)
    common: uint256 = convert(slice(data, at + 32, 11), uint256)
    own: uint256 = convert(slice(data, at + 43 + 32 * count + 3 * k, 3), uint256)
    evidence: bytes32 = convert(slice(data, at, 32), bytes32)
    # Nobody looked at these when the batch was registered.
    if evidence == empty(bytes32) or own >> 8 > 10000 or own & 255 > 4:
        return empty(Rating)
    return self._rating((own << 88) | common, evidence)


@view
@external
def attestationOf(id: uint256, by: address) -> Rating:
    """@return Evidence 0 where that account has said nothing of the token. The log has who said something."""
    if self.attestations[id][by] == 0:
        return empty(Rating)
    return self._rating(self.attestations[id][by] & (2**112 - 1), self.attested[id][by])


@view
@external
def tokenOf(owner: address, imageHash: bytes32) -> uint256:
    """@return The owner's token for this image, 0 for none. It does not look into batches: see `indexOf`."""
    return self._token_of(owner, imageHash)


@view
@external
def firstOf(imageHash: bytes32) -> uint256:
    """@return The first token for this image by anyone, batches apart; 0 for none. A hint: anyone may be first."""
    return self.first[imageHash]


@view
@external
def batchOf(batch: uint256) -> (address, uint256, uint256, bytes32):
    """@return owner, first id, number of tokens, root (0 where the state holds the gists) of batch 1, 2 and so on."""
    size: uint256 = self.batchRanges[batch] & 65535
    return convert(self.batchHeads[batch] >> 96, address), self._first_in(batch), size, self.roots[batch]


@view
@external
def indexOf(batch: uint256, imageHash: bytes32) -> uint256:
    """@return The id of the image's token in a batch whose gists the state holds, by bisection; 0 for none."""
    if self.batchHeads[batch] == 0 or self.roots[batch] != empty(bytes32):
        return 0
    data: Bytes[MAX_GIST] = self._batch_data(batch)
    low: uint256 = 0
    high: uint256 = self.batchRanges[batch] & 65535
    start: uint256 = self._hashes_at(data)
    wanted: uint256 = convert(imageHash, uint256)
    for _: uint256 in range(17):
        if low >= high:
            break
        middle: uint256 = (low + high) // 2
        found: uint256 = convert(slice(data, start + 32 * middle, 32), uint256)
        if found == wanted:
            return self._first_in(batch) + middle
        if found < wanted:
            low = middle + 1
        else:
            high = middle
    return 0


@view
@external
def verify(id: uint256, item: Bytes[MAX_GIST], proof: DynArray[bytes32, MAX_PROOF]) -> bool:
    """
    @notice Whether this is the item of a token of proofs.
    @param item All that stands in the calldata before the hashes, the image's hash 32, if rated score 2 and verdict 1,
           and the gist. So whoever has a leaf can read it without the calldata.
    @param proof The other hash of each pair up to the root, from the leaf on. A leaf is keccak256(0x00, place in the
           batch 2, item), a node keccak256(0x01, left, right); an odd one at the end of a level goes up as it is.
    """
    batch: uint256 = self._batch_of(id)
    if batch == 0 or self.roots[batch] == empty(bytes32):
        return False
    place: uint256 = id - self._first_in(batch)
    width: uint256 = self.batchRanges[batch] & 65535
    node: bytes32 = keccak256(concat(x"00", slice(convert(place, bytes32), 30, 2), item))
    used: uint256 = 0
    for _: uint256 in range(MAX_PROOF):
        if width == 1:
            break
        if place & 1 == 1:
            if used == len(proof):
                return False
            node = keccak256(concat(x"01", proof[used], node))
            used += 1
        elif place + 1 < width:
            if used == len(proof):
                return False
            node = keccak256(concat(x"01", node, proof[used]))
            used += 1
        place //= 2
        width = (width + 1) // 2
    return used == len(proof) and node == self.roots[batch]


@view
@external
def linkOf(id: uint256) -> (uint256, address, uint256):
    """@return chain id, contract, token id of the NFT; zeros for none. On another chain nobody has checked it."""
    linked: uint256 = self.links[id]
    return linked >> 160, convert(linked & (2**160 - 1), address), self.linkTokens[id]


@view
@external
def linkedTo(chainId: uint256, nft: address, tokenId: uint256, start: uint256) -> DynArray[uint256, MAX_PAGE]:
    """@return The ids that are linked to the NFT, from number `start` on, at most 256: anyone may link to another chain."""
    key: bytes32 = keccak256(abi_encode(chainId, nft, tokenId))
    page: DynArray[uint256, MAX_PAGE] = []
    for k: uint256 in range(MAX_PAGE):
        if start + k >= self.linkCounts[key]:
            break
        page.append(self.linkedIds[key][start + k])
    return page


@view
@external
def count() -> uint256:
    """@return How many tokens there are; their ids are 1 to count."""
    return self.totals & (2**96 - 1)


@view
@external
def batches() -> uint256:
    """@return How many batches there are; they are numbered from 1."""
    return self.totals >> 176


@view
@internal
def _checked(evidence: bytes32, rating: uint256, size: uint256) -> uint256:
    # 1 for a gist with a ticket, 0 for one without
    assert size > 0, "empty gist"
    if evidence == empty(bytes32):
        assert rating == 0, "no evidence"
        return 0
    self._check_rating(rating, evidence)
    return 1


@pure
@internal
def _words(evidence: bytes32, rating: uint256, gist: Bytes[INLINE_MAX], rated: uint256) -> (uint256, uint256):
    padded: Bytes[128] = concat(gist, empty(bytes32), empty(bytes32))
    first: uint256 = convert(extract32(padded, 0), uint256)
    if rated == 0:
        return first, convert(extract32(padded, 32), uint256)
    assert len(gist) <= RATED_INLINE_MAX, "too long for words"
    return convert(evidence, uint256), (rating << 144) | (first >> 112)


@internal
def _put(owner: address, imageHash: bytes32, first: uint256, second: uint256, place: uint256) -> uint256:
    totals: uint256 = self.totals + 1
    id: uint256 = totals & (2**96 - 1)
    self.words[2 * id] = convert(first, bytes32)
    if second != 0:
        self.words[2 * id + 1] = convert(second, bytes32)
    return self._record(owner, imageHash, totals, place)


@internal
def _put_long(owner: address, imageHash: bytes32, made: address, rated: uint256) -> uint256:
    totals: uint256 = self.totals + 1 + (1 << 96)
    number: uint256 = (totals >> 96) & (2**80 - 1)
    assert made == self._data(number), "nonce"
    place: uint256 = number + INLINE_MAX
    if place >= ELSEWHERE:
        place = ELSEWHERE
        self.words[2 * (totals & (2**96 - 1))] = convert(number, bytes32)
    return self._record(owner, imageHash, totals, (place << 2) | rated)


@internal
def _record(owner: address, imageHash: bytes32, totals: uint256, place: uint256) -> uint256:
    # place: with the two flags below it. Refuses a second token of this owner for the image.
    id: uint256 = totals & (2**96 - 1)
    earliest: uint256 = self.first[imageHash]
    if earliest == 0:
        self.first[imageHash] = id
    else:
        assert convert(self.heads[earliest] >> 96, address) != owner, "registered"
        assert self.later[owner][imageHash] == 0, "registered"
        self.later[owner][imageHash] = id
    self.totals = totals
    self.hashes[id] = imageHash
    self.heads[id] = self._head(owner) | place
    log Registered(id=id, owner=owner, imageHash=imageHash)
    return id


@internal
def _record_batch(totals: uint256, count: uint256, number: uint256, root: bytes32) -> uint256:
    batch: uint256 = totals >> 176
    start: uint256 = (totals & (2**96 - 1)) + 1
    self.totals = totals + count
    self.batchHeads[batch] = self._head(msg.sender)
    self.batchRanges[batch] = (number << 112) | (start << 16) | count
    log Batch(batch=batch, owner=msg.sender, first=start, count=count, root=root)
    return start


@view
@internal
def _head(owner: address) -> uint256:
    # convert() refuses a block number that outgrew its field
    assert block.timestamp < 2**33, "time outgrew its field"
    return (
        (convert(owner, uint256) << 96)
        | (convert(convert(block.number, uint40), uint256) << 56)
        | (block.timestamp << 23))


@pure
@internal
def _creation(size: uint256) -> Bytes[10]:
    # PUSH2 size + 11, DUP1, PUSH1 10, RETURNDATASIZE, CODECOPY, RETURNDATASIZE, RETURN
    return concat(x"61", slice(convert(size + 11, bytes32), 30, 2), x"80600a3d393df3")


@pure
@internal
def _check_rating(rating: uint256, evidence: bytes32):
    assert rating < 2**112 and rating >> 96 <= 10000, "score above 10000"
    assert (rating >> 88) & 255 <= 4, "unknown verdict"
    assert evidence != empty(bytes32), "no evidence"


@pure
@internal
def _signed(
    owner: address, imageHash: bytes32, evidence: bytes32, rating: uint256, gistHash: bytes32, deadline: uint256
) -> bytes32:
    return keccak256(abi_encode(
        REGISTRATION, imageHash, gistHash, rating >> 96, (rating >> 88) & 255, (rating >> 72) & 65535,
        (rating >> 32) & (2**40 - 1), rating & (2**32 - 1), evidence, owner, deadline))


@view
@internal
def _check_signature(owner: address, signed: bytes32, signature: Bytes[MAX_SIGNATURE]):
    # The domain is hashed anew each time: after a split of the chain, the other half has another id.
    domain: bytes32 = keccak256(abi_encode(DOMAIN, NAME, VERSION, chain.id, self))
    digest: bytes32 = keccak256(concat(x"1901", domain, signed))
    if len(signature) == 65:
        s: uint256 = convert(extract32(signature, 32), uint256)
        v: uint256 = convert(slice(signature, 64, 1), uint256)
        if s <= MAX_S and owner != empty(address):
            if ecrecover(digest, v, convert(extract32(signature, 0), uint256), s) == owner:
                return
    assert owner.is_contract, "signature is not the owner's"
    assert staticcall Signer(owner).isValidSignature(digest, signature) == ERC1271_VALID, "signature is not the owner's"


@view
@internal
def _token_of(owner: address, imageHash: bytes32) -> uint256:
    earliest: uint256 = self.first[imageHash]
    if earliest != 0 and convert(self.heads[earliest] >> 96, address) == owner:
        return earliest
    return self.later[owner][imageHash]


@view
@internal
def _gist(id: uint256) -> Bytes[MAX_GIST + MAX_COMMON]:
    head: uint256 = self.heads[id]
    if head == 0:
        return self._gist_in_batch(id)
    start: uint256 = TICKET_SIZE * (head & 1)
    place: uint256 = (head >> 2) & ELSEWHERE
    if place > INLINE_MAX:
        data: Bytes[MAX_GIST] = self._read(self._number(id, place))
        return slice(data, start, len(data) - start)
    both: Bytes[64] = concat(self.words[2 * id], self.words[2 * id + 1])
    return slice(both, start, place)


@view
@internal
def _gist_in_batch(id: uint256) -> Bytes[MAX_GIST + MAX_COMMON]:
    batch: uint256 = self._batch_of(id)
    if batch == 0 or self.roots[batch] != empty(bytes32):
        return b""
    data: Bytes[MAX_GIST] = self._batch_data(batch)
    count: uint256 = convert(slice(data, 1, 2), uint256)
    width: uint256 = convert(slice(data, 3, 1), uint256)
    common: Bytes[MAX_COMMON] = slice(extract32(data, 5), 0, convert(slice(data, 4, 1), uint256))
    k: uint256 = id - self._first_in(batch)
    at: uint256 = self._hashes_at(data) + 32 * count
    if convert(slice(data, 0, 1), uint256) & 1 == 1:
        at += 3 * count
    if width > 0:
        return concat(common, slice(data, at + k * width, width))
    start: uint256 = 0
    if k > 0:
        start = convert(slice(data, at + 2 * (k - 1), 2), uint256)
    end: uint256 = convert(slice(data, at + 2 * k, 2), uint256)
    # Nobody looked at these when the batch was registered.
    if start > end or at + 2 * count + end > len(data):
        return b""
    return concat(common, slice(data, at + 2 * count + start, end - start))


@view
@internal
def _record_of(id: uint256) -> Record:
    head: uint256 = self.heads[id]
    imageHash: bytes32 = self.hashes[id]
    batch: uint256 = 0
    if head == 0:
        batch = self._batch_of(id)
        if batch == 0:
            return empty(Record)
        head = self.batchHeads[batch]
        if self.roots[batch] == empty(bytes32):
            data: Bytes[MAX_GIST] = self._batch_data(batch)
            k: uint256 = id - self._first_in(batch)
            imageHash = convert(slice(data, self._hashes_at(data) + 32 * k, 32), bytes32)
    return Record(
        owner=convert(head >> 96, address), imageHash=imageHash, block=(head >> 56) & (2**40 - 1),
        time=(head >> 23) & (2**33 - 1), batch=batch)


@view
@internal
def _batch_of(id: uint256) -> uint256:
    # The batch whose range holds the id, by bisection; 0 for none.
    low: uint256 = 1
    high: uint256 = (self.totals >> 176) + 1
    for _: uint256 in range(81):
        if low >= high:
            break
        middle: uint256 = (low + high) // 2
        reach: uint256 = self.batchRanges[middle]
        start: uint256 = (reach >> 16) & (2**96 - 1)
        if id < start:
            high = middle
        elif id < start + (reach & 65535):
            return middle
        else:
            low = middle + 1
    return 0


@view
@internal
def _first_in(batch: uint256) -> uint256:
    return (self.batchRanges[batch] >> 16) & (2**96 - 1)


@view
@internal
def _batch_data(batch: uint256) -> Bytes[MAX_GIST]:
    return self._read(self.batchRanges[batch] >> 112)


@pure
@internal
def _hashes_at(data: Bytes[MAX_GIST]) -> uint256:
    return 5 + convert(slice(data, 4, 1), uint256) + 43 * (convert(slice(data, 0, 1), uint256) & 1)


@view
@internal
def _evidence_and_rating(id: uint256) -> Bytes[TICKET_SIZE]:
    # Of a rated token of its own.
    place: uint256 = (self.heads[id] >> 2) & ELSEWHERE
    if place > INLINE_MAX:
        return raw_call(
            self._data(self._number(id, place)), b"", max_outsize=TICKET_SIZE, is_static_call=True)
    return concat(self.words[2 * id], slice(self.words[2 * id + 1], 0, 14))


@pure
@internal
def _rating(rating: uint256, evidence: bytes32) -> Rating:
    return Rating(
        score=rating >> 96, verdict=(rating >> 88) & 255, checker=(rating >> 72) & 65535,
        asOfBlock=(rating >> 32) & (2**40 - 1), comparedWith=rating & (2**32 - 1), evidence=evidence)


@pure
@internal
def _bytes14(rating: uint256) -> Bytes[RATING_SIZE]:
    return slice(convert(rating, bytes32), 18, 14)


@view
@internal
def _number(id: uint256, place: uint256) -> uint256:
    if place == ELSEWHERE:
        return convert(self.words[2 * id], uint256)
    return place - INLINE_MAX


@view
@internal
def _read(number: uint256) -> Bytes[MAX_GIST]:
    return raw_call(self._data(number), b"", max_outsize=MAX_GIST, is_static_call=True)


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
        size: uint256 = 3  # of the nonce, in bytes; it has 64 bits at most (EIP-2681)
        for _: uint256 in range(5):
            if number >> 8 * size == 0:
                break
            size += 1
        head: bytes1 = convert(convert(214 + size, uint8), bytes1)
        digest = keccak256(concat(
            head, x"94", me, convert(convert(128 + size, uint8), bytes1), slice(tail, 32 - size, size)))
    return convert(convert(digest, uint256) & (2**160 - 1), address)
