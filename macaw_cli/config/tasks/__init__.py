"""The tasks of `macaw evaluate`, one file of settings each, and the table of them."""
