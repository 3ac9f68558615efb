"""Settings of the experts: what turns a medium into text, one file each."""
