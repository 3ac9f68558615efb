"""What the user names as sources, as a stream of media."""
