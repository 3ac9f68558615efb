"""Shows what is in a folder and whether it is intact; the doctor."""
