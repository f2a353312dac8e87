"""Frozen values that travel along the path, and the Protocols that systems, models and ledgers fulfil.

    path.py      picture, gist, token, isotope        rareness.py  verdict, nearest image, ticket
    models.py    what each kind of model must do      seams.py     System and Ledger
    question.py  what only a person may decide

Imports nothing of ours, so that everything can.
"""

from gistchain.types.models import (
    Captioner,
    ContentRater,
    FeatureExtractor,
    Fingerprinter,
    ImageEmbedder,
    JointEmbedder,
    LatentCoder,
    Painter,
    PerceptualDistance,
    ReverseSearch,
    Segmenter,
    TextCorrector,
    TextEmbedder,
)
from gistchain.types.path import (
    Caption,
    Choice,
    Described,
    Gist,
    ImageFile,
    Isotope,
    Latent,
    Picture,
    Pixels,
    Rebuilt,
    Receipt,
    Residual,
    Subject,
    Token,
    WhenLatent,
)
from gistchain.types.question import Confirm, Question
from gistchain.types.rareness import (
    Content,
    Hash,
    Hashes,
    Nearest,
    Rareness,
    RarenessTicket,
    Region,
    SignedRareness,
    SignedVerdict,
    Transform,
    Verdict,
    WebMatch,
    WebSearch,
)
from gistchain.types.seams import (
    Ledger,
    System,
)

__all__ = [
    "Caption",
    "Captioner",
    "Choice",
    "Confirm",
    "Content",
    "ContentRater",
    "Described",
    "FeatureExtractor",
    "Fingerprinter",
    "Gist",
    "Hash",
    "Hashes",
    "ImageEmbedder",
    "ImageFile",
    "Isotope",
    "JointEmbedder",
    "Latent",
    "LatentCoder",
    "Ledger",
    "Nearest",
    "Painter",
    "PerceptualDistance",
    "Picture",
    "Pixels",
    "Question",
    "Rareness",
    "RarenessTicket",
    "Rebuilt",
    "Receipt",
    "Region",
    "Residual",
    "ReverseSearch",
    "Segmenter",
    "SignedRareness",
    "SignedVerdict",
    "Subject",
    "System",
    "TextCorrector",
    "TextEmbedder",
    "Token",
    "Transform",
    "Verdict",
    "WebMatch",
    "WebSearch",
    "WhenLatent",
]
