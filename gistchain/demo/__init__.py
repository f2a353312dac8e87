"""The demo: real NFTs through a chain as sentences, beside the classical formats on the same chain.

held-out tokens ──> run ──> comparison (register, rebuild, rivals) ──> rows ──> terminal, JSON
                                                                        └──> report ──> report.html
"""
