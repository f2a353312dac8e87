"""A candidate laid over registered images that may be its source: what was done to it, and where the two differ.

    image ── views.py ──> View: pixels within 144 x 144, gradients, borders, SIFT points
                            │
    hypotheses.py ──────────┤  about 25 transforms between two views
    align.py                │  the few under which gradients agree best, refined
                            │
    shortlist.py            │  many registered views under shared alignments ──> the likeliest six
    restored.py             │  the transform undone with a sibling's help ──> an image for a second fingerprint
                            │
    verify.py ──────────────┴──> Comparison, for each of the six:
        photometry.py            the registered image in the candidate's blur and colours
        bend.py                  a wave or swirl undone
        difference.py            what still differs, where, and by which features
    rivals.py                    which places other registered images explain better

verify.compare puts the steps of one comparison together; examine.py, one floor up, decides what is compared.
"""
