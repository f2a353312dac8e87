"""A folder of images -> a folder of Sense's results (S1.11 to S1.13), one JSON file for each image.

folder ── arrivals.py: files that are complete ── watch.py ── check ──> Rareness
               │                                      │
.gistchain-watch.done: what is done (a cache)         └── sense.py: Sense's object ── Results ──> <hash>.json
"""
