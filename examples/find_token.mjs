// Find, read and check the tokens of an image on any EVM chain: 79 lines of code on viem, without gistchain.
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
import { createPublicClient, decodeAbiParameters, encodePacked, hashTypedData, http, parseAbi } from 'viem'
import { parseAbiParameters, parseTransaction, recoverAddress, recoverTransactionAddress } from 'viem'

// The registry has one address on every chain. A verdict is told by its place in this row.
const address = '0xBc78497752451c3e25d599a142E34d387A64Fb55'
const NAMES = ['original', 'sibling', 'derivative', 'copy', 'unsure']
const RATING = 'uint16 score, uint8 verdict, uint16 checker, uint40 asOfBlock, uint32 comparedWith, bytes32 evidence'
const abi = parseAbi([
  'event Registered(uint256 indexed id, address indexed owner, bytes32 indexed imageHash)',
  'event Relayed(uint256 indexed id, uint256 deadline, bytes signature)',
  'event Batch(uint256 indexed batch, address indexed owner, uint256 first, uint256 count, bytes32 root)',
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
const image = `0x${/^[\da-f]{64}$/i.test(given) ? given : createHash('sha3-256').update(readFileSync(given)).digest('hex')}`
const client = createPublicClient({ transport: http(url) })
const ask = (functionName, args, at = address) => client.readContract({ address: at, abi, functionName, args })
const logs = (eventName, args) => client.getContractEvents({ address, abi, eventName, args, fromBlock: 0n })

const told = (good) => (good ? 'signed by the owner' : 'FALSE')

// What a batch has for its k-th image, as registerBatch in registry.vy lays it: hash, evidence, rating and gist.
function item(data, k) {
  const cut = (at, size) => data.slice(2 + 2 * at, 2 + 2 * (at + size))
  const number = (at, size) => parseInt(cut(at, size) || '0', 16)
  const [rated, count, width, common] = [number(0, 1), number(1, 2), number(3, 1), number(4, 1)]
  const images = 5 + common + 43 * rated, scores = images + 32 * count, gists = scores + 3 * rated * count
  const end = (j) => 2 * count + (j < 0 ? 0 : number(gists + 2 * j, 2))
  const [a, b] = width ? [k * width, (k + 1) * width] : [end(k - 1), end(k)]
  const evidence = cut(images - 43, 32 * rated).padEnd(64, '0')
  const rating = BigInt('0x0' + cut(scores + 3 * k, 3 * rated) + cut(images - 11, 11 * rated))
  return ['0x' + cut(images + 32 * k, 32), '0x' + evidence, rating, '0x' + cut(5, common) + cut(gists + a, b - a)]
}

// Whether the owner signed just this image, gist and ticket, in words.
async function signed(id, { owner, batch }, gist, rated) {
  const [{ args } = {}] = batch ? [] : await logs('Relayed', { id })
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
  // The owner sent it: the transaction is her signature, of a batch for all of its tokens.
  const [made] = await (batch ? logs('Batch', { batch }) : logs('Registered', { id }))
  if (!made) return 'not checked: its log is gone'
  const raw = await client.request({ method: 'eth_getRawTransactionByHash', params: [made.transactionHash] })
  const sum = BigInt(encodePacked(['uint16', 'uint8', 'uint16', 'uint40', 'uint32'], Object.values(rated).slice(0, 5)))
  try {
    const { to, data } = parseTransaction(raw)
    const form = parseAbiParameters(batch ? 'bytes' : 'bytes32, bytes32, uint, bytes')
    const sent = decodeAbiParameters(form, `0x${data.slice(10)}`)
    const said = batch ? item(sent[0], Number(id - made.args.first)) : sent
    const same = said.join() === [image, rated.evidence, sum, gist].join().toLowerCase()
    return told(same && to === address.toLowerCase() &&
      (await recoverTransactionAddress({ serializedTransaction: raw })) === owner)
  } catch {
    return told(false) // a stranger chose the bytes, and those that can't be read sign nothing
  }
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
  const proof = await signed(id, record, gist, rated)
  console.log(`token ${id}, owner ${record.owner.toLowerCase()}, ${new Date(Number(record.time) * 1000).toISOString()}`)
  console.log(`  gist: ${gist.length / 2 - 1} bytes ${gist.slice(2)}\n  words: ${shown}`)
  console.log(`  ${BigInt(rated.evidence) ? NAMES[rated.verdict] : 'no ticket'}, score ${rated.score}/10000, ` +
    `checker ${rated.checker}, as of block ${rated.asOfBlock}, compared with ${rated.comparedWith}\n  ${proof}`)
}
