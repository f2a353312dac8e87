"""Files that survive a kill at any moment, and what goes wrong with them in our own words.

    bytes ──────────── write.py ───> a file, whole or not at all     keys, ledgers.json, PNG files, results, trainings
    a name ─────────── lock.py ────> this process is the one at work the chain, a watched folder, a training
    path and pragmas ─ sqlite.py ──> a connection to a SQLite file   the chain, the outbox, the store, the crawl's index
                           └───────> FileBusy, FileDamaged, DiskFull or FileError in place of OSError and sqlite3.Error

A room says what to do about a damaged file (`instead`): restore a backup, set the database aside, crawl again.
"""
