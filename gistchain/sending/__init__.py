"""A picture over a noisy radio: what is sent of it, in which blocks, and what is made of what arrives.

picture ─> plan.py, room.py: which form, which blocks, how many uses each ─> air.py: blocks over a Link
        ├> analogue.py: the latent's numbers as symbols behind its caption     ─> gist, lost layers named
        └> text.py, imagefile.py, literal.py, given.py: the rivals

compare.py: several systems over the same noise; losses.py: their blocks beside the bound; restart.py: restarts.
"""
