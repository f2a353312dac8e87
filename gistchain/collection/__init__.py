"""Images with named traits: collections that are known, and a maker's own.

known/     ──> Tokens: images and trait labels, some of them held out ──> training, benchmarks, the first database
folder.py  ──> Tokens ──> train.py ──> layers on the shelf, with a report
  ^ metadata.py            ├ work.py            what an interrupted training keeps
                           ├ scores.py          how good it is on held-out tokens
                           └ trained_report.py
"""
