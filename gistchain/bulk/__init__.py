"""Folders of images -> tokens in batches: compared in several processes, then sent in a few transactions."""
