"""The command line.

    words of a person ──> start ──> app ──> path, tokens, rareness, ... ──> one call ──> answers ──> stdout
                                            options, sources: what several commands take
                                            usage, completion: words that are wrong, words that are begun
                                            terminal: how things are shown, how a command ends

No logic lives here: a web app makes the same calls.
"""
