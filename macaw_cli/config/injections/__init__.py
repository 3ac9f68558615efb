"""Settings of injections: one file per design."""
