"""An embedded world with tiny checkpoints, and the whole path run on them."""
