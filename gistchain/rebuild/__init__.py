"""Gist -> the image that it gives (ROSIS).

gist ──> isotope.py: painter ──> n isotopes ──> captioner ──> n captions ──> distance to the gist's own caption
                                      └────────────────────────────────────> the nearest one, painted in full size
"""
