"""What holds for every test."""

import signal

from macaw_cli.basics.threads import share_cores

share_cores()  # before anything imports torch

# A shell starts background jobs with SIGINT ignored, and every process below inherits that: Ctrl-C could not be tested.
signal.signal(signal.SIGINT, signal.default_int_handler)
