"""Bytes -> a token on any EVM chain -> bytes: the registry contract, the chain in this process, the client of others.

    gist bytes, SHA3-256 ── evm.EvmLedger ── node.py: web3 ──┬── embedded.py ── pyevm.py ── chainfile.py: chain.sqlite
                               │     ▲                       └── a node at --rpc
                 ticket.py ────┘     └── keys.py: the account that signs
          rareness, signed            outbox.py: what was sent and not yet acknowledged
                                      known.py: ledgers.json, which chain and registry was behind each name
                                      deployed.py, contracts.py, compile.py, gas.py: the contract and its cost

Beside this path: snapshot.py is the ledger of those who only read the embedded chain. It looks things up in the records
of chain.sqlite (state.py, patricia.py, recover.py), without web3 and py-evm, which take a second to load.
relay.py makes a registration that its owner signed into a token of hers, paid by somebody else; archive.py stores a
whole file in transactions, the rival in the comparison; pairings.py keeps what the libraries never use from loading.
"""

from gistchain.ledger.pairings import defer

defer()  # before any module of this package imports the chain's libraries
