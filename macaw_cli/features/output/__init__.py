"""Where a feature store is written: a folder or a URL."""
