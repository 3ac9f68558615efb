"""What a stage learns: one file per objective."""
