"""One file per command: options become settings, then one call."""
