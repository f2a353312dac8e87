"""A folder of images -> a folder of Sense's results (S1.11 to S1.13), one JSON file for each image.

    folder ── arrivals.py: files that are complete ── watch.py ── check ──> Rareness
                   │                                      │
              Journal: what is done                       └── sense.py: Sense's object ── Results ──> <hash>.json

The results say what is done; the journal (.gistchain-watch.done) only saves reading all files again after a restart.
"""
