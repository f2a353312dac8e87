"""The captioner of photos, and the coder of their latents."""
