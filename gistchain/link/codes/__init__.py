"""Bits -> coded bits, and log-likelihood ratios -> bits: the channel codes of 5G (TS 38.212).

    crc.py        the checks                        ldpc.py   long blocks; transport.py cuts longer ones
    polar*.py     short blocks, whose decoder lists candidates

Bits are uint8, 0 or 1; a log-likelihood ratio is log P(0)/P(1), positive for a 0.
"""
