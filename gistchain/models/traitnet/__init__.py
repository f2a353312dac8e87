"""The networks of punks and Nouns: small ones, trained in training/, run by onnxruntime.

    image ──> 64 x 64 ──> captioner.py: a CNN with a head for each trait type ──> caption and confidence
    caption ──> phrases as MiniLM vectors ──┐
    seed ─────> noise ──────────────────────┼──> painter.py: flow matching in a PCA latent ──> picture
    thumb8 ───> 8x8 colours ────────────────┘

The captioner knows four further collections, and says of any other image that it knows none of it. The painters are one
network for each collection.
"""
