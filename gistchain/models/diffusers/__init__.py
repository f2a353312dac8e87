"""Stable Diffusion and its relatives behind the Protocols, from any hub id or local folder, by diffusers (extra `hf`).

    caption ──> prompts.py: words, weights, LoRAs ──┐
    seed ─────> noise ──────────────────────────────┼──> pipelines.py ──> painters.py, ip_adapter.py ──> pictures
    latent ───> vae.py <── latentbytes.py <── bytes ┘

torch is imported when a model is made, not before. Not run with real weights here: tests/hf runs every class on a tiny
random checkpoint that the real classes made and saved.
"""

from gistchain.models.diffusers.ip_adapter import IpAdapter
from gistchain.models.diffusers.painters import ImageToImage, TextToImage
from gistchain.models.diffusers.vae import SdVae

__all__ = ["ImageToImage", "IpAdapter", "SdVae", "TextToImage"]
