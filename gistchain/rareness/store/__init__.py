"""Registered images -> a database in one folder, and which of them are like a candidate.

    Entry ── Store.add ──┬── database.py   rareness.sqlite: the record of truth, exact and durable
                         └── vectors/      rareness.rows: fingerprints in 8 bits, repaired from the record
    fingerprint ── Store.approximate ───── vectors/        correlation with ALL rows, and the error it can have
    hashes ─────── Store.near ──────────── hashindex.py    rows within a few bits, in 8 turns
    row numbers ── Store.entries, Store.fingerprints ───>  what was added, to the bit
    image ──────── thumbnail.py ────────>  the small WebP of an Entry
    Store, the chain's images ── status.py ──> how many there are, how many tokens have none

An Entry is an image's hashes, fingerprint, thumbnail and names. The store also keeps evidence documents by their hash,
and which token an image became.
"""
