"""What kinds of media there are: one table."""
