"""The formats of `macaw export`, one file of settings each, and the table of them."""
