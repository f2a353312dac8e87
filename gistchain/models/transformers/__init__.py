"""Models of transformers and torchvision behind the Protocols, from any hub id or local folder (extra `hf`).

    hub id or folder ──> loading.py: Checkpoint, checked, on its device ──> captioners, embedders, segmenters, corrector
    torchvision's weights ──> statedict.py ──────────────────────────────> segmenters (FCN), evaluators

torch is imported when a model is made, not before. Not run with real weights here: tests/hf runs every class on a tiny
random checkpoint that the real classes made and saved.
"""

from gistchain.models.transformers.captioners import Blip, Llava
from gistchain.models.transformers.corrector import BartCorrector
from gistchain.models.transformers.embedders import Clip, ClipImage, ClipText, SentenceEmbedder
from gistchain.models.transformers.evaluators import ClipScore, InceptionFeatures, Lpips
from gistchain.models.transformers.segmenters import FcnSegmenter, HfSegmenter

__all__ = [
    "BartCorrector",
    "Blip",
    "Clip",
    "ClipImage",
    "ClipScore",
    "ClipText",
    "FcnSegmenter",
    "HfSegmenter",
    "InceptionFeatures",
    "Llava",
    "Lpips",
    "SentenceEmbedder",
]
