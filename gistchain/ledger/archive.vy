# pragma version 0.4.3
# @license Apache-2.0
"""
@title Archive of file parts: what the classical rivals of the comparison write
@notice A file as base64 text in parts of 100 KB, each the calldata of one transaction. The state holds only the
        keccak-256 digest of a part, and an event names it. That is cheaper for the rival than keeping the bytes in
        state would be (by about 200 gas a byte), and weaker: nodes may forget old calldata.
"""

MAX_PART: constant(uint256) = 102400

event Stored:
    fileId: indexed(bytes32)
    index: indexed(uint256)
    digest: bytes32

digests: HashMap[address, HashMap[bytes32, HashMap[uint256, bytes32]]]


@external
def store(fileId: bytes32, index: uint256, data: Bytes[MAX_PART]):
    """@dev Part `index` of the sender's file, once."""
    assert len(data) > 0, "empty part"
    assert self.digests[msg.sender][fileId][index] == empty(bytes32), "stored"
    digest: bytes32 = keccak256(data)
    self.digests[msg.sender][fileId][index] = digest
    log Stored(fileId=fileId, index=index, digest=digest)


@view
@external
def digestOf(owner: address, fileId: bytes32, index: uint256) -> bytes32:
    """@return The digest of a part, zero for none."""
    return self.digests[owner][fileId][index]
