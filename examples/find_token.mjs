// Find, read and check the tokens of an image on any EVM chain: 60 lines of code on viem, without gistchain.
//
//     npm install viem
//     node find_token.mjs RPC_URL IMAGE      IMAGE: the file, or the 64 hex digits of its SHA3-256
//
// The node must have kept transactions and logs, and tell eth_getRawTransactionByHash. FALSE: the owner did not sign
// this image, gist and ticket, or is a contract that sent them itself, which nobody but the contract could tell.
// docs/contract.md explains the registry's functions and events, docs/ticket.md what is signed, docs/packet.md the
// bytes of a gist.

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createPublicClient, encodeAbiParameters, encodePacked, getAddress, hashTypedData, http, parseAbi } from 'viem'
import { parseAbiParameters, parseTransaction, recoverAddress, recoverTransactionAddress } from 'viem'

// The registry has one address on every chain. A verdict is told by its place in this row.
const address = '0xBc78497752451c3e25d599a142E34d387A64Fb55'
const NAMES = ['original', 'sibling', 'derivative', 'copy', 'unsure']
const RATING = 'uint16 score, uint8 verdict, uint16 checker, uint40 asOfBlock, uint32 comparedWith, bytes32 evidence'
const abi = parseAbi([
  'event Registered(uint256 indexed id, address indexed owner, bytes32 indexed imageHash)',
  'event Relayed(uint256 indexed id, uint256 deadline, bytes signature)',
  'function firstOf(bytes32) view returns (uint256)',
  'function batches() view returns (uint256)',
  'function indexOf(uint256, bytes32) view returns (uint256)',
  'function record(uint256) view returns ((address owner, bytes32 image, uint256 block, uint256 time, uint256 batch))',
  'function gistOf(uint256) view returns (bytes)',
  `function ratingOf(uint256) view returns ((${RATING}))`,
  'function isValidSignature(bytes32, bytes) view returns (bytes4)',
])
// The size of the picture; then 0x90, or 0x10 and a length; then plain words.
const PLAIN = /^(?:[\x81-\xbf\xc1-\xff]|[\x80\xc0](?:[\x80-\xff]*[\0-\x7f]){2})(?:\x90|\x10([\0-\x7f]))(.*)/s

const [url, given] = process.argv.slice(2)
const image = `0x${given.length === 64 ? given : createHash('sha3-256').update(readFileSync(given)).digest('hex')}`
const client = createPublicClient({ transport: http(url) })
const ask = (functionName, args, at = address) => client.readContract({ address: at, abi, functionName, args })
const logs = (eventName, args) => client.getContractEvents({ address, abi, eventName, args, fromBlock: 0n })

const told = (good) => (good ? 'signed by the owner' : 'FALSE')

// Whether the owner signed just this image, gist and ticket, in words.
async function signed(id, owner, gist, rated) {
  const [{ args } = {}] = await logs('Relayed', { id })
  if (args) {
    // Somebody else sent and paid it: the log has its deadline and the owner's EIP-712 signature.
    const fields = parseAbiParameters(`bytes32 imageHash, bytes gist, ${RATING}, address owner, uint256 deadline`)
    const domain = { name: 'gistchain', version: '2', chainId: await client.getChainId(), verifyingContract: address }
    const message = { imageHash: image, gist, ...rated, owner, deadline: args.deadline }
    const hash = hashTypedData({ domain, types: { Registration: fields }, primaryType: 'Registration', message })
    if ((await recoverAddress({ hash, signature: args.signature }).catch(() => null)) === owner) return told(true)
    // An owner that is a contract has no key: it alone can say whether it signed (ERC-1271).
    return told((await ask('isValidSignature', [hash, args.signature], owner).catch(() => null)) === '0x1626ba7e')
  }
  // The owner sent it: the transaction is her signature.
  const [made] = await logs('Registered', { id })
  if (!made) return 'not checked: of a batch, or its log is gone'
  const raw = await client.request({ method: 'eth_getRawTransactionByHash', params: [made.transactionHash] })
  const sum = BigInt(encodePacked(['uint16', 'uint8', 'uint16', 'uint40', 'uint32'], Object.values(rated).slice(0, 5)))
  const call = encodeAbiParameters(parseAbiParameters('bytes32,bytes32,uint,bytes'), [image, rated.evidence, sum, gist])
  const { to, data } = parseTransaction(raw)
  if (getAddress(to) !== address || data.slice(10) !== call.slice(2).toLowerCase()) return told(false)
  return told((await recoverTransactionAddress({ serializedTransaction: raw })) === owner)
}

const ids = new Set((await logs('Registered', { imageHash: image })).map((log) => log.args.id))
ids.add(await ask('firstOf', [image])) // the state knows this one even where logs are gone
// Only the state knows the images of a batch.
for (let batch = await ask('batches'); batch > 0n; batch--) ids.add(await ask('indexOf', [batch, image]))
if (ids.delete(0n) && !ids.size) console.log('no token has this image')
for (const id of [...ids].sort((a, b) => Number(a - b))) {
  const [record, gist, rated] = await Promise.all(['record', 'gistOf', 'ratingOf'].map((view) => ask(view, [id])))
  const [, length, rest] = PLAIN.exec(Buffer.from(gist.slice(2), 'hex').toString('latin1')) ?? []
  const words = rest?.slice(0, length ? length.charCodeAt(0) : rest.length - (gist < '0xc0' ? 2 : 0)) ?? null
  // What strangers wrote is shown with escapes: a terminal obeys nothing in it.
  const shown = JSON.stringify(words && Buffer.from(words, 'latin1').toString())
    .replace(/[^ -~]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
  const proof = await signed(id, record.owner, gist, rated)
  console.log(`token ${id}, owner ${record.owner.toLowerCase()}, ${new Date(Number(record.time) * 1000).toISOString()}`)
  console.log(`  gist: ${gist.length / 2 - 1} bytes ${gist.slice(2)}\n  words: ${shown}`)
  console.log(`  ${BigInt(rated.evidence) ? NAMES[rated.verdict] : 'no ticket'}, score ${rated.score}/10000, ` +
    `checker ${rated.checker}, as of block ${rated.asOfBlock}, compared with ${rated.comparedWith}\n  ${proof}`)
}
