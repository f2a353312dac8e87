"""Bytes of strangers, damaged and made up by the thousand -> do the readers of them refuse in our words, and in time?

    targets.py ── seeds of a kind of input, how they are changed, the reader, its errors and limits
    pictures.py ── the seeds of the image readers
    kept.py ────── files of a home, collections, node replies
    mutate.py ─── a seed and a number -> a changed input, the same at every run
    run.py ────── each target in a process of its own, watched: inputs, worst time, worst memory, what went wrong

Anything but our errors is a failure, and so is more time or memory than the target's limits. The input of a failure is
kept in fuzz/found/. `make fuzz MINUTES=30` runs all targets; benchmarks/reliability.py writes what came of it.
"""
