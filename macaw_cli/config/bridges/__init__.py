"""Settings of the bridges: one file per design, without torch."""
