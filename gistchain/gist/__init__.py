"""Gist <-> bytes: the layers, how each is coded, and the packet that carries them.

captions ──> textcode.py ──┐
latent, subject, residual ─┴──> packet.py: layers, each with a checksum (crc32c.py) ──> bytes, and back
"""
