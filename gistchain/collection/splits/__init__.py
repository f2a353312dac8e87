"""Imported collections -> training, validation and test, collections drawn from one another on one side (S3.8, T3.2).

sample.py    a collection ──> fingerprints and hashes of some of its pictures
families.py  samples, names, contracts ──> families of collections
sizes.py     the published splits and their numbers of pairs
assign.py    families, numbers of pairs ──> which collection lies in which part, and which of its tokens
export/      the pairs of a part ──> webdataset tars, Parquet, data cards
make.py      all of that, for one command
"""
