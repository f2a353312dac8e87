"""Vectors of one size, in 8 bits in a file that is mapped, and their correlation with a given one, within a bound.

layout.py   how a row of the file is laid out
matrix.py   vectors <-> the file of rows
scan.py     rows, vectors that are looked for -> correlations and the error of each
"""
