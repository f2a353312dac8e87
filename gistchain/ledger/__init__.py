"""Bytes -> a token on any EVM chain -> bytes: the registry contract, the chain in this process, the client of others.

    gist bytes, SHA3-256 ── evm.EvmLedger ── node.py ── connection.py ─┬─ pyevm.py ── chainfile.py: chain.sqlite
                               │     ▲                                 └─ remote.py ── provider.py, replies.py: --rpc
                 ticket.py ────┘     └── keys.py, account.py: the account that signs; abi.py: what it calls
          rareness                    sending.py, outbox.py: one transaction in a block, however often it is tried
                                      fees.py, consent.py, networks.py: what it may cost, and what a person has allowed
                                      endpoints.py: several nodes as one; refusals.py: what they mean by a refusal
                                      known.py: ledgers.json, which chain and registry was behind each name
                                      dialled.py: URLs and what was said of it; deployed.py: the registry there
                                      contracts.py, compile.py, gas.py: the contract and its cost
                                      embedded.py: the chain of a home, its lock and its faucet; inhome.py: its ledger

Beside this path: reader.py reads a registry on a node; follow.py keeps what it has read, in followed.py's file;
proof.py, logs.py and transaction.py tell whether a token's owner signed what it says; snapshot.py is the ledger of
those who only read the embedded chain. It looks things up in the records of chain.sqlite (state.py, blocks.py,
batch.py, patricia.py, recover.py), without web3 and py-evm, which take a second to load. relay.py makes a registration
that its owner signed into a token of hers, paid by somebody else; archive.py stores a whole file in transactions, the
rival in the comparison; pairings.py keeps what the libraries never use from loading.
"""
