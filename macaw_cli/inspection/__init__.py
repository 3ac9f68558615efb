"""What is in a folder, and is it whole."""
