"""URLs of strangers -> what lies there, fetched within bounds; nothing of the user's goes along.

    URL ── address.py: one spelling ── guard.py: a public address, or Refused ── robots.py: may it be read?
        ── fetch.py: one connection to that address, bounded in time and bytes ── body.py: unpacked ──> Answer
    HTML ── page.py ──> title, links, images, robots tags

Used by rareness/websearch: the crawler takes the whole way, the paid services skip robots.py. ledger/provider.py takes
lines.py alone, to the node that the user chose.
"""
