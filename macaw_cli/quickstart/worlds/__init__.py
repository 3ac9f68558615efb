"""The worlds of the quickstart, one file per modality."""
