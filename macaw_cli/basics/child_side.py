"""What a process that macaw has started does first: end with its parent, and keep to its memory.

It imports next to nothing, because decoders are started often.

`python -m macaw_cli.basics.child_side PARENT MODULE ARGUMENTS...` runs any module that way (`child.tied`).
"""

import ctypes
import os
import resource
import signal
import sys

_PR_SET_PDEATHSIG = 1


def end_with_parent(parent: int | None = None, by: signal.Signals = signal.SIGKILL) -> None:
    """Have the kernel end this process when the one that started it dies, however that dies; on Linux only.

    Args:
        parent: process id of the parent, to notice that it died before this call.
        by: the signal that comes then; only SIGKILL cannot be put off.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, by)
        if parent is not None and os.getppid() != parent:
            os._exit(1)


def limit_memory(mib: int) -> None:
    """Let this process have at most so many MiB of address space, and leave no core file; the size on Linux only."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (mib << 20, mib << 20))


if __name__ == "__main__":
    import runpy

    end_with_parent(int(sys.argv[1]))
    sys.argv = sys.argv[2:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
