"""Models behind the Protocols of types.py; each sees only types, errors and its own framework."""
