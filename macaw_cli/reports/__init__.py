"""What a run wrote down, as figures, pictures and pages; for the end of a training and for `macaw inspect`."""
