"""One table of all modalities."""
