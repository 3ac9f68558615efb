"""Media that come from elsewhere, and stores that are written elsewhere."""
