"""Any image in words and in a few bytes, and back.

image ──> medium.py   photo or drawing? ──┐
  ├─────> labels.py   what it shows ──────┼──> captioner.py ──> caption ──> sketch.py ──> picture
  ├─────> layout.py   what colour is where┘                                    ^
  └─────> latent/     64 B to 8 KB ─────────────────────> decoded ─────────────┘
"""
