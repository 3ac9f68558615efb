"""The embedded world, its tiny checkpoints, and the whole path run on them."""
