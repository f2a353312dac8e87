"""Packet bytes over a noisy radio: bits -> codeword -> symbols ~~ channel ~~> log-likelihood ratios -> bits.

Conventions stand in snr.py: Es/N0, symbols of mean power 1, LLR = log P(0)/P(1), a use is one complex symbol.
"""
