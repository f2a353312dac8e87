"""A picture over a noisy radio: what is sent of it, in which blocks, and what is made of what arrives.

picture ─> plan.py: which form, which blocks, how many uses each ─> air.py: blocks over a Link
        └> text.py, imagefile.py: the rivals                          ─> gist, lost layers named

compare.py: several systems over the same noise; losses.py: their blocks beside the bound; restart.py: restarts.
"""
