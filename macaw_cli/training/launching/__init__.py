"""Several processes that train together: on this machine, or on the machines of a hostfile."""
