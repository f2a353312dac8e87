"""Image -> where it, or one like it, is on the internet (S1.7): evidence that is kept, not a live rank.

Three ReverseSearch providers: `vision` and `tineye` ask official services with the user's key; `crawl` and `warc` fill
an `index` of our own, which is searched without asking anyone. `agreement` compares what several nodes found.
"""
