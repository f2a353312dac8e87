"""The tables and the filter of the latent coder 'photo': python -m training.photo.latent tells the stages."""
