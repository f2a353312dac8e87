"""Image -> where it, or a copy of it, is on the internet (S1.7): evidence that is kept, not a live rank.

    pixels ── vision.py, tineye.py ── api.py ── a paid service, asked with the user's key ──┐
    pixels ── index.CrawlSearch ── crawl.sqlite ────────────────────────────────────────────┴──> WebSearch
    sites ─── crawl.py ── internet/ ──┐
    archive ─ warc.py ────────────────┴── index.Index: hashes of the images and the pages that show them
    WebSearch of several nodes ── agreement.py ──> SearchAgreement: the places that most nodes found

The three searches are ReverseSearch providers. The crawler and the reader of archives fill the index, which is searched
without a request to anyone.
"""
