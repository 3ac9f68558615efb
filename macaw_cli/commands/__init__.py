"""One file per command: options, settings, one call."""
