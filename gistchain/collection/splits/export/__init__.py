"""The pairs of a split -> files that others' programs read.

pairs.py      a collection's taken tokens ──> key, PNG, captions, attributes
tars.py       pairs ──> webdataset tars
parquet.py    pairs ──> Parquet as Hugging Face `datasets` reads it
card.py       counts ──> README.md, the data card
croissant.py  counts ──> croissant.json, the same for machines
"""
