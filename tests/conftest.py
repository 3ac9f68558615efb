"""What holds for every test."""

import signal

# A shell starts background jobs with SIGINT ignored, and every process below inherits that: Ctrl-C could not be tested.
signal.signal(signal.SIGINT, signal.default_int_handler)
