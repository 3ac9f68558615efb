"""Runs a module as `python -m` does, in a process that ends with the one that started it, however that ends.

`python -m macaw_cli.training.checkpoints.converter_process PARENT MODULE ARGUMENTS...`
"""

import runpy
import sys

from macaw_cli.basics.lifetime import end_with_parent


def main() -> None:
    """Put the arguments in the module's place and run it."""
    end_with_parent(int(sys.argv[1]))
    sys.argv = sys.argv[2:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
