"""Files that survive a kill at any moment; what goes wrong with them is said in neutral errors of ours.

    bytes ─────────────── write.py ── a file, whole or not at all     keys, ledgers.json, PNG files, results
    a file's name ─────── lock.py ─── the right to work, for one      the chain, a watched folder, a training
    a path and pragmas ── sqlite.py ─ a connection to a SQLite file   the chain, the outbox, the store, the crawl
    a name and a key ──── kept.py ─── a file that can be made anew    optimised networks, compiled kernels

OSError and sqlite3.Error come out as FileBusy, FileDamaged, DiskFull or FileError. What to do about a damaged file is
said by the room that owns it (`instead`): restore a backup, set the database aside, crawl again.
"""
