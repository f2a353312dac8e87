"""Image -> how rare it is among all registered images, with the evidence (S1).

    picture ── check.py
                 ├─ models ────────> fingerprint, content        (passed in: no model is named here)
                 ├─ hashes.py ─────> hashes in eight turns ── the same file or pixels? ──> copy
                 ├─ examine.py
                 │    ├─ store/ ───────> registered images: hashes, fingerprints, thumbnails
                 │    ├─ funnel.py ────> which rows stand out; measures/ says how closely they agree
                 │    └─ overlay/ ─────> the likeliest laid over the candidate, one by one
                 ├─ renditions.py ─> the same with another background, where something is transparent
                 ├─ judge.py ──────> scores.py: features ── classifiers ──> verdict, score, sub-scores
                 ├─ nearest.py ────> the likeliest source, and where it differs
                 └─ words.py ──────> traits that differ, reason
                      └──> Rareness ──> evidence.py: the document behind a ticket
                                   ├──> explain.py: one HTML page
                                   └──> service/: Sense's JSON; a folder that is watched

among.py calls check.py to compare pictures with each other.
book.py calls check.py when an image is registered: assess before the chain is asked, settle afterwards.
websearch/ looks for the image on the internet, where that is asked for.
"""
