"""Values -> the JSON that scripts read and the words that people read; the same for every front end.

    pipeline, rareness, collection, models ──> values ──> answers ──> JSON, words ──> command line, later the web

Nothing here opens a file or asks a chain.
"""
