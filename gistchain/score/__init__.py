"""Images -> numbers to compare methods by.

two images ──────────> fidelity.py      SSIM, PSNR
two sets' features ──> distribution.py  Frechet and kernel distance
one image ───────────> storage.py       the bytes of PNG, WebP, JPEG and AVIF
"""
