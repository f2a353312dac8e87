"""Bytes -> EVM chain -> bytes: the registry contract, the chain in process, and the client of any other."""
