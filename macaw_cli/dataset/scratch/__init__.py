"""What a build knows of its conversations, on disk until they are written: records, and columns of numbers."""
