"""Registered tokens and imported references -> found again by words, by a picture, by what they are like.

sources.py   the home's chain, followed registries, imports ──> items, and which of them are new or gone
record.py    search.sqlite: items, their traits, words and vectors; the record that all else is made from
pictures.py  an item's picture ──> vector ──> search.rows, scanned whole (vectors/)
query.py     what was typed ──> phrases, each with the traits that it may mean (spelling, forms, languages)
find.py      three rankings ──> one, by rank; hits that look the same folded; why each is one
plan.py      a question ──> a plan, which is shown ──> what counting gives (answer.py)
trace.py     a hit ──> what the chain says of it now
"""
