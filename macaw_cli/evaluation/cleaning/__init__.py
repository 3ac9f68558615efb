"""Which questions need their media, and which training examples teach guessing."""
