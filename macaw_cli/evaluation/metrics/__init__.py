"""Text metrics of generated answers, one file each."""
