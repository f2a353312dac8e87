"""A maker's rules -> a collection: tokens that keep every rule, pictures, metadata, ranks and prompts (S3.10).

rules.toml ──> reading.py ──> Rules ──> plan.py: N rows of traits ──> verify.py
layers, or a trained painter ─────────> art.py ──┘   │ solve.py: counts and rules; repair.py: no two alike
                                                     ├─> pictures.py ──> images/
                                                     ├─> metadata.py, rarity.py, prompts.py, sheet.py
                                                     ├─> near.py: too near to another collection?
                                                     └─> guard.py: did the owner change what would be written over?
"""
