# pragma version 0.4.3
# @license Apache-2.0
"""
@title Tokens that wallets show
@notice The registry's tokens as NFTs (ERC-721) with the same ids. Minting is apart from registering and costs its own
        gas. What a token looks like is made from the chain's state alone. Nobody owns this contract; nothing in it can
        be changed but who owns a token.
@dev Everything that comes from a gist was chosen by a stranger: it is made valid UTF-8 and escaped, or it is base64.
"""

import base64
import layers
import plain

MOST_GIST: constant(uint256) = 24597  # what registry.gistOf returns at most
MOST_TEXT: constant(uint256) = 4096
MOST_FOOT: constant(uint256) = 256
MOST_IMAGE: constant(uint256) = 51232
MOST_TRAITS: constant(uint256) = 12288
MOST_JSON: constant(uint256) = 73728
MOST_URI: constant(uint256) = 98333
MOST_DATA: constant(uint256) = 4096
# A table of traits may be made so that reading it takes more than a node allows.
TRAITS_GAS: constant(uint256) = 8_000_000
PLAIN: constant(uint256) = 0
TABLE: constant(uint256) = 2

struct Record:
    owner: address
    imageHash: bytes32
    block: uint256
    time: uint256
    batch: uint256

struct Rating:
    score: uint256
    verdict: uint256
    checker: uint256
    asOfBlock: uint256
    comparedWith: uint256
    evidence: bytes32

struct Trait:
    kind: String[64]
    value: String[64]

# What is shown of a token.
struct Shown:
    packet: layers.Packet
    text: Bytes[MOST_TEXT]  # as plain.shown returns it
    traits: Bytes[MOST_TRAITS]  # JSON of the attributes, each with a comma behind it

interface Registry:
    def gistOf(id: uint256) -> Bytes[MOST_GIST]: view
    def record(id: uint256) -> Record: view
    def ratingOf(id: uint256) -> Rating: view
    def batchOf(batch: uint256) -> (address, uint256, uint256, bytes32): view

interface Pictures:
    def imageOf(
        gist: Bytes[MOST_GIST], text: Bytes[MOST_TEXT], foot: Bytes[MOST_FOOT], imageHash: bytes32
    ) -> (String[9], String[MOST_IMAGE]): view

interface Receiver:
    def onERC721Received(
        operator: address, sender: address, tokenId: uint256, data: Bytes[MOST_DATA]) -> bytes4: nonpayable

event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    tokenId: indexed(uint256)

event Approval:
    owner: indexed(address)
    approved: indexed(address)
    tokenId: indexed(uint256)

event ApprovalForAll:
    owner: indexed(address)
    operator: indexed(address)
    approved: bool

name: public(constant(String[9])) = "gistchain"
symbol: public(constant(String[4])) = "GIST"
registry: public(immutable(address))
tables: public(immutable(address))
pictures: public(immutable(address))
isApprovedForAll: public(HashMap[address, HashMap[address, bool]])
owners: HashMap[uint256, address]
balances: HashMap[address, uint256]
approvals: HashMap[uint256, address]


@deploy
def __init__(registry_: address, tables_: address, pictures_: address):
    registry = registry_
    tables = tables_
    pictures = pictures_


@external
def mint(tokenId: uint256):
    """@notice Make the registry's token an NFT of the sender, once. The owner that the registry names may."""
    registrant: address = (staticcall Registry(registry).record(tokenId)).owner
    assert registrant != empty(address), "no such token"
    assert registrant == msg.sender, "not the token's owner"
    assert self.owners[tokenId] == empty(address), "minted"
    self.owners[tokenId] = msg.sender
    self.balances[msg.sender] += 1
    log Transfer(sender=empty(address), receiver=msg.sender, tokenId=tokenId)


@external
def transferFrom(sender: address, receiver: address, tokenId: uint256):
    """@notice Give a token away. Its owner may, whom she approved for it, and her operators."""
    self._transfer(sender, receiver, tokenId)


@external
def safeTransferFrom(sender: address, receiver: address, tokenId: uint256, data: Bytes[MOST_DATA] = b""):
    """@notice `transferFrom`, refused where the receiver is a contract that does not say that it takes such tokens."""
    self._transfer(sender, receiver, tokenId)
    if receiver.is_contract:
        answer: bytes4 = extcall Receiver(receiver).onERC721Received(msg.sender, sender, tokenId, data)
        assert answer == method_id(
            "onERC721Received(address,address,uint256,bytes)", output_type=bytes4), "receiver refuses"


@external
def approve(approved: address, tokenId: uint256):
    """@notice Let one account give this token away; the zero address for none."""
    owner: address = self._owner(tokenId)
    assert msg.sender == owner or self.isApprovedForAll[owner][msg.sender], "not the token's owner"
    self.approvals[tokenId] = approved
    log Approval(owner=owner, approved=approved, tokenId=tokenId)


@external
def setApprovalForAll(operator: address, approved: bool):
    """@notice Let an account give all of the sender's tokens away, or not any more."""
    self.isApprovedForAll[msg.sender][operator] = approved
    log ApprovalForAll(owner=msg.sender, operator=operator, approved=approved)


@view
@external
def ownerOf(tokenId: uint256) -> address:
    """@return Who owns the NFT, which may have been sold: who registered stands in the registry. Reverts for none."""
    return self._owner(tokenId)


@view
@external
def minted(tokenId: uint256) -> bool:
    return self.owners[tokenId] != empty(address)


@view
@external
def balanceOf(owner: address) -> uint256:
    assert owner != empty(address), "zero address"
    return self.balances[owner]


@view
@external
def getApproved(tokenId: uint256) -> address:
    self._owner(tokenId)
    return self.approvals[tokenId]


@pure
@external
def supportsInterface(interfaceId: bytes4) -> bool:
    """@return True for ERC-165, ERC-721, its metadata, and ERC-7572."""
    return interfaceId in [0x01ffc9a7, 0x80ac58cd, 0x5b5e139f, 0xe8a3d485]


@view
@external
def tokenURI(tokenId: uint256) -> String[MOST_URI]:
    """@return JSON of name, description, image and attributes, as a data URI. Reverts where no NFT is minted."""
    self._owner(tokenId)
    return self._uri(tokenId)


@view
@external
def preview(tokenId: uint256) -> String[MOST_URI]:
    """@return What `tokenURI` returns, for every token of the registry. Reverts where there is none."""
    return self._uri(tokenId)


@view
@external
def contractURI() -> String[MOST_URI]:
    """@return JSON of the whole collection as a data URI (ERC-7572). It never changes."""
    text: Bytes[MOST_TEXT] = b"What images mean, on the chain: each token is the gist of one image"
    form: String[9] = ""
    image: String[MOST_IMAGE] = ""
    form, image = staticcall Pictures(pictures).imageOf(b"", text, b"gistchain", keccak256(text))
    return self._data_uri(concat(
        b'{"name":"gistchain","symbol":"GIST","description":"', text, b'","image":"', convert(image, Bytes[MOST_IMAGE]),
        b'"}'))


@internal
def _transfer(sender: address, receiver: address, tokenId: uint256):
    owner: address = self._owner(tokenId)
    approved: address = self.approvals[tokenId]
    assert owner == sender, "not the token's owner"
    assert receiver != empty(address), "zero address"
    assert msg.sender == owner or msg.sender == approved or self.isApprovedForAll[owner][msg.sender], "not approved"
    if approved != empty(address):
        self.approvals[tokenId] = empty(address)
    self.balances[owner] -= 1
    self.balances[receiver] += 1
    self.owners[tokenId] = receiver
    log Transfer(sender=owner, receiver=receiver, tokenId=tokenId)


@view
@internal
def _owner(tokenId: uint256) -> address:
    owner: address = self.owners[tokenId]
    assert owner != empty(address), "not minted"
    return owner


@view
@internal
def _uri(id: uint256) -> String[MOST_URI]:
    record: Record = staticcall Registry(registry).record(id)
    assert record.owner != empty(address), "no such token"
    gist: Bytes[MOST_GIST] = staticcall Registry(registry).gistOf(id)
    rating: Rating = staticcall Registry(registry).ratingOf(id)
    shown: Shown = self._shown(id, record, gist)
    form: String[9] = ""
    image: String[MOST_IMAGE] = ""
    form, image = staticcall Pictures(pictures).imageOf(
        gist, shown.text, self._foot(id, shown.packet, rating), record.imageHash)
    return self._data_uri(concat(
        b'{"name":"gistchain #', plain.decimal(id), b'","description":"', plain.escaped(shown.text, False),
        b'","image":"', convert(image, Bytes[MOST_IMAGE]), b'","image_sha3_256":"',
        plain.hexadecimal(slice(record.imageHash, 0, 32)), b'","attributes":[', shown.traits, self._rated(rating),
        b'{"trait_type":"Picture","value":"', convert(form, Bytes[9]), b'"}]}'))


@view
@internal
def _shown(id: uint256, record: Record, gist: Bytes[MOST_GIST]) -> Shown:
    shown: Shown = empty(Shown)
    if len(gist) == 0:
        shown.text = b"This token's gist can't be read: its batch is damaged."
        if record.batch > 0 and (staticcall Registry(registry).batchOf(record.batch))[3] != empty(bytes32):
            shown.text = b"Registered by proof: the state of the chain has no gist, but whoever keeps it can prove it."
        return shown
    ok: bool = False
    found: Bytes[704] = b""
    # A call, so that any error in a stranger's bytes ends the reading alone.
    ok, found = raw_call(
        pictures, abi_encode(gist, method_id=method_id("layersOf(bytes)")), max_outsize=704, is_static_call=True,
        revert_on_failure=False)
    if not ok:
        shown.text = concat(
            b"A gist of ", plain.decimal(len(gist)), b" bytes, of a kind that this contract can't read.")
        return shown
    shown.packet = abi_decode(found, layers.Packet)
    caption: layers.Layer = shown.packet.caption
    if caption.start == 0:
        shown.text = b"An image without a caption."
    elif caption.reader == PLAIN:
        shown.text = plain.shown(convert(slice(gist, caption.start, caption.size), Bytes[MOST_TEXT]))
    elif caption.reader == TABLE and 5 <= caption.size and caption.size <= 36:
        code: Bytes[36] = convert(slice(gist, caption.start, caption.size), Bytes[36])
        shown.text, shown.traits = self._traits(code)
    else:
        shown.text = concat(
            b"Image ", plain.hexadecimal(slice(record.imageHash, 0, 4)), b": its caption is ",
            plain.decimal(caption.size),
            b" bytes of a dictionary, too large for a contract. Read it with any gistchain: gistchain show ",
            plain.decimal(id))
    return shown


@view
@internal
def _traits(code: Bytes[36]) -> (Bytes[MOST_TEXT], Bytes[MOST_TRAITS]):
    # The caption that a number of a table stands for, and its traits as JSON
    table: bytes4 = convert(slice(code, 0, 4), bytes4)
    number: uint256 = convert(convert(slice(code, 4, len(code) - 4), Bytes[32]), uint256)
    ok: bool = False
    found: Bytes[20000] = b""
    ok, found = raw_call(
        tables, abi_encode(table, number, method_id=method_id("traitsOf(bytes4,uint256)")), max_outsize=20000,
        gas=TRAITS_GAS, is_static_call=True, revert_on_failure=False)
    subject: String[64] = ""
    traits: DynArray[Trait, 64] = []
    if ok and len(found) > 64:
        subject, traits = abi_decode(found, (String[64], DynArray[Trait, 64]))
    if len(subject) == 0:
        return concat(
            b"A caption by the table of traits ", plain.hexadecimal(slice(code, 0, 4)),
            b", which is not on this chain or can't be read."), b""
    text: Bytes[MOST_TEXT] = concat(b"A picture of ", convert(subject, Bytes[64]))
    json: Bytes[MOST_TRAITS] = b""
    before: Bytes[13] = b", containing "
    for k: uint256 in range(len(traits), bound=64):
        kind: Bytes[64] = convert(traits[k].kind, Bytes[64])
        value: Bytes[64] = convert(traits[k].value, Bytes[64])
        if len(text) + 144 > MOST_TEXT or len(json) + 560 > MOST_TRAITS:
            break
        text = convert(concat(text, before, value, b" ", kind), Bytes[MOST_TEXT])
        before = b", "
        json = convert(concat(
            json, b'{"trait_type":"', plain.escaped(plain.shown(kind), False), b'","value":"',
            plain.escaped(plain.shown(value), False), b'"},'), Bytes[MOST_TRAITS])
    return plain.shown(text), json


@pure
@internal
def _data_uri(json: Bytes[MOST_JSON]) -> String[MOST_URI]:
    return convert(concat(b"data:application/json;base64,", base64.encoded(json)), String[MOST_URI])


@pure
@internal
def _foot(id: uint256, packet: layers.Packet, rating: Rating) -> Bytes[MOST_FOOT]:
    size: Bytes[175] = b""
    if packet.width > 0:
        size = concat(b" &#183; ", plain.decimal(packet.width), b" x ", plain.decimal(packet.height))
    if rating.evidence == empty(bytes32):
        return convert(concat(b"gistchain #", plain.decimal(id), size), Bytes[MOST_FOOT])
    return convert(concat(
        b"gistchain #", plain.decimal(id), size, b" &#183; ", self._verdict(rating.verdict), b" ",
        self._share(rating.score)), Bytes[MOST_FOOT])


@pure
@internal
def _rated(rating: Rating) -> Bytes[192]:
    if rating.evidence == empty(bytes32):
        return b""
    return concat(
        b'{"trait_type":"Verdict, by its registrant","value":"', self._verdict(rating.verdict),
        b'"},{"trait_type":"Rareness, by its registrant","value":', self._share(rating.score), b'},')


@pure
@internal
def _verdict(verdict: uint256) -> Bytes[10]:
    if verdict == 0:
        return b"original"
    if verdict == 1:
        return b"sibling"
    if verdict == 2:
        return b"derivative"
    if verdict == 3:
        return b"copy"
    return b"unsure"


@pure
@internal
def _share(score: uint256) -> Bytes[6]:
    # 0.9701 for 9701, 1.0000 for 10000
    return convert(concat(
        plain.decimal(score // 10000), b".", slice(plain.decimal(10000 + score % 10000), 1, 4)), Bytes[6])
