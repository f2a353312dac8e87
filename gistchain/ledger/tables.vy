# pragma version 0.4.3
# @license Apache-2.0
"""
@title Trait tables
@notice What the traits of a collection are called, once on the chain: a token's caption is then one small number, and
        this contract says what it means. Anyone may add a table; none is ever changed. Nobody owns this contract.
@dev A table is named by the first four bytes of its keccak256; of two tables with one name the first stays, and the other
     is written with another version byte. The bytes of a table, all counts and lengths high byte first:
         version 1 | length 1, subject | types 1 | of each type: length 1, name | values 2 | of each value: length 1, name
     A token's number has for every type 0 (not visible) or the number of its value from 1, in mixed radix: the first
     type is the most significant, and a type with n values has the radix n + 1.
"""

MAX_TABLE: constant(uint256) = 24565  # EIP-170: code of at most 24,576 bytes, of which 11 are PREFIX
MAX_TYPES: constant(uint256) = 64
MAX_VALUES: constant(uint256) = 4096  # of one type
PREFIX: constant(Bytes[11]) = x"600b380380600b3d393df3"  # returns all that follows it; see registry.vy

struct Trait:
    kind: String[64]
    value: String[64]

event Added:
    name: indexed(bytes4)
    by: indexed(address)
    digest: bytes32

places: HashMap[bytes4, address]


@external
def add(table: Bytes[MAX_TABLE]) -> bytes4:
    """@notice Add a table; one that is there already is a success. @return Its name."""
    digest: bytes32 = keccak256(table)
    name: bytes4 = convert(slice(digest, 0, 4), bytes4)
    place: address = self.places[name]
    if place != empty(address):
        assert place.codehash == keccak256(concat(PREFIX, table)), "another table has this name"
        return name
    size: uint256 = len(table)
    assert size > 3, "no table"
    self.places[name] = raw_create(
        concat(x"61", slice(convert(size + 11, bytes32), 30, 2), x"80600a3d393df3", PREFIX, table))
    log Added(name=name, by=msg.sender, digest=digest)
    return name


@view
@external
def tableOf(name: bytes4) -> Bytes[MAX_TABLE]:
    """@return The bytes of a table; empty for none."""
    if self.places[name] == empty(address):
        return b""
    return raw_call(self.places[name], b"", max_outsize=MAX_TABLE, is_static_call=True)


@view
@external
def traitsOf(name: bytes4, number: uint256) -> (String[64], DynArray[Trait, MAX_TYPES]):
    """
    @notice What a token's number means.
    @return The subject, and each visible trait in the order of the table. Names of more than 64 bytes are cut.
    """
    traits: DynArray[Trait, MAX_TYPES] = []
    place: address = self.places[name]
    if place == empty(address):
        return "", traits
    data: Bytes[MAX_TABLE + 64] = concat(
        raw_call(place, b"", max_outsize=MAX_TABLE, is_static_call=True), empty(bytes32), empty(bytes32))
    at: uint256 = 2 + convert(slice(data, 1, 1), uint256)
    types: uint256 = convert(slice(data, at, 1), uint256)
    at += 1

    # First the radices, since the last type is the least significant.
    starts: DynArray[uint256, MAX_TYPES] = []
    for _: uint256 in range(types, bound=MAX_TYPES):
        starts.append(at)
        at += 1 + convert(slice(data, at, 1), uint256)
        values: uint256 = 256 * convert(slice(data, at, 1), uint256) + convert(slice(data, at + 1, 1), uint256)
        at += 2
        for __: uint256 in range(values, bound=MAX_VALUES):
            at += 1 + convert(slice(data, at, 1), uint256)
    chosen: DynArray[uint256, MAX_TYPES] = []
    left: uint256 = number
    for k: uint256 in range(types, bound=MAX_TYPES):
        start: uint256 = starts[types - 1 - k]
        start += 1 + convert(slice(data, start, 1), uint256)
        radix: uint256 = 256 * convert(slice(data, start, 1), uint256) + convert(slice(data, start + 1, 1), uint256) + 1
        chosen.append(left % radix)
        left //= radix

    for k: uint256 in range(types, bound=MAX_TYPES):
        value: uint256 = chosen[types - 1 - k]
        if value == 0:
            continue
        start: uint256 = starts[k]
        kind: String[64] = self._name(slice(data, start, 65))
        start += 3 + convert(slice(data, start, 1), uint256)
        for __: uint256 in range(value - 1, bound=MAX_VALUES):
            start += 1 + convert(slice(data, start, 1), uint256)
        traits.append(Trait(kind=kind, value=self._name(slice(data, start, 65))))
    return self._name(slice(data, 1, 65)), traits


@pure
@internal
def _name(data: Bytes[65]) -> String[64]:
    length: uint256 = min(convert(slice(data, 0, 1), uint256), 64)
    return convert(slice(data, 1, length), String[64])
