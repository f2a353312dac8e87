"""The command line.

    words of a person ──> app ──> path, rareness, models, collection ──> one call ──> answers ──> stdout
                                  options, sources: what several commands take        terminal: how things are shown

No logic lives here: a web app makes the same calls.
"""
