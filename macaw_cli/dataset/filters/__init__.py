"""Filters of conversations: one file per filter; their settings and the table are in `config/filters/`."""
