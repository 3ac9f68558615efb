"""A training that kills itself with SIGKILL at a chosen moment: `python killed_training.py WORKSPACE MOMENT`.

Not a test: the tests of resuming run it as a process of its own, so that nothing at all is tidied up.
"""

import os
import signal
import sys
from pathlib import Path


def die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def arm(moment: str) -> None:
    """Replace one function by one that dies in its middle."""
    from macaw_cli.training.checkpoints import saving
    from macaw_cli.training.steps import loop
    from macaw_cli.training.steps.engine import TrainingEngine

    if moment == "before the first checkpoint":
        saving.remove_unfinished = die
    elif moment == "during a checkpoint":
        saving._finish = die
    elif moment == "between two sequences of a step":
        backward, calls = TrainingEngine.backward, []

        def dying_backward(self: TrainingEngine, loss: object) -> None:
            backward(self, loss)
            calls.append(loss)
            if len(calls) == 6:  # 4 sequences a step: in the second step after the resume
                die()

        TrainingEngine.backward = dying_backward
    elif moment == "in validation":
        loop.Course.validate = property(lambda self: die, lambda self, value: None)
    else:
        raise ValueError(moment)


if __name__ == "__main__":
    from macaw_cli.config.loading import open_workspace
    from macaw_cli.training.run import train

    arm(sys.argv[2])
    train(open_workspace(Path(sys.argv[1])), resume=True)
