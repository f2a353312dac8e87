"""Picture -> gist <-> bytes: what a gist says, how each of its layers is coded, and the packet that carries them.

picture ──> describe.py: caption, latent, within a budget ──> Gist

captions ──> textcode.py ──┐
latent, subject, residual ─┴──> packet.py: layers, each with a checksum (crc32c.py) ──> bytes, and back
"""
