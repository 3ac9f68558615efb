"""Where the jobs of an extraction run: in this process, in one process per GPU, or on a Ray cluster."""
