"""Collections of others: a contract, a folder, a package or a list of URIs -> a folder of the home.

    sources.py ─ ids, URIs, owners ─> run.py ─ metadata, media ─> standard.py ─ PNG of width 512 ─┐
                                        │                                                         v
                                        └──────────────────────────────────> record.py ─ manifest.py, filters.py

Importing is not registering: who imports is not the author (T1.6). A token is kept as a reference, with its owner at a
named block.
"""
