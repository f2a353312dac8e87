"""Find, read and check the tokens of an image on any EVM chain: 57 lines of code on web3.py, without gistchain.

    pip install web3
    python find_token.py RPC_URL IMAGE      IMAGE: the file, or the 64 hex digits of its SHA3-256

The node must have kept transactions and logs, and tell eth_getRawTransactionByHash. FALSE: the owner's key did not sign
this image, gist and ticket; an owner that is a contract has no key: ask its isValidSignature. docs/contract.md explains
the registry's functions and events, docs/ticket.md what is signed, docs/packet.md the bytes of a gist.
"""

import hashlib, pathlib, re, sys, time  # noqa: E401, I001
import rlp
from eth_account import Account, messages
from web3 import Web3

# The registry has one address on every chain. A verdict is told by its place in this row.
REGISTRY, NAMES = "0xBc78497752451c3e25d599a142E34d387A64Fb55", ["original", "sibling", "derivative", "copy", "unsure"]
w3, keccak, given = Web3(Web3.HTTPProvider(sys.argv[1])), Web3.keccak, sys.argv[2]
CHAIN = w3.eth.chain_id
DIGITS = re.fullmatch("[0-9A-Fa-f]{64}", given)
HASH = bytes.fromhex(given) if DIGITS else hashlib.sha3_256(pathlib.Path(given).read_bytes()).digest()
NEW, RELAYED = keccak(text="Registered(uint256,address,bytes32)"), keccak(text="Relayed(uint256,uint256,bytes)")
BATCH = keccak(text="Batch(uint256,address,uint256,uint256,bytes32)")
FIELDS = "bytes32 imageHash,bytes gist,uint16 score,uint8 verdict,uint16 checker,uint40 asOfBlock,uint32 comparedWith,bytes32 evidence,address owner,uint256 deadline"  # noqa: E501
# The size of the picture; then 0x90, or 0x10 and a length; then plain words.
PLAIN = re.compile(rb"(?s)(?:[\x81-\xbf\xc1-\xff]|[\x80\xc0](?:[\x80-\xff]*[\0-\x7f]){2})(?:\x90|\x10([\0-\x7f]))(.*)")


def ask(view, values=(), result="uint256"):
    # Calls a function: four bytes of the hash of its signature, then the arguments.
    data = keccak(text=view)[:4] + w3.codec.encode(re.findall(r"\w+", view)[1:], values)
    return w3.codec.decode(result.split(), w3.eth.call({"to": REGISTRY, "data": data}))


def logs(*topics):
    # Events, by what is indexed in them.
    return w3.eth.get_logs({"address": REGISTRY, "fromBlock": 0, "toBlock": "latest", "topics": topics})


def item(data, k):
    # What a batch has for its k-th image, as registerBatch in registry.vy lays it: hash, evidence, rating and gist.
    rated, count, width, images = data[0], int.from_bytes(data[1:3]), data[3], 5 + data[4] + 43 * data[0]
    shared, scores, gists = data[5 + data[4] : images], images + 32 * count, images + (32 + 3 * rated) * count
    ends = [0, *(int.from_bytes(data[at : at + 2]) for at in range(gists, gists + 2 * count, 2))]
    a, b = (k * width, k * width + width) if width else (2 * count + ends[k], 2 * count + ends[k + 1])
    rating = int.from_bytes(data[scores + 3 * k :][: 3 * rated] + shared[32:])
    gist = data[5 : 5 + data[4]] + data[gists + a : gists + b]
    return data[images + 32 * k :][:32], shared[:32] or bytes(32), rating, gist


def signer(token, owner, gist, rated, found, raw):
    # Who signed just this image, gist and ticket; "" where the transaction says something else.
    if RELAYED in found:
        # Somebody else sent and paid it: the log has the owner's EIP-712 signature.
        deadline, seal = w3.codec.decode(["uint256", "bytes"], found[RELAYED]["data"])
        types = {"Registration": [dict(zip(("type", "name"), f.split(), strict=True)) for f in FIELDS.split(",")]}
        values = dict(zip(re.findall(r" (\w+)", FIELDS), (HASH, gist, *rated, owner, deadline), strict=True))
        domain = {"name": "gistchain", "version": "2", "chainId": CHAIN, "verifyingContract": REGISTRY}
        return Account.recover_message(messages.encode_typed_data(domain, types, values), signature=seal)
    # The owner sent it: the transaction is her signature. Types 1 to 4 have a byte, and more fields, in front.
    to, _, data = rlp.decode(raw.lstrip(b"\1\2\3\4"))[{1: 4, 2: 5, 3: 5, 4: 5}.get(raw[0], 3) :][:3]
    call = HASH, rated[5], int("{:04x}{:02x}{:04x}{:010x}{:08x}".format(*rated[:5]), 16), gist
    said = w3.codec.decode(["bytes"] if BATCH in found else ["bytes32", "bytes32", "uint256", "bytes"], data[4:])
    if BATCH in found:  # one signature for all of its tokens
        said = item(*said, token - int.from_bytes(found[BATCH]["data"][:32]))
    return Account.recover_transaction(raw) if said == call and to == bytes.fromhex(REGISTRY[2:]) else ""


# What the logs name, what the state calls the first, and of batches what the state has: no log names their images.
ids = {int.from_bytes(log.topics[1]) for log in logs(NEW, None, None, HASH)} | {*ask("firstOf(bytes32)", [HASH])}
ids |= {ask("indexOf(uint256,bytes32)", [k + 1, HASH])[0] for k in range(ask("batches()")[0])}
for token in sorted(ids - {0}) or sys.exit("no token has this image"):
    owner, _, _, at, batch = ask("record(uint256)", [token], "address bytes32 uint256 uint256 uint256")
    [gist], rated = ask("gistOf(uint256)", [token], "bytes"), ask("ratingOf(uint256)", [token], "uint " * 5 + "bytes32")
    p, when = PLAIN.match(gist), time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(at))
    words = p and p[2][: p[1][0] if p[1] else len(p[2]) - 2 * (gist[0] < 192)].decode("utf8", "replace")
    told = f"{NAMES[rated[1]] if any(rated[5]) else 'no ticket'}, score {rated[0]}/10000, checker {rated[2]}"
    kinds, number = ([BATCH], batch) if batch else ([NEW, RELAYED], token)
    found = {bytes(log["topics"][0]): log for log in logs(kinds, number.to_bytes(32, "big"))}
    raw = bytes(w3.eth.get_raw_transaction(found[kinds[0]]["transactionHash"])) if kinds[0] in found else b""
    try:
        by = signer(token, owner, gist, rated, found, raw).lower() if raw else None
    except Exception:  # noqa: BLE001 # a stranger chose the bytes, and those that can't be read sign nothing
        by = ""
    proof = {None: "not checked: its log is gone", owner: "signed by the owner"}.get(by, "FALSE")
    print(f"token {token}, owner {owner}, {when}\n  gist: {len(gist)} bytes {gist.hex()}\n  words: {words!a}")
    print(f"  {told}, as of block {rated[3]}, compared with {rated[4]}\n  {proof}")
