"""Text: the dictionaries that captions are coded with, and a corrector of damaged ones."""
