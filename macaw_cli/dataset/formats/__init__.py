"""What conversations come in: one small file per format, listed in the registry."""
