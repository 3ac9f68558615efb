"""What a training tells while it goes: the lines that are shown, utilisation of the GPUs, trackers."""
