"""The pages of the documentation, and what generates some of them: run from the root of the repository."""
