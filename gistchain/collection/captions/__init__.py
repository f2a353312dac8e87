"""Captions of imported collections (S3.6).

template.py    attributes ──> `A picture of {subject}, containing {value} {trait_type}, ...`
translate.py   words in other languages ──> English, by tables
paraphrase.py  the same in other words, by rule
endpoint.py    the same by a language model: model.py asks, asked.py remembers, faithful.py judges
make.py        a whole collection ──> rows.py: captions.parquet
"""
