"""Bits -> coded bits ~~ log-likelihood ratios ~~> bits: the channel codes of 5G (3GPP TS 38.212).

    transport.py   any number of bits, with checks, divided among LDPC blocks
    ldpc.py        one LDPC block: ldpc_graph.py, ldpc_encoder.py, ldpc_decoder.py
    crc.py         cyclic redundancy checks

Bits are arrays of uint8, 0 or 1. A log-likelihood ratio is log P(0)/P(1): positive where a bit is rather 0.
"""
