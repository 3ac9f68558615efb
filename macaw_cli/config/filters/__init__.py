"""Settings of the filters of conversations: one file per filter, without numpy or torch."""
