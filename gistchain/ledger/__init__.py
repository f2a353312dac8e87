"""Bytes -> a token on any EVM chain -> bytes: the registry contract, the chain in this process, the client of others.

    gist bytes, SHA3-256 ── evm.EvmLedger ── node.py: web3 ──┬── embedded.py ── pyevm.py ── chainfile.py: chain.sqlite
                               │     ▲                       └── provider.py, replies.py ── a node at --rpc
                 ticket.py ────┘     └── keys.py: the account that signs
          rareness, signed            sending.py, outbox.py: one transaction in a block, however often it is tried
                                      fees.py, consent.py, networks.py: what it may cost, and what a person has allowed
                                      known.py: ledgers.json, which chain and registry was behind each name
                                      deployed.py, contracts.py, compile.py, gas.py: the contract and its cost

Beside this path: reader.py reads a registry on a node; snapshot.py is the ledger of those who only read the embedded
chain. It looks things up in the records of chain.sqlite (state.py, patricia.py, recover.py), without web3 and py-evm,
which take a second to load. relay.py makes a registration that its owner signed into a token of hers, paid by somebody
else; archive.py stores a whole file in transactions, the rival in the comparison; pairings.py keeps what the libraries
never use from loading.
"""
