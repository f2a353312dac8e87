# pragma version 0.4.3
# @license Apache-2.0
"""
@title What registrations are compared with
@notice The least that each of these ways has to write: without access control, metadata or transfers.
@dev `asCode` is SSTORE2 (a data contract whose address the caller remembers). `mint` writes what ERC-721A writes
     (chiru-labs, ERC721A.sol): one word of ownership for all tokens of a call, one of the owner's account, the counter,
     and a Transfer for each. `mintSeeds` is a token whose picture a contract puts together from layers that are stored
     once, as Nouns does: a word of ownership and one of the seed for each token.
"""

event Published:
    data: Bytes[24575]

event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    id: indexed(uint256)

words: HashMap[uint256, bytes32]
used: uint256
next: uint256
owners: HashMap[uint256, uint256]  # owner 160 bits | time 64 | whether the next token has a word of its own
accounts: HashMap[address, uint256]  # tokens 64 bits | minted 64
seeds: HashMap[uint256, uint256]  # five numbers of 48 bits
pages: HashMap[uint256, address]
pageCount: uint256


@deploy
def __init__():
    # So that the first call costs what later ones do.
    self.used = 1
    self.next = 1
    self.pageCount = 1


@external
def asEvent(data: Bytes[24575]):
    log Published(data=data)


@external
def asCode(data: Bytes[24575]) -> address:
    size: bytes32 = convert(len(data) + 1, bytes32)
    return raw_create(concat(x"61", slice(size, 30, 2), x"80600a3d393df3", x"00", data))


@external
def asWords(data: Bytes[24575]):
    start: uint256 = self.used
    count: uint256 = (len(data) + 31) // 32
    padded: Bytes[24607] = concat(data, empty(bytes32))
    for k: uint256 in range(count, bound=768):
        self.words[start + k] = extract32(padded, 32 * k)
    self.used = start + count


@external
def addPage(data: Bytes[24575]):
    """@notice Layers, compressed, that tokens are put together from."""
    size: bytes32 = convert(len(data) + 1, bytes32)
    self.pages[self.pageCount] = raw_create(concat(x"61", slice(size, 30, 2), x"80600a3d393df3", x"00", data))
    self.pageCount += 1


@external
def mint(quantity: uint256):
    start: uint256 = self.next
    alone: uint256 = 0
    if quantity == 1:
        alone = 1 << 225
    self.owners[start] = convert(msg.sender, uint256) | (block.timestamp << 160) | alone
    self.accounts[msg.sender] += quantity * (2**64 + 1)
    for k: uint256 in range(quantity, bound=500):
        log Transfer(sender=empty(address), receiver=msg.sender, id=start + k)
    self.next = start + quantity


@external
def mintSeeds(seeds: DynArray[uint256, 500]):
    start: uint256 = self.next
    owner: uint256 = convert(msg.sender, uint256) | (block.timestamp << 160)
    count: uint256 = len(seeds)
    for k: uint256 in range(count, bound=500):
        self.owners[start + k] = owner
        self.seeds[start + k] = seeds[k]
        log Transfer(sender=empty(address), receiver=msg.sender, id=start + k)
    self.accounts[msg.sender] += count * (2**64 + 1)
    self.next = start + count
